/**
 * What a load that nobody waits for is worth: the cold time that it is expected to save. One measure for every reason to load, so that a
 * second copy of one model and a first copy of another can be compared.
 */

import { type DurationMs, durationMs } from '../units.ts';

/** How far ahead a load into free room is judged: what is not needed within this time can be loaded when it is. */
export const HORIZON_MS: DurationMs = durationMs(3_600_000);
/**
 * A second copy saves a cold start only where the first one goes: its instance ends, or it is evicted. This is how often that is taken to
 * happen before the model is needed, so that fifty second copies weigh as one first copy.
 */
export const SECOND_COPY_SHARE = 0.02;

/** How a model is used, as far as it is known. */
export interface Demand {
  /** Time since its last use. */
  readonly idleMs: DurationMs;
  /** Calls a minute where they are counted; null: only the last use is known. */
  readonly callsPerMinute: number | null;
}

/**
 * The probability that a model is needed within a time. With a known rate, that of at least one call. Otherwise by its last use alone: a
 * model that was not used for `a` is used within `h` with probability h / (h + a), which is what follows if nothing is known of its rate
 * (each order of magnitude equally likely). Between 0 and 1; falls with the idle time, rises with the rate and with `withinMs`.
 */
export function probabilityNeeded({ idleMs, callsPerMinute }: Demand, withinMs: DurationMs): number {
  if (withinMs <= 0) return 0;
  if (callsPerMinute !== null && callsPerMinute > 0) return 1 - Math.exp((-callsPerMinute * withinMs) / 60_000);
  return withinMs / (withinMs + idleMs);
}

/** Expected cold time that a copy saves, in milliseconds, if it stays for `staysMs`. */
export const coldMsSaved = (demand: Demand, loadMs: DurationMs, staysMs: DurationMs, share: number): number =>
  probabilityNeeded(demand, durationMs(Math.min(staysMs, HORIZON_MS))) * loadMs * share;

/** What the copy that an instance would evict first is worth per unit: by its last use, and a typical size and load time. */
export function victimWorthPerUnit(cacheAgeMs: DurationMs, typicalLoadMs: DurationMs, typicalUnits: number): number {
  const demand = { idleMs: cacheAgeMs, callsPerMinute: null };
  return coldMsSaved(demand, typicalLoadMs, HORIZON_MS, 1) / Math.max(1, typicalUnits);
}
