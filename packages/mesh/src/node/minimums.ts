import {
  type Clock,
  DEFAULT_NAMESPACE,
  type DurationMs,
  durationMs,
  type InstanceId,
  type ModelKey,
  type MonotonicMs,
  type Timer,
} from '@modelmesh/core';
import { type ModelRecord, withCopyClaimed, withCopyWithdrawn, withFailure } from '@modelmesh/core/records';
import { type AddCopies, type ClusterFacts, type LoadTimes, missingCopies, WANTED_MODELS_MAX } from '@modelmesh/core/scaling';
import type { Dirty, RegistryView } from '@modelmesh/core/view';
import { StepFacts } from './cluster-facts.ts';
import type { LocalCopies } from './local-copies.ts';
import type { Members } from './members.ts';
import type { Placing } from './placing.ts';

/** After another instance was asked for a copy, nothing more is asked for this long: its claim may still be on the way. */
const PATIENCE_MS = durationMs(10_000);
/** Where one look found more than it may ask for, the next comes after this. */
const GO_ON_MS = durationMs(1000);

/** What minimums are kept with. */
export interface MinimumsParts {
  readonly self: InstanceId;
  readonly view: RegistryView;
  readonly clock: Clock;
  readonly members: Members;
  readonly copies: LocalCopies;
  readonly placing: Placing;
  readonly loadTimes: () => LoadTimes;
  /** Whether this node sees to them; one that may not change the registry never does. */
  readonly leads: () => boolean;
  /** Ends with the node. */
  readonly signal: AbortSignal;
}

/** Copies that owners want whether anybody calls or not (`copies.min`). The leader sees to them. */
export class Minimums {
  readonly #parts: MinimumsParts;
  /** Models with a minimum, whether they were asked for as if they were used just then, and when another instance was asked last. */
  readonly #wanted = new Map<ModelKey, { asked: boolean; elsewhereMs: MonotonicMs | undefined }>();
  /** Models with a minimum whose records changed since the last look. */
  readonly #changed = new Set<ModelKey>();
  #look: Timer | undefined;

  constructor(parts: MinimumsParts) {
    this.#parts = parts;
    parts.signal.addEventListener('abort', () => this.#look?.cancel(), { once: true });
  }

  /** Records changed. Only noted here: nothing is placed from inside the watch of the registry. */
  changed(dirty: Dirty): void {
    for (const { namespace, name } of dirty.models) {
      if (namespace !== DEFAULT_NAMESPACE) continue;
      const record = this.#parts.view.model(DEFAULT_NAMESPACE, name)?.record;
      if (record === undefined || record.copiesPolicy.min === 0) {
        this.#wanted.delete(name);
        continue;
      }
      if (!this.#wanted.has(name)) this.#wanted.set(name, { asked: false, elsewhereMs: undefined });
      this.#changed.add(name);
    }
    if (this.#changed.size > 0) this.#lookSoon(durationMs(0));
  }

  /** Looks at all of them again, and brings up what is missing. */
  keep(): void {
    for (const model of this.#wanted.keys()) this.#changed.add(model);
    if (this.#changed.size > 0) this.#lookSoon(durationMs(0));
  }

  #lookSoon(delayMs: DurationMs): void {
    const { clock, signal } = this.#parts;
    if (signal.aborted) return;
    this.#look ??= clock.after(delayMs, () => {
      this.#look = undefined;
      this.#bringUp();
    });
  }

  #bringUp(): void {
    const { clock, members, leads } = this.#parts;
    const models = [...this.#changed];
    this.#changed.clear();
    if (!leads()) return;
    const step = new StepFacts(this.#parts);
    // A copy in an instance that leaves, or that this node alone does not reach, still counts: the one is moved by its holder, the other is there.
    const facts: ClusterFacts = {
      self: step.self,
      isLive: (id) => members.isLive(id),
      isBefore: (a, b) => step.isBefore(a, b),
      factsFor: (type) => step.factsFor(type),
    };
    const nowMs = clock.monotonicMs();
    const missing = missingCopies(
      models.flatMap((model) => this.#record(model, nowMs) ?? []),
      facts,
      clock.wallMs(),
    );
    for (const decision of missing) this.#ask(decision, nowMs);
    if (missing.length < WANTED_MODELS_MAX) return;
    for (const model of models) this.#changed.add(model);
    this.#lookSoon(GO_ON_MS);
  }

  /** The record with what this instance knows of its own copy and has not written; `undefined` while there is reason to wait. */
  #record(model: ModelKey, nowMs: MonotonicMs): ModelRecord | undefined {
    const { view, copies, self, clock } = this.#parts;
    const wanted = this.#wanted.get(model);
    const record = view.model(DEFAULT_NAMESPACE, model)?.record;
    if (record === undefined || wanted === undefined) return undefined;
    if (wanted.elsewhereMs !== undefined && nowMs - wanted.elsewhereMs < PATIENCE_MS) return undefined;
    const failure = copies.failure(model);
    if (failure !== null) return withFailure(record, self, failure);
    if (copies.knowledge(model) === 'absent') return withCopyWithdrawn(record, self);
    return record.copies.has(self) ? record : withCopyClaimed(record, self, clock.wallMs());
  }

  /**
   * The first time the model counts as used now. One that had to go for others comes back at its own age: else those that do not fit together
   * would push each other out for ever.
   */
  #ask({ model, copies, exclude, lastUsedMs }: AddCopies, nowMs: MonotonicMs): void {
    const { view, placing, self } = this.#parts;
    const wanted = this.#wanted.get(model);
    const record = view.model(DEFAULT_NAMESPACE, model)?.record;
    if (wanted === undefined || record === undefined) return;
    const asIfUsedMs = wanted.asked ? record.lastUsedMs : lastUsedMs;
    wanted.asked = true;
    const chosen = placing.spread(model, copies, { lastUsedMs: asIfUsedMs, exclude, knownUnits: null });
    if (chosen !== null && (copies > 1 || chosen !== self)) wanted.elsewhereMs = nowMs;
  }
}
