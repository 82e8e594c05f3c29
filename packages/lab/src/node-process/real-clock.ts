import { type Clock, epochMs, monotonicMs } from '@modelmesh/core';

/** The clock of the machine. Its timers keep no process alive. */
export const realClock: Clock = {
  wallMs: () => epochMs(Date.now()),
  monotonicMs: () => monotonicMs(performance.now()),
  after(delayMs, fire) {
    const timer = setTimeout(fire, Math.max(0, delayMs));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
