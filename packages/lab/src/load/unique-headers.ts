import { randomFillSync } from 'node:crypto';
import type { GrpcRequest } from './grpc-load.ts';

const SPAN_BYTES = 24;
/** Ids that are drawn at once. */
const DRAWN_BYTES = 64 * SPAN_BYTES;

/**
 * Gives each call a `traceparent` (W3C Trace Context) and an `x-request-id` (a UUID) of its own, as clients behind a gateway have: header blocks then
 * never repeat.
 */
export function uniqueCalls(request: GrpcRequest): () => GrpcRequest {
  const drawn = Buffer.alloc(DRAWN_BYTES);
  let at = DRAWN_BYTES;
  return () => {
    if (at === DRAWN_BYTES) {
      randomFillSync(drawn);
      at = 0;
    }
    const hex = drawn.toString('hex', at, at + SPAN_BYTES);
    at += SPAN_BYTES;
    const trace = `00-${hex.slice(0, 32)}-${hex.slice(32)}-01`;
    const id = `${hex.slice(16, 24)}-${hex.slice(24, 28)}-4${hex.slice(29, 32)}-8${hex.slice(33, 36)}-${hex.slice(36, 48)}`;
    return { ...request, headers: request.headers.with('traceparent', trace).with('x-request-id', id) };
  };
}
