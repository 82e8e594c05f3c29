import { MeshError } from '@modelmesh/core';
import type { Evidence } from '@modelmesh/core/routing';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import { decodePeerError, errorMapping, PEER_ERROR_TRAILER, type PeerAttempt, type PeerError } from '@modelmesh/wire/status';

/** What a peer's answer says, when it is not OK: evidence for what follows, or the end of the call. */
export type PeerOutcome =
  | { readonly kind: 'evidence'; readonly evidence: Evidence; readonly attempts: readonly PeerAttempt[] }
  | { readonly kind: 'final'; readonly error: MeshError; readonly attempts: readonly PeerAttempt[] };

/**
 * Reads how a call at a peer ended. Without the mesh's own trailer the status is the runtime's; so is one whose trailer this version cannot read,
 * since then nothing proves that the runtime was not reached.
 */
export function outcomeAtPeer(code: number, message: string, trailers: HeaderBlock): PeerOutcome {
  const trailer = trailers.get(PEER_ERROR_TRAILER);
  const error = trailer === undefined ? undefined : decodePeerError(trailer);
  if (error === undefined) return { kind: 'evidence', evidence: { kind: 'runtime-status', code, message }, attempts: [] };
  const { attempts } = error;
  const evidence = evidenceOf(error, message);
  if (evidence !== undefined) return { kind: 'evidence', evidence, attempts };
  const { kind, retryAfterMs } = error;
  return { kind: 'final', error: new MeshError(kind, message, retryAfterMs === undefined ? {} : { retryAfterMs }), attempts };
}

/** `undefined`: no other instance would answer differently. */
function evidenceOf({ kind, runtimeReached }: PeerError, message: string): Evidence | undefined {
  switch (kind) {
    case 'not-here':
      return { kind: 'not-here' };
    case 'deadline-exceeded':
      return { kind: 'deadline-passed' };
    case 'load-failed':
      return { kind: 'load-failed', error: kind, message };
    // Its picture of the registry is behind ours, or it is of another version.
    case 'model-not-found':
    case 'failed-precondition':
      return { kind: 'refused-by-peer', error: 'unavailable', message };
    default:
      if (runtimeReached) return kind === 'unavailable' ? { kind: 'connection-lost' } : undefined;
      return errorMapping(kind).retry === 'never' ? undefined : { kind: 'refused-by-peer', error: kind, message };
  }
}
