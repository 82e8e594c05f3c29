/**
 * The arithmetic of memory in one instance, spec §4.3.
 *
 * A load must not wait for the unload of its victim every time, so a reserve R stays free of copies; what leaves is carried in the
 * unloading total T until the unload completed. A new copy borrows from T what it will evict, which keeps one insertion from setting
 * off a cascade, and pays it back when it claims its space before it loads. D is what measurements added while the cache was full.
 *
 * In the words of the spec: C capacity, R reserve, T unloading total (negative while insertions borrow), M occupancy, D deficit.
 * The memory that may be resident is `M + T + D`: insertions cancel out in it, and only claims and measurements raise it.
 */

import { assert } from '../assert.ts';
import { type SizeUnits, sizeUnits } from '../units.ts';

export class UnloadBuffer {
  readonly reserveUnits: SizeUnits;
  /** The part of the reserve that no load may claim: it takes what measurements add to copies that were booked too small. */
  readonly headroomUnits: SizeUnits;
  #capacity: number;
  #lost = 0;
  #unloading = 0;
  #occupied = 0;
  #deficit = 0;

  constructor(capacityUnits: SizeUnits, reserveUnits: SizeUnits, headroomUnits: SizeUnits) {
    assert(headroomUnits <= reserveUnits, `a headroom of ${headroomUnits} units exceeds the reserve of ${reserveUnits}`);
    assert(reserveUnits <= capacityUnits, `a reserve of ${reserveUnits} units exceeds the capacity of ${capacityUnits}`);
    this.#capacity = capacityUnits;
    this.reserveUnits = reserveUnits;
    this.headroomUnits = headroomUnits;
  }

  /** C: what the runtime gave minus what was lost to unloads that were given up. */
  get capacityUnits(): SizeUnits {
    return sizeUnits(this.#capacity);
  }

  /** What copies can fill: C − R. */
  get effectiveUnits(): SizeUnits {
    return sizeUnits(Math.max(0, this.#capacity - this.reserveUnits));
  }

  get lostUnits(): SizeUnits {
    return sizeUnits(this.#lost);
  }

  /** M. */
  get occupiedUnits(): SizeUnits {
    return sizeUnits(this.#occupied);
  }

  /** D. */
  get deficitUnits(): SizeUnits {
    return sizeUnits(this.#deficit);
  }

  /** Loaded, loading and leaving: M + T + D. */
  get bookedUnits(): SizeUnits {
    return sizeUnits(this.#occupied + this.#unloading + this.#deficit);
  }

  /** By how much the cache would be over its capacity after inserting `inserted` and evicting `freed`; not positive when it fits. */
  excessAfter(inserted: number, freed: number): number {
    const buffer = this.#bufferWith(this.#unloading - inserted + freed);
    return this.#occupied + inserted - freed + buffer - this.#capacity;
  }

  /** A copy that is not loaded yet is booked, or its booking grows. */
  insert(units: number): void {
    this.#unloading -= units;
    this.#occupied += units;
  }

  /** A copy leaves the cache: one that claimed its space is unloading now, one that did not returns what it borrowed. */
  leave(units: number): void {
    this.#occupied -= units;
    this.#unloading += units;
  }

  /** True when a load of this size can start: everything resident, and it, are within the capacity and leave the headroom free. */
  fits(units: number): boolean {
    return this.lackFor(units) <= 0;
  }

  /** Units that must come back before a load of this size can start; not positive when it can. */
  lackFor(units: number): number {
    return this.#occupied + this.#unloading + this.#deficit + units - (this.#capacity - this.headroomUnits);
  }

  /** A load takes its space. */
  claim(units: number): void {
    assert(this.fits(units), `claimed ${units} units that are not free`);
    this.#unloading += units;
  }

  /** An unload completed; what measurements overdrew is repaid first. */
  unloaded(units: number): void {
    const repaid = Math.min(this.#deficit, units);
    this.#deficit -= repaid;
    this.#unloading -= units - repaid;
  }

  /** An unload was given up: the memory is gone until the runtime is recycled. */
  lose(units: number): void {
    this.#unloading -= units;
    const lost = Math.min(units, this.#capacity - 1);
    this.#capacity -= lost;
    this.#lost += lost;
  }

  /** A loaded copy turned out larger or smaller than its booking. */
  resize(delta: number): void {
    if (delta >= 0) {
      const remaining = Math.max(0, this.#capacity - this.#occupied - this.#bufferWith(this.#unloading));
      const shortfall = Math.max(0, delta - remaining);
      this.#deficit += shortfall;
      this.#unloading -= shortfall;
    } else {
      const repaid = Math.min(this.#deficit, -delta);
      this.#deficit -= repaid;
      this.#unloading += repaid;
    }
    this.#occupied += delta;
  }

  /** The weight of the buffer beside the copies: max(R, min(T, C)). */
  #bufferWith(unloading: number): number {
    return Math.max(this.reserveUnits, Math.min(unloading, this.#capacity));
  }
}
