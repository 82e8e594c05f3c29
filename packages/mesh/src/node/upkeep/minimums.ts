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
import type { LocalCopies } from '../copies/index.ts';
import { type Members, StepFacts } from '../members/index.ts';
import { LOAD_TRIES_MAX, type Placing } from '../placing/index.ts';

/**
 * After an instance was asked for a copy, nothing more is asked for this long: its claim may still be on the way. So after a failure: the
 * instance that failed tries others itself.
 */
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

/** A model with a minimum. */
interface WantedModel {
  /** Whether it was asked for as if it was used just then. */
  asked: boolean;
  /** When an instance was asked last, or failed; this one too: where it refuses, its claim that comes and goes must not make it ask again. */
  patientSinceMs: MonotonicMs | undefined;
  /** Instances that failed to load it, as they were seen last. */
  failures: number;
}

/**
 * Whether failures speak against the model itself and not against an instance: it is loaded nowhere, or so many failed as end a call (spec §2.8).
 * Such a model is not tried on one instance after the other until its failures expire.
 */
const isDoubtful = ({ copies, failures }: ModelRecord, isLive: (id: InstanceId) => boolean): boolean =>
  failures.size >= LOAD_TRIES_MAX || (failures.size > 0 && ![...copies.keys()].some(isLive));

/** Copies that owners want whether anybody calls or not (`copies.min`). The leader sees to them. */
export class Minimums {
  readonly #parts: MinimumsParts;
  readonly #wanted = new Map<ModelKey, WantedModel>();
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
      const wanted = this.#wanted.get(name) ?? { asked: false, patientSinceMs: undefined, failures: 0 };
      const { size } = record.failures;
      if (size > wanted.failures) wanted.patientSinceMs = this.#parts.clock.monotonicMs();
      wanted.failures = size;
      this.#wanted.set(name, wanted);
      this.#changed.add(name);
    }
    if (this.#changed.size > 0) this.#lookSoon(durationMs(0));
  }

  /** Looks at all of them again, and brings up what is missing. */
  keep(): void {
    for (const model of this.#wanted.keys()) this.#changed.add(model);
    if (this.#changed.size > 0) this.#lookSoon(durationMs(0));
  }

  /** The runtime came up: what could not be loaded a moment ago may be loaded now. */
  keepAfresh(): void {
    for (const wanted of this.#wanted.values()) wanted.patientSinceMs = undefined;
    this.keep();
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
    if (record === undefined || wanted === undefined || isDoubtful(record, (id) => this.#parts.members.isLive(id)))
      return undefined;
    if (wanted.patientSinceMs !== undefined && nowMs - wanted.patientSinceMs < PATIENCE_MS) return undefined;
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
    const { view, placing } = this.#parts;
    const wanted = this.#wanted.get(model);
    const record = view.model(DEFAULT_NAMESPACE, model)?.record;
    if (wanted === undefined || record === undefined) return;
    const asIfUsedMs = wanted.asked ? record.lastUsedMs : lastUsedMs;
    wanted.asked = true;
    const chosen = placing.spread(model, copies, { lastUsedMs: asIfUsedMs, exclude, knownUnits: null });
    if (chosen !== null) wanted.patientSinceMs = nowMs;
  }
}
