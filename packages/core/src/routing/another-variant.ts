/** Whether another variant of an endpoint may answer a call whose own variant did not (design, *Attempts*). */
import { assertNever } from '../assert.ts';
import type { MeshErrorKind } from '../errors.ts';
import type { FallbackCause } from '../records/index.ts';
import type { CallFacts, Evidence } from './attempt.ts';
import { meaningOf } from './runtime-status.ts';

/** How a variant ended without an answer, when nothing is repeated for it any more. */
export type VariantEnd =
  /** The last attempt ended with it. */
  | { readonly kind: 'attempt'; readonly evidence: Evidence }
  /** Nobody was asked, for this reason: control found no copy, or a limit was reached. */
  | { readonly kind: 'refused'; readonly error: MeshErrorKind };

/** Why another variant is to answer, in the words of policies. `unavailable`: the model cannot be had, which no policy has to allow. */
export type VariantCause = FallbackCause | 'unavailable';

/** gRPC codes by which a runtime says that it failed, rather than that the call is wrong: UNKNOWN, ABORTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const FAILING_CODES: ReadonlySet<number> = new Set([2, 10, 13, 14, 15]);
const DEADLINE_EXCEEDED = 4;

/**
 * The cause for which another variant may answer; `null`: none may. The whole request must still be held and nothing of an answer given on; work that was
 * perhaps executed is not done again where model or call forbid it. The budget of repetitions is not asked: each variant of a call is asked once, and
 * another model does the work.
 */
export function causeForAnother(call: CallFacts, end: VariantEnd): VariantCause | null {
  if (!call.replayable || call.responseForwarded) return null;
  if (call.remainingMs !== null && call.remainingMs <= 0) return null;
  if (end.kind === 'refused') return causeOfRefusal(end.error);
  const forbidden = call.modelRetry === 'never' || call.callRetry === 'never';
  return forbidden && perhapsExecuted(end.evidence) ? null : causeOfEvidence(end.evidence);
}

function causeOfRefusal(error: MeshErrorKind): VariantCause | null {
  switch (error) {
    case 'load-failed':
    case 'no-capacity':
    case 'model-not-found':
    case 'unavailable':
    case 'registry-unavailable':
    case 'not-here':
      return 'unavailable';
    case 'overloaded':
      return 'overloaded';
    case 'internal':
      return 'error';
    case 'invalid-argument':
    case 'endpoint-not-found':
    case 'not-found':
    case 'already-exists':
    case 'failed-precondition':
    case 'too-large':
    case 'unsupported-method':
    case 'unsupported-encoding':
    case 'unsupported-media-type':
    case 'method-not-allowed':
    case 'unauthenticated':
    case 'permission-denied':
    case 'deadline-exceeded':
    case 'cancelled':
      return null;
    default:
      return assertNever(error);
  }
}

function perhapsExecuted({ kind }: Evidence): boolean {
  return kind === 'connection-lost' || kind === 'attempt-timeout' || kind === 'runtime-status';
}

function causeOfEvidence(evidence: Evidence): VariantCause | null {
  switch (evidence.kind) {
    case 'connect-refused':
    case 'refused-stream':
    case 'goaway-unprocessed':
    case 'not-here':
    case 'displaced':
    case 'runtime-down':
    case 'connection-lost':
      return 'error';
    case 'load-failed':
      return 'unavailable';
    case 'refused-by-peer':
      return causeOfPeer(evidence.error);
    case 'attempt-timeout':
      return 'timeout';
    case 'runtime-status':
      return causeOfStatus(evidence.code, evidence.message);
    case 'deadline-passed':
    case 'cancelled':
      return null;
    default:
      return assertNever(evidence);
  }
}

/** A model that has no room at another node cannot be had, as one that has none here. */
function causeOfPeer(error: MeshErrorKind): VariantCause {
  if (error === 'no-capacity' || error === 'load-failed') return 'unavailable';
  return error === 'overloaded' ? 'overloaded' : 'error';
}

function causeOfStatus(code: number, message: string): VariantCause | null {
  if (code === DEADLINE_EXCEEDED) return 'timeout';
  const meaning = meaningOf(code, message);
  if (meaning === 'exhausted') return 'overloaded';
  return meaning === 'model-lost' || FAILING_CODES.has(code) ? 'error' : null;
}
