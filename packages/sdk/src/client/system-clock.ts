import { type Clock, type DurationMs, type EpochMs, epochMs, type MonotonicMs, monotonicMs, type Timer } from '@modelmesh/core';

/** Longer delays overflow Node's timers, which then fire at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** Time of this machine. A timer keeps no program running that has nothing else to do. */
export const systemClock: Clock = {
  wallMs: (): EpochMs => epochMs(Date.now()),
  monotonicMs: (): MonotonicMs => monotonicMs(performance.now()),
  after(delayMs: DurationMs, fire: () => void): Timer {
    const timer = setTimeout(fire, Math.min(Math.max(0, delayMs), DELAY_MS_MAX));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
