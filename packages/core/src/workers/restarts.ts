import { type DurationMs, durationMs } from '../units.ts';

/** Pause before the first new life of a worker that fell; each further one doubles it. */
export const RESTART_PAUSE_MS: DurationMs = durationMs(100);
/** The longest pause. */
export const RESTART_PAUSE_MAX_MS: DurationMs = durationMs(10_000);
/** A worker that lived for this long is started again as if it had never fallen. */
export const STEADY_LIFE_MS: DurationMs = durationMs(60_000);

/** How often a worker fell in a row, and when it starts again. */
export interface NextStart {
  readonly falls: number;
  readonly pauseMs: DurationMs;
}

/** The next start of a worker that ended by itself, or was ended because it was silent. @param falls those in a row before this one */
export function nextStart(falls: number, livedMs: DurationMs): NextStart {
  const inRow = livedMs >= STEADY_LIFE_MS ? 1 : falls + 1;
  const pauseMs = durationMs(Math.min(RESTART_PAUSE_MAX_MS, RESTART_PAUSE_MS * 2 ** (inRow - 1)));
  return { falls: inRow, pauseMs };
}
