import type { DurationMs, EpochMs, MonotonicMs } from './units.ts';

/** A timer that can be called off; calling off twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time for the domain. Production, tests and simulation differ in the adapter alone.
 *
 * `wallMs` is for people and for stamps in records; everything that waits or expires inside a process uses `monotonicMs`.
 */
export interface Clock {
  wallMs(): EpochMs;
  monotonicMs(): MonotonicMs;
  /** Calls `fire` once, not before `delayMs` have passed; a delay of 0 or less fires in a later turn. */
  after(delayMs: DurationMs, fire: () => void): Timer;
}

/** Resolves after `delayMs`, or rejects with the signal's reason. */
export function sleep(clock: Clock, delayMs: DurationMs, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const aborted = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', aborted);
      resolve();
    });
    signal?.addEventListener('abort', aborted, { once: true });
  });
}
