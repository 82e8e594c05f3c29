/**
 * What is known about the size of each model: declared → predicted → measured → high water.
 *
 * A measurement wins over every guess; of the guesses the larger counts, because too small a booking is paid by neighbours. Sizes
 * outlive their copies, so that the second load of a model is booked at what the first one really took.
 */

import { type Bytes, bytesForUnits, type ModelKey, type SizeUnits, sizeUnits, unitsForBytes } from '../units.ts';

interface Measured {
  /** At the last load. */
  readonly loaded: SizeUnits;
  /** Highest seen while serving. */
  readonly peak: SizeUnits;
}

export class SizeLedger {
  readonly #max: number;
  /** A Map keeps insertion order, so its first key is the one not measured for the longest time. */
  readonly #measured = new Map<ModelKey, Measured>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Notes what a load took; it replaces the one before, because the newest measurement is the best. Returns what to book. */
  loaded(model: ModelKey, measured: Bytes): SizeUnits {
    return this.#note(model, { loaded: atLeastOne(measured), peak: this.#measured.get(model)?.peak ?? sizeUnits(0) });
  }

  /** Notes use while serving; the high water stays until the artifact changes. Returns what to book. */
  observed(model: ModelKey, current: Bytes, peak: Bytes): SizeUnits {
    const before = this.#measured.get(model);
    const highWater = sizeUnits(Math.max(atLeastOne(current), atLeastOne(peak), before?.peak ?? 0));
    return this.#note(model, { loaded: before?.loaded ?? atLeastOne(current), peak: highWater });
  }

  /** Measured here before, or else known from a copy elsewhere; null: it has to be predicted. */
  known(model: ModelKey, knownElsewhere: SizeUnits | null): SizeUnits | null {
    const measured = this.#measured.get(model);
    return measured === undefined ? knownElsewhere : booking(measured);
  }

  /** What to book before anything was measured. */
  guess(declared: SizeUnits | null, predicted: Bytes | null, defaultUnits: SizeUnits): SizeUnits {
    const guessed = Math.max(declared ?? 0, predicted === null ? 0 : unitsForBytes(predicted));
    return guessed > 0 ? sizeUnits(guessed) : defaultUnits;
  }

  /** What was measured here: at the last load, and the highest while it served; null where it was not. */
  measured(model: ModelKey): { readonly measuredUnits: SizeUnits | null; readonly highWaterUnits: SizeUnits | null } {
    const known = this.#measured.get(model);
    return { measuredUnits: known?.loaded ?? null, highWaterUnits: known === undefined || known.peak === 0 ? null : known.peak };
  }

  rememberedBytes(model: ModelKey): Bytes | null {
    const measured = this.#measured.get(model);
    return measured === undefined ? null : bytesForUnits(booking(measured));
  }

  /** The files are new: what was measured says nothing about them. */
  forget(model: ModelKey): void {
    this.#measured.delete(model);
  }

  #note(model: ModelKey, measured: Measured): SizeUnits {
    this.#measured.delete(model);
    if (this.#measured.size >= this.#max) this.#forgetOldest();
    this.#measured.set(model, measured);
    return booking(measured);
  }

  #forgetOldest(): void {
    for (const oldest of this.#measured.keys()) {
      this.#measured.delete(oldest);
      return;
    }
  }
}

/** The quantum is the least that a model can weigh (spec §4.2.3). */
const atLeastOne = (measured: Bytes): SizeUnits => sizeUnits(Math.max(1, unitsForBytes(measured)));
const booking = (measured: Measured): SizeUnits => sizeUnits(Math.max(measured.peak, measured.loaded));
