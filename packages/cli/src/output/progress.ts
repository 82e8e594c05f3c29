import { durationMs, type Timer } from '@modelmesh/core';
import type { CliWorld } from '../world.ts';
import { durationText } from './text.ts';

/** What takes longer is told about. */
const QUIET_MS = durationMs(1000);
const REFRESH_MS = durationMs(250);
const CLEAR_LINE = '\r\u001b[2K';

/** A line on the error output that says how far something is, once it has taken a second; for a terminal alone. */
export interface ProgressLine {
  show(text: string): void;
  /** Takes the line away, if there is one. */
  clear(): void;
}

/** Begins a {@link ProgressLine}; its second begins now. */
export function progressLine({ err, clock }: Pick<CliWorld, 'err' | 'clock'>): ProgressLine {
  const beganMs = clock.monotonicMs();
  let shown = false;
  return {
    show: (text) => {
      if (!err.isTerminal || clock.monotonicMs() - beganMs < QUIET_MS) return;
      err.write(`${CLEAR_LINE}${text.slice(0, Math.max(10, err.columns - 1))}`);
      shown = true;
    },
    clear: () => {
      if (shown) err.write(CLEAR_LINE);
      shown = false;
    },
  };
}

/**
 * Runs `work`; when it takes longer than a second, a line on the error output says what is waited for and since when. Only a terminal gets
 * it, and it is gone when the work is done.
 */
export async function withProgress<Result>(world: CliWorld, what: string, work: () => Promise<Result>): Promise<Result> {
  const { err, clock } = world;
  if (!err.isTerminal) return work();
  const beganMs = clock.monotonicMs();
  let [timer, shown]: [Timer, boolean] = [clock.after(QUIET_MS, tick), false];
  function tick(): void {
    const line = `${what} … ${durationText(clock.monotonicMs() - beganMs)}`;
    err.write(`${CLEAR_LINE}${line.slice(0, Math.max(10, err.columns - 1))}`);
    shown = true;
    timer = clock.after(REFRESH_MS, tick);
  }
  try {
    return await work();
  } finally {
    timer.cancel();
    if (shown) err.write(CLEAR_LINE);
  }
}
