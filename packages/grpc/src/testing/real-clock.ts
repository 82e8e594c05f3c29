import { type Clock, epochMs, monotonicMs } from '@modelmesh/core';

/** The clock of the machine, for tests that meet real sockets. */
export const realClock: Clock = {
  wallMs: () => epochMs(Date.now()),
  monotonicMs: () => monotonicMs(performance.now()),
  after(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
