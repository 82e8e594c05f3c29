import { type EpochMs, epochMs, MeshError, type ModelKey, type SizeUnits, unitsForBytes } from '@modelmesh/core';
import { type CacheEvent, type CopyPolicy, outcomeError, type Urgency, type WakeOutcome } from '@modelmesh/core/cache';
import { artifactOf, type ModelRecord } from '@modelmesh/core/records';
import type { ReachedLimits } from '../reached-limits.ts';

/** How a wait ended: as the cache says, or because there is no runtime to hope for, or because too many wait already. */
export type WaitOutcome =
  | WakeOutcome
  | { readonly kind: 'unavailable'; readonly message: string }
  | { readonly kind: 'overloaded'; readonly message: string };

/** Callers that wait for models to be loaded here, over all models. Calls of the data plane count as one for each model. */
export const COPY_WAITERS_MAX = 10_000;

/** Told how a wait ended. */
export type OnOutcome = (outcome: WaitOutcome) => void;

/** The error that a caller sees for an outcome that is not `serving`. */
export const waitError = (model: ModelKey, outcome: Exclude<WaitOutcome, { readonly kind: 'serving' }>): MeshError =>
  outcome.kind === 'unavailable' || outcome.kind === 'overloaded'
    ? new MeshError(outcome.kind, outcome.message)
    : outcomeError(model, outcome);

/** Waits that end without a copy and without a verdict on the model: asking the cache again is sound, this often. */
const DISPLACED_TRIES_MAX = 3;

/** Before the last use of any copy. */
const NEVER_USED_MS = epochMs(1);

/** A copy that somebody wants. */
interface Wish {
  readonly record: ModelRecord;
  readonly urgency: Urgency;
  readonly lastUsedMs: EpochMs;
  /** What a copy elsewhere weighs; `null`: unknown. */
  readonly knownUnits: SizeUnits | null;
  /** Nothing may be pushed out for it. */
  readonly onlyFreeRoom?: boolean;
}

/** Everyone in control who waits for a model to be loaded here, whoever they wait for. */
export class CopyWaits {
  readonly #step: (event: CacheEvent) => void;
  readonly #recordOf: (model: ModelKey) => ModelRecord | undefined;
  readonly #onAnswered: (model: ModelKey) => void;
  readonly #limits: ReachedLimits;
  readonly #waiting = new Map<ModelKey, OnOutcome[]>();
  #waiters = 0;
  /** Why waiting is of no use. */
  #hopeless: string | undefined;
  #leaving = false;

  constructor(parts: {
    readonly step: (event: CacheEvent) => void;
    /** The model as it is registered now. */
    readonly recordOf: (model: ModelKey) => ModelRecord | undefined;
    /** Called before those who wait for a model are told: what was arranged for them holds no longer. */
    readonly onAnswered: (model: ModelKey) => void;
    readonly limits: ReachedLimits;
  }) {
    this.#step = parts.step;
    this.#recordOf = parts.recordOf;
    this.#onAnswered = parts.onAnswered;
    this.#limits = parts.limits;
  }

  /** Asks for a copy; `onOutcome` is called once, in this call or later. */
  want(record: ModelRecord, urgency: Urgency, lastUsedMs: EpochMs, knownUnits: SizeUnits | null, onOutcome: OnOutcome): void {
    // Whoever asks may have read the record a while ago: the key may stand for another artifact by now.
    const current = this.#recordOf(record.key) ?? record;
    this.#ask({ record: current, urgency, lastUsedMs, knownUnits }, onOutcome, 1);
  }

  /** Asks for a copy for which nothing is pushed out, and that is no use of the model. */
  wantFreeRoom(record: ModelRecord, onOutcome: OnOutcome): void {
    const current = this.#recordOf(record.key) ?? record;
    const wish: Wish = {
      record: current,
      urgency: 'background',
      lastUsedMs: NEVER_USED_MS,
      knownUnits: null,
      onlyFreeRoom: true,
    };
    // Once displaced it was not wanted enough.
    this.#ask(wish, onOutcome, DISPLACED_TRIES_MAX);
  }

  /** There will be no runtime: everyone is told why, now and until {@link open}. What the cache queued stays queued. */
  close(message: string): void {
    this.#hopeless = message;
    for (const model of [...this.#waiting.keys()]) this.#tell(model, { kind: 'unavailable', message });
  }

  /** From now on a copy that goes while somebody waits for it is not loaded here again: whoever waits is sent elsewhere. */
  leaves(): void {
    this.#leaving = true;
  }

  /** There is a runtime, or will be. */
  open(): void {
    this.#hopeless = undefined;
  }

  /** The cache's word. */
  woken(model: ModelKey, outcome: WakeOutcome): void {
    this.#tell(model, outcome);
  }

  #tell(model: ModelKey, outcome: WaitOutcome): void {
    this.#onAnswered(model);
    const waiting = this.#waiting.get(model);
    if (waiting === undefined) return;
    this.#waiting.delete(model);
    this.#waiters -= waiting.length;
    for (const onOutcome of waiting) onOutcome(outcome);
  }

  #ask(wish: Wish, onOutcome: OnOutcome, tries: number): void {
    const { record, urgency, lastUsedMs, knownUnits, onlyFreeRoom = false } = wish;
    const { key } = record;
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      if (!this.#waiting.has(key)) this.#onAnswered(key);
      onOutcome(refusal);
      return;
    }
    const again: OnOutcome = (outcome) => {
      const current = this.#recordOf(key);
      if (current === undefined || !isDisplaced(outcome)) onOutcome(outcome);
      else if (this.#leaving) onOutcome({ kind: 'claim-lost', message: 'this instance leaves and loads nothing any more' });
      else if (tries < DISPLACED_TRIES_MAX) this.#ask({ ...wish, record: current }, onOutcome, tries + 1);
      else if (outcome.kind !== 'removed') onOutcome(outcome);
      else onOutcome({ kind: 'unavailable', message: `model ${key} was unloaded while it was loading, ${tries} times` });
    };
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#waiting.set(key, [again]);
    else waiting.push(again);
    this.#waiters += 1;
    const declared = record.declaredMemoryBytes;
    this.#step({
      kind: 'request',
      model: key,
      artifact: artifactOf(record),
      urgency,
      lastUsedMs,
      knownUnits,
      declaredUnits: declared === undefined ? null : unitsForBytes(declared),
      policy: policyOf(record),
      ...(onlyFreeRoom ? { onlyFreeRoom } : {}),
    });
  }

  #refusal(): WaitOutcome | undefined {
    if (this.#hopeless !== undefined) return { kind: 'unavailable', message: this.#hopeless };
    if (this.#waiters < COPY_WAITERS_MAX) return undefined;
    this.#limits.add('copy-waiters');
    return {
      kind: 'overloaded',
      message: `${COPY_WAITERS_MAX} callers wait for models to be loaded here already; try again later`,
    };
  }
}

/**
 * Whether the copy went for a reason that is none of the model's: it was pushed out, or somebody unloaded it and it is still registered. A claim
 * that was lost is not: the copy is elsewhere, and whoever wants it must look there.
 */
const isDisplaced = ({ kind }: WaitOutcome): boolean => kind === 'evicted' || kind === 'removed';

/** What the cache has to know of a record's wishes. A copy that must be here is not unloaded for being idle. */
export const policyOf = (record: ModelRecord): CopyPolicy => ({
  pinned: record.copiesPolicy.pin,
  idleAfterMs: record.copiesPolicy.min > 0 ? null : (record.copiesPolicy.idleAfterMs ?? null),
});
