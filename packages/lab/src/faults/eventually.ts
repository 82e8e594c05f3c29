import { durationMs, sleep } from '@modelmesh/core';
import { realClock } from '../node-process/index.ts';

const PAUSE_MS = durationMs(20);

/** Looks until `look` gives something. @throws after `timeoutMs` with `what` and what was seen last */
export async function eventually<Value>(
  what: string,
  timeoutMs: number,
  look: () => Promise<Value | undefined> | Value | undefined,
  seen: () => unknown = () => undefined,
): Promise<Value> {
  const untilMs = realClock.monotonicMs() + timeoutMs;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (realClock.monotonicMs() > untilMs)
      throw new Error(`not within ${timeoutMs} ms: ${what}; seen: ${JSON.stringify(seen())}`);
    // The timers of the harness keep no process alive; the connection of a node that is looked at does.
    await sleep(realClock, PAUSE_MS, new AbortController().signal);
  }
}

/** `promise`, or a failure that names `what` when it takes longer than `timeoutMs`: nothing may hang. */
export function within<Value>(timeoutMs: number, what: string, promise: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} did not end within ${timeoutMs} ms`)), timeoutMs);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
