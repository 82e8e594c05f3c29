import { Bug } from './assert.ts';
import type { DurationMs } from './units.ts';

/**
 * Everything that can go wrong in front of a caller. Closed: `wire` maps each kind once to gRPC and HTTP, and a kind that is missing
 * there does not compile.
 */
export type MeshErrorKind =
  | 'invalid-argument'
  | 'model-not-found'
  | 'endpoint-not-found'
  | 'not-found'
  | 'already-exists'
  | 'failed-precondition'
  | 'load-failed'
  | 'no-capacity'
  | 'overloaded'
  | 'too-large'
  | 'unsupported-method'
  | 'unsupported-encoding'
  | 'unsupported-media-type'
  | 'method-not-allowed'
  | 'unauthenticated'
  | 'permission-denied'
  | 'deadline-exceeded'
  | 'cancelled'
  | 'unavailable'
  | 'registry-unavailable'
  | 'not-here'
  | 'internal';

/** What an error may carry besides its sentence. */
export interface MeshErrorOptions {
  /** When trying again may help. */
  readonly retryAfterMs?: DurationMs;
  readonly cause?: unknown;
}

/** An error that a caller will see. The message names the thing, what was expected and what to do; it never holds a secret. */
export class MeshError extends Error {
  override readonly name = 'MeshError';
  readonly kind: MeshErrorKind;
  readonly retryAfterMs: DurationMs | undefined;

  constructor(kind: MeshErrorKind, message: string, options: MeshErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What a caller is told of a {@link Bug} or of any other error that is not ours. */
export const INTERNAL_ERROR_TEXT = 'internal error; the log of the node has the details';

/** The funnel of every `catch`: keeps a {@link MeshError}, hides the text of everything else and keeps it as the cause. */
export function toMeshError(thrown: unknown): MeshError {
  if (thrown instanceof MeshError) return thrown;
  if (thrown instanceof Bug) return new MeshError('internal', INTERNAL_ERROR_TEXT, { cause: thrown });
  if (thrown instanceof Error && thrown.name === 'AbortError') return new MeshError('cancelled', 'cancelled', { cause: thrown });
  return new MeshError('internal', INTERNAL_ERROR_TEXT, { cause: thrown });
}
