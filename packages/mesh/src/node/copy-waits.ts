import { type EpochMs, type ModelKey, unitsForBytes } from '@modelmesh/core';
import type { CacheEvent, CopyPolicy, Urgency, WakeOutcome } from '@modelmesh/core/cache';
import type { ModelRecord } from '@modelmesh/core/records';

/** Told how a wait ended. */
export type OnOutcome = (outcome: WakeOutcome) => void;

/** Waits that end without a copy and without a verdict on the model: asking the cache again is sound, this often. */
const DISPLACED_TRIES_MAX = 3;

/** Everyone in control who waits for a model to be loaded here, whoever they wait for. */
export class CopyWaits {
  readonly #step: (event: CacheEvent) => void;
  readonly #waiting = new Map<ModelKey, OnOutcome[]>();

  constructor(step: (event: CacheEvent) => void) {
    this.#step = step;
  }

  /** Asks for a copy; `onOutcome` is called once, in this call or later. */
  want(record: ModelRecord, urgency: Urgency, lastUsedMs: EpochMs, onOutcome: OnOutcome): void {
    this.#ask(record, urgency, lastUsedMs, onOutcome, 1);
  }

  /** The cache's word. */
  woken(model: ModelKey, outcome: WakeOutcome): void {
    const waiting = this.#waiting.get(model);
    if (waiting === undefined) return;
    this.#waiting.delete(model);
    for (const onOutcome of waiting) onOutcome(outcome);
  }

  #ask(record: ModelRecord, urgency: Urgency, lastUsedMs: EpochMs, onOutcome: OnOutcome, tries: number): void {
    const { key } = record;
    const again: OnOutcome = (outcome) => {
      const displaced = outcome.kind === 'evicted' || outcome.kind === 'claim-lost';
      if (displaced && tries < DISPLACED_TRIES_MAX) this.#ask(record, urgency, lastUsedMs, onOutcome, tries + 1);
      else onOutcome(outcome);
    };
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#waiting.set(key, [again]);
    else waiting.push(again);
    const declared = record.declaredMemoryBytes;
    this.#step({
      kind: 'request',
      model: key,
      urgency,
      lastUsedMs,
      knownUnits: null,
      declaredUnits: declared === undefined ? null : unitsForBytes(declared),
      policy: policyOf(record),
    });
  }
}

/** What the cache has to know of a record's wishes. */
export const policyOf = (record: ModelRecord): CopyPolicy => ({
  pinned: record.copiesPolicy.pin,
  idleAfterMs: record.copiesPolicy.idleAfterMs ?? null,
});
