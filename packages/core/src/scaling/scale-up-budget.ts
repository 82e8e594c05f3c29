/** Copies that were asked for and do not serve yet: bounded, so that a wave of load does not become a wave of loads. */

import { type DurationMs, durationMs, type ModelKey, type MonotonicMs } from '../units.ts';

/** A copy of which nothing was heard for so long is no longer counted: its instance may be gone. Spec §4.7.6's longest deadline. */
export const SCALE_UP_FORGOTTEN_MS: DurationMs = durationMs(600_000);

/** What one instance has asked for. */
export class ScaleUpBudget {
  readonly #max: number;
  readonly #asked = new Map<ModelKey, { readonly copies: number; readonly atMs: MonotonicMs }>();

  /** `max`: copies in flight at a time. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Copies in flight. */
  inFlight(now: MonotonicMs): number {
    let copies = 0;
    for (const [model, asked] of this.#asked) {
      if (now - asked.atMs >= SCALE_UP_FORGOTTEN_MS) this.#asked.delete(model);
      else copies += asked.copies;
    }
    return copies;
  }

  /** Whether copies of this model are in flight. */
  isLoading(model: ModelKey, now: MonotonicMs): boolean {
    const asked = this.#asked.get(model);
    return asked !== undefined && now - asked.atMs < SCALE_UP_FORGOTTEN_MS;
  }

  /** Takes up to `wanted` copies from what is left; the number that was granted, 0 if none is left. */
  take(model: ModelKey, wanted: number, now: MonotonicMs): number {
    const copies = Math.max(0, Math.min(wanted, this.#max - this.inFlight(now)));
    if (copies > 0) this.#asked.set(model, { copies: copies + (this.#asked.get(model)?.copies ?? 0), atMs: now });
    return copies;
  }

  /** The copies of a model serve, failed, or were given up. */
  settle(model: ModelKey): void {
    this.#asked.delete(model);
  }
}
