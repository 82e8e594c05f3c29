import type { InferenceCall } from './inference-call.ts';

/** What is pushed at once: more would lie in the engine's queues, past all back-pressure. */
export const PUSH_BYTES_MAX = 65_536;

/** Sets a call off and gives it its whole request. Slices of one that is under way already are not copied. */
export function startWhole(call: InferenceCall, framed: readonly Uint8Array[]): void {
  call.start();
  const last = framed.length - 1;
  for (const [index, chunk] of framed.entries()) {
    let at = 0;
    for (; chunk.length - at > PUSH_BYTES_MAX; at += PUSH_BYTES_MAX) call.push(chunk.subarray(at, at + PUSH_BYTES_MAX), false);
    call.push(at === 0 ? chunk : chunk.subarray(at), index === last);
  }
}
