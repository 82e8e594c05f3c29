import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type DurationMs, durationMs, type MeshErrorKind } from '@modelmesh/core';
import type { EndedAttempt } from '@modelmesh/core/routing';
import { PeerErrorSchema } from '../gen/mesh/v1/peer-error_pb.ts';
import { decodeBinaryHeader, encodeBinaryHeader } from '../headers/index.ts';
import { isErrorKind } from './error-table.ts';

/** The trailer in which nodes tell one another about a failed call; stripped at the edge. */
export const PEER_ERROR_TRAILER = 'mesh-error-bin';

/** The most attempts that travel, as many as a call may have (spec `modelmesh.md` §2.8); of a longer history the newest are kept. */
export const PEER_ERROR_ATTEMPTS_MAX = 8;
/** The longest detail of one attempt that travels, in characters; the rest is cut off. */
export const PEER_ERROR_DETAIL_CHARS_MAX = 200;
/** The longest trailer that is read, in characters of base64. */
export const PEER_ERROR_TRAILER_CHARS_MAX = 16_384;

/** One try to get a call answered. */
export interface PeerAttempt {
  /** Id of the instance that was tried. */
  readonly instance: string;
  /** How it ended, in the words of `core/routing`. */
  readonly outcome: string;
  /** For a person; may be empty. */
  readonly detail: string;
}

/** What one node tells another about a failed call, beyond gRPC status and message. */
export interface PeerError {
  readonly kind: MeshErrorKind;
  /** Oldest first. */
  readonly attempts: readonly PeerAttempt[];
  /** Whether a runtime may have executed the call. */
  readonly runtimeReached: boolean;
  readonly retryAfterMs: DurationMs | undefined;
}

/** An attempt of a call in the form that travels. */
export function peerAttemptOf({ target, evidence }: EndedAttempt): PeerAttempt {
  const message = 'message' in evidence ? evidence.message : '';
  const detail = evidence.kind === 'runtime-status' ? `code ${evidence.code}: ${message}` : message;
  return { instance: target.instance, outcome: evidence.kind, detail };
}

/** The value of {@link PEER_ERROR_TRAILER}, within its limits. */
export function encodePeerError(error: PeerError): string {
  const message = create(PeerErrorSchema, {
    kind: error.kind,
    attempts: error.attempts.slice(-PEER_ERROR_ATTEMPTS_MAX).map(({ instance, outcome, detail }) => ({
      instance,
      outcome,
      detail: detail.slice(0, PEER_ERROR_DETAIL_CHARS_MAX).toWellFormed(),
    })),
    runtimeReached: error.runtimeReached,
    retryAfterMs: Math.min(Math.ceil(error.retryAfterMs ?? 0), 0xffff_ffff),
  });
  return encodeBinaryHeader(toBinary(PeerErrorSchema, message));
}

/**
 * What a peer's {@link PEER_ERROR_TRAILER} says; `undefined` if it is too long, malformed, or of a kind that this version does not know: the
 * gRPC status then stands alone, which is always enough to answer.
 */
export function decodePeerError(value: string): PeerError | undefined {
  if (value.length > PEER_ERROR_TRAILER_CHARS_MAX) return undefined;
  const bytes = decodeBinaryHeader(value);
  if (bytes === undefined) return undefined;
  try {
    const message = fromBinary(PeerErrorSchema, bytes);
    if (!isErrorKind(message.kind)) return undefined;
    return {
      kind: message.kind,
      attempts: message.attempts
        .slice(-PEER_ERROR_ATTEMPTS_MAX)
        .map(({ instance, outcome, detail }) => ({ instance, outcome, detail })),
      runtimeReached: message.runtimeReached,
      retryAfterMs: message.retryAfterMs === 0 ? undefined : durationMs(message.retryAfterMs),
    };
  } catch {
    return undefined;
  }
}
