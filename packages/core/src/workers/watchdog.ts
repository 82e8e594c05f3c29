import { type DurationMs, durationMs, type MonotonicMs } from '../units.ts';

/** How often a worker says that it lives. */
export const BEAT_EVERY_MS: DurationMs = durationMs(100);
/** How often beats are looked at. */
export const LOOK_EVERY_MS: DurationMs = durationMs(100);
/** A worker whose beat stood still for this long is replaced. */
export const SILENCE_MAX_MS: DurationMs = durationMs(1000);
/**
 * How much longer it may stand still for each MiB of bodies that the worker announced: JSON is turned into tensors, and back, in one piece of work that
 * no beat interrupts, and a client who sends a large body must not cost all others their worker. The slowest numbers take a quarter of it on a busy machine.
 */
export const PATIENCE_MS_PER_MIB: DurationMs = durationMs(1000);
/**
 * What one look counts for at most, however long ago the last one was: whoever looks so late was held up, or the whole machine stood still, and
 * then so did the workers.
 */
export const LOOK_COUNTS_MAX_MS: DurationMs = durationMs(2 * LOOK_EVERY_MS);

/** What was seen of one worker's life. */
export interface Pulse {
  readonly beat: number;
  /** For how long the beat has stood still while somebody looked. */
  readonly silentMs: DurationMs;
}

/** What was seen of all workers; by worker. */
export interface Watch {
  readonly pulses: ReadonlyMap<number, Pulse>;
  readonly lookedMs: MonotonicMs | null;
}

/** Nothing was seen yet. */
export const NO_WATCH: Watch = { pulses: new Map(), lookedMs: null };

const NO_WORK: ReadonlyMap<number, number> = new Map();
const MIB = 1_048_576;

/**
 * Looks at the beats of the workers that are alive, by worker. Who is not among them any more is forgotten, so that the next life of a worker starts
 * anew.
 *
 * @param workBytes of bodies that each has announced since its last beat
 */
export function look(
  before: Watch,
  beats: ReadonlyMap<number, number>,
  nowMs: MonotonicMs,
  workBytes: ReadonlyMap<number, number> = NO_WORK,
): { readonly watch: Watch; readonly silent: readonly number[] } {
  const passedMs = before.lookedMs === null ? 0 : Math.min(nowMs - before.lookedMs, LOOK_COUNTS_MAX_MS);
  const pulses = new Map<number, Pulse>();
  const silent: number[] = [];
  for (const [worker, beat] of beats) {
    const known = before.pulses.get(worker);
    const silentMs = durationMs(known?.beat === beat ? known.silentMs + passedMs : 0);
    pulses.set(worker, { beat, silentMs });
    const patienceMs = PATIENCE_MS_PER_MIB * ((workBytes.get(worker) ?? 0) / MIB);
    if (silentMs >= SILENCE_MAX_MS + patienceMs) silent.push(worker);
  }
  return { watch: { pulses, lookedMs: nowMs }, silent };
}
