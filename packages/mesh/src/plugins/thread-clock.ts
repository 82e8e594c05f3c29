/** Time of a strategy's thread: all that it needs of a clock, without the rest of a node. */

/** Monotonic, in milliseconds with fractions. */
export const nowMs = (): number => performance.now();

/** Lets timers, messages and input of the thread have their turn. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
