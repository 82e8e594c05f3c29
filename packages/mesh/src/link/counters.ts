import { assert, type DurationMs, type EpochMs, epochMs } from '@modelmesh/core';
import type { SlotRef } from './messages.ts';
import { VariantPlaces, variantPlacesBytes } from './variant-places.ts';

/** Copies that one instance can serve at once. */
export const SLOTS_MAX = 16_384;

/** Upper bounds of the latency buckets in milliseconds; ModelMesh's (spec `modelmesh.md` §6.5), the last bucket is open. */
export const LATENCY_BOUNDS_MS = [
  0.5, 1, 2, 5, 10, 20, 50, 75, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000, 120_000, 300_000,
] as const;

const STATE = { free: 0, serving: 1, draining: 2 } as const;
/** State, generation, and calls that have a turn where the copy's concurrency is limited. */
const WORDS_PER_SLOT = 3;
const DOUBLES_PER_PLACE = 3;
const BUCKETS = LATENCY_BOUNDS_MS.length + 1;
/** in flight, succeeded, failed, one word a bucket, then turns that are held and waited for, and shadows among those in flight. */
const WORDS_PER_CELL = 6 + BUCKETS;
const TURNS_HELD = 3 + BUCKETS;
const TURNS_AWAITED = 4 + BUCKETS;
const SHADOWS = 5 + BUCKETS;

/** The memory that control and all workers share. */
export interface CounterMemory {
  readonly workers: number;
  readonly slots: number;
  readonly buffer: SharedArrayBuffer;
  /** Calls in variants with a limit. */
  readonly variants: SharedArrayBuffer;
}

/** Allocates the shared memory for `workers` data plane workers. */
export function allocateCounters(workers: number, slots: number = SLOTS_MAX): CounterMemory {
  // Last use, time spent and time waited, for each worker and slot.
  const doubles = DOUBLES_PER_PLACE * workers * slots * 8;
  return {
    workers,
    slots,
    variants: new SharedArrayBuffer(variantPlacesBytes(workers)),
    buffer: new SharedArrayBuffer(doubles + slots * WORDS_PER_SLOT * 4 + workers * slots * WORDS_PER_CELL * 4),
  };
}

/**
 * The counters of all copies, as one side sees them.
 *
 * A worker adds itself to a slot's calls in flight *before* it reads the slot's state and subtracts again when that is not `serving`; control
 * sets `draining` *before* it sums the calls in flight. So either the worker sees `draining` or control sees the call: none is missed.
 */
export class SlotCounters {
  /** Calls in variants with a limit. */
  readonly variants: VariantPlaces;
  readonly #memory: CounterMemory;
  readonly #lastUse: Float64Array;
  readonly #processingMs: Float64Array;
  readonly #queuedMs: Float64Array;
  readonly #slots: Int32Array;
  readonly #cells: Int32Array;

  constructor(memory: CounterMemory) {
    this.#memory = memory;
    this.variants = new VariantPlaces(memory.variants, memory.workers);
    const places = memory.workers * memory.slots;
    const words = DOUBLES_PER_PLACE * places * 8;
    this.#lastUse = new Float64Array(memory.buffer, 0, places);
    this.#processingMs = new Float64Array(memory.buffer, places * 8, places);
    this.#queuedMs = new Float64Array(memory.buffer, 2 * places * 8, places);
    this.#slots = new Int32Array(memory.buffer, words, memory.slots * WORDS_PER_SLOT);
    this.#cells = new Int32Array(memory.buffer, words + memory.slots * WORDS_PER_SLOT * 4);
  }

  /** Control: opens a free slot under the generation that the cache gave it. `since`: when its copy was last wanted. */
  open(slot: SlotRef, since: EpochMs): void {
    const { index, generation } = slot;
    assert(index >= 0 && index < this.#memory.slots, `slot ${index} is out of range`);
    const at = index * WORDS_PER_SLOT;
    assert(Atomics.load(this.#slots, at) === STATE.free, `slot ${index} is in use`);
    for (let worker = 0; worker < this.#memory.workers; worker++) {
      const cell = this.#cell(worker, index);
      // Turns are taken and given back in pairs and never cleared: one of the life before may still be on its way back.
      this.#cells.fill(0, cell + 1, cell + TURNS_HELD);
      this.#lastUse[worker * this.#memory.slots + index] = since;
      this.#processingMs[worker * this.#memory.slots + index] = 0;
      this.#queuedMs[worker * this.#memory.slots + index] = 0;
    }
    Atomics.store(this.#slots, at + 1, generation);
    Atomics.store(this.#slots, at, STATE.serving);
  }

  /** Control: from now on no call enters. Those in flight are counted by {@link inFlight}. */
  drain(slot: SlotRef): void {
    if (this.#isCurrent(slot)) Atomics.store(this.#slots, slot.index * WORDS_PER_SLOT, STATE.draining);
  }

  /** Control: takes a drained slot back. False while calls are in flight: it must not be reused yet. */
  release(slot: SlotRef): boolean {
    if (!this.#isCurrent(slot)) return true;
    if (this.inFlight(slot) !== 0) return false;
    Atomics.store(this.#slots, slot.index * WORDS_PER_SLOT, STATE.free);
    return true;
  }

  /** Control: calls in flight over all workers. */
  inFlight(slot: SlotRef): number {
    let sum = 0;
    for (let worker = 0; worker < this.#memory.workers; worker++)
      sum += Atomics.load(this.#cells, this.#cell(worker, slot.index));
    return sum;
  }

  /** Control: those of them that callers wait for: shadows are no load that is to be scaled for. */
  liveInFlight(slot: SlotRef): number {
    let sum = 0;
    for (let worker = 0; worker < this.#memory.workers; worker++) {
      const cell = this.#cell(worker, slot.index);
      // A shadow counts here before it counts as in flight, and longer: at worst one is taken for no call while it comes and goes.
      sum += Math.max(0, Atomics.load(this.#cells, cell) - Atomics.load(this.#cells, cell + SHADOWS));
    }
    return sum;
  }

  /** Control: the latest use over all workers; 0 before the slot was opened for this life. */
  lastUse(slot: SlotRef): EpochMs {
    let latest = 0;
    if (!this.#isCurrent(slot)) return epochMs(latest);
    for (let worker = 0; worker < this.#memory.workers; worker++) {
      latest = Math.max(latest, this.#lastUse[worker * this.#memory.slots + slot.index] ?? 0);
    }
    return epochMs(latest);
  }

  /** Control: puts a last use right that cannot be true, because a clock was set back; a use that is not later stays. */
  capLastUse(slot: SlotRef, latest: EpochMs): void {
    if (!this.#isCurrent(slot)) return;
    for (let worker = 0; worker < this.#memory.workers; worker++) {
      const place = worker * this.#memory.slots + slot.index;
      this.#lastUse[place] = Math.min(this.#lastUse[place] ?? 0, latest);
    }
  }

  /** Control: calls that entered over all workers since the slot was opened, shadows not counted; 0 before. Without allocation, since victims are chosen by it. */
  calls(slot: SlotRef): number {
    let sum = 0;
    if (!this.#isCurrent(slot)) return sum;
    for (let worker = 0; worker < this.#memory.workers; worker++) {
      const cell = this.#cell(worker, slot.index);
      sum += (this.#cells[cell + 1] ?? 0) + (this.#cells[cell + 2] ?? 0);
    }
    return sum + this.liveInFlight(slot);
  }

  /** Control: time that calls which ended have spent at the copy since the slot was opened, summed; in milliseconds. */
  processingMs(slot: SlotRef): number {
    let sum = 0;
    if (!this.#isCurrent(slot)) return sum;
    for (let worker = 0; worker < this.#memory.workers; worker++)
      sum += this.#processingMs[worker * this.#memory.slots + slot.index] ?? 0;
    return sum;
  }

  /** Control: time that calls have waited for their turn at the copy since the slot was opened, summed; in milliseconds. */
  queuedMs(slot: SlotRef): number {
    let sum = 0;
    if (!this.#isCurrent(slot)) return sum;
    for (let worker = 0; worker < this.#memory.workers; worker++)
      sum += this.#queuedMs[worker * this.#memory.slots + slot.index] ?? 0;
    return sum;
  }

  /**
   * Control: a worker is dead and nothing writes its counters any more. What it had in flight is in flight no more, and the turns that it held or
   * waited for are free; what it had finished stays counted.
   */
  forgetCalls(worker: number): void {
    this.variants.forget(worker);
    for (let index = 0; index < this.#memory.slots; index++) {
      const cell = this.#cell(worker, index);
      Atomics.store(this.#cells, cell, 0);
      Atomics.store(this.#cells, cell + SHADOWS, 0);
      Atomics.store(this.#cells, cell + TURNS_AWAITED, 0);
      const held = Atomics.exchange(this.#cells, cell + TURNS_HELD, 0);
      if (held === 0) continue;
      const turns = index * WORDS_PER_SLOT + 2;
      Atomics.sub(this.#slots, turns, held);
      Atomics.notify(this.#slots, turns);
    }
  }

  /** Whether other workers may hold turns at the same copies. */
  get sharesTurns(): boolean {
    return this.#memory.workers > 1;
  }

  /** Worker: takes one of the `concurrency` turns that all workers together have at a copy. False: all are taken. */
  takeTurn(worker: number, slot: SlotRef, concurrency: number): boolean {
    const at = slot.index * WORDS_PER_SLOT + 2;
    for (;;) {
      const taken = Atomics.load(this.#slots, at);
      if (taken >= concurrency) return false;
      if (Atomics.compareExchange(this.#slots, at, taken, taken + 1) !== taken) continue;
      Atomics.add(this.#cells, this.#cell(worker, slot.index) + TURNS_HELD, 1);
      return true;
    }
  }

  /** Worker: gives a turn back, and wakes those that wait for one. */
  giveTurn(worker: number, slot: SlotRef): void {
    const at = slot.index * WORDS_PER_SLOT + 2;
    Atomics.sub(this.#cells, this.#cell(worker, slot.index) + TURNS_HELD, 1);
    Atomics.sub(this.#slots, at, 1);
    Atomics.notify(this.#slots, at);
  }

  /** Worker: so many more (or fewer) of its calls wait for a turn. */
  awaitTurns(worker: number, slot: SlotRef, more: number): void {
    Atomics.add(this.#cells, this.#cell(worker, slot.index) + TURNS_AWAITED, more);
  }

  /** Calls over all workers that hold a turn at a copy or wait for one. */
  turns(slot: SlotRef): number {
    let sum = Atomics.load(this.#slots, slot.index * WORDS_PER_SLOT + 2);
    for (let worker = 0; worker < this.#memory.workers; worker++) sum += this.#awaited(worker, slot);
    return sum;
  }

  /** Whether calls of other workers wait for a turn. */
  othersAwaitTurns(worker: number, slot: SlotRef): boolean {
    for (let other = 0; other < this.#memory.workers; other++)
      if (other !== worker && this.#awaited(other, slot) > 0) return true;
    return false;
  }

  /** Worker: resolves when one of the `concurrency` turns may be free, or after `withinMs`. */
  async turnGiven(slot: SlotRef, concurrency: number, withinMs: DurationMs): Promise<void> {
    const at = slot.index * WORDS_PER_SLOT + 2;
    const taken = Atomics.load(this.#slots, at);
    if (taken < concurrency) return;
    await Atomics.waitAsync(this.#slots, at, taken, withinMs).value;
  }

  #awaited(worker: number, slot: SlotRef): number {
    return Atomics.load(this.#cells, this.#cell(worker, slot.index) + TURNS_AWAITED);
  }

  /** Worker: a call has waited for its turn. */
  waited(worker: number, slot: SlotRef, waitedMs: number): void {
    const place = worker * this.#memory.slots + slot.index;
    this.#queuedMs[place] = (this.#queuedMs[place] ?? 0) + waitedMs;
  }

  /** Worker: whether the copy still takes calls. */
  serves(slot: SlotRef): boolean {
    return this.#isCurrent(slot) && Atomics.load(this.#slots, slot.index * WORDS_PER_SLOT) === STATE.serving;
  }

  /** Control: sums of outcomes and of latency buckets since the slot was opened. */
  totals(slot: SlotRef): { readonly succeeded: number; readonly failed: number; readonly latency: readonly number[] } {
    let succeeded = 0;
    let failed = 0;
    const latency = new Array<number>(BUCKETS).fill(0);
    for (let worker = 0; worker < this.#memory.workers; worker++) {
      const cell = this.#cell(worker, slot.index);
      succeeded += this.#cells[cell + 1] ?? 0;
      failed += this.#cells[cell + 2] ?? 0;
      for (let bucket = 0; bucket < BUCKETS; bucket++)
        latency[bucket] = (latency[bucket] ?? 0) + (this.#cells[cell + 3 + bucket] ?? 0);
    }
    return { succeeded, failed, latency };
  }

  /** Worker: enters a copy. False: it may not be called any more, ask control. */
  enter(worker: number, slot: SlotRef, now: EpochMs): boolean {
    const cell = this.#cell(worker, slot.index);
    Atomics.add(this.#cells, cell, 1);
    if (!this.#isCurrent(slot) || Atomics.load(this.#slots, slot.index * WORDS_PER_SLOT) !== STATE.serving) {
      Atomics.sub(this.#cells, cell, 1);
      return false;
    }
    this.#lastUse[worker * this.#memory.slots + slot.index] = now;
    return true;
  }

  /** Worker: enters a copy for a shadow, which is no use of it. False: it may not be called any more, ask control. */
  enterShadow(worker: number, slot: SlotRef): boolean {
    const cell = this.#cell(worker, slot.index);
    Atomics.add(this.#cells, cell + SHADOWS, 1);
    Atomics.add(this.#cells, cell, 1);
    if (this.serves(slot)) return true;
    this.leaveShadow(worker, slot);
    return false;
  }

  /** Worker: leaves a copy that it entered for a shadow; neither its outcome nor its time is counted. True: as {@link leave} says. */
  leaveShadow(worker: number, slot: SlotRef): boolean {
    const cell = this.#cell(worker, slot.index);
    const before = Atomics.sub(this.#cells, cell, 1);
    Atomics.sub(this.#cells, cell + SHADOWS, 1);
    return before === 1 && Atomics.load(this.#slots, slot.index * WORDS_PER_SLOT) === STATE.draining;
  }

  /** Worker: leaves a copy it entered. True: it was the last one here while the copy drains, so control should look. */
  leave(worker: number, slot: SlotRef, succeeded: boolean, latencyMs: number): boolean {
    const cell = this.#cell(worker, slot.index);
    const outcome = cell + (succeeded ? 1 : 2);
    this.#cells[outcome] = (this.#cells[outcome] ?? 0) + 1;
    const place = worker * this.#memory.slots + slot.index;
    this.#processingMs[place] = (this.#processingMs[place] ?? 0) + latencyMs;
    const bucket = cell + 3 + bucketOf(latencyMs);
    this.#cells[bucket] = (this.#cells[bucket] ?? 0) + 1;
    const before = Atomics.sub(this.#cells, cell, 1);
    return before === 1 && Atomics.load(this.#slots, slot.index * WORDS_PER_SLOT) === STATE.draining;
  }

  #isCurrent(slot: SlotRef): boolean {
    return Atomics.load(this.#slots, slot.index * WORDS_PER_SLOT + 1) === slot.generation;
  }

  #cell(worker: number, index: number): number {
    return (worker * this.#memory.slots + index) * WORDS_PER_CELL;
  }
}

function bucketOf(latencyMs: number): number {
  for (let bucket = 0; bucket < LATENCY_BOUNDS_MS.length; bucket++) {
    if (latencyMs <= (LATENCY_BOUNDS_MS[bucket] ?? Number.POSITIVE_INFINITY)) return bucket;
  }
  return LATENCY_BOUNDS_MS.length;
}
