import {
  type Clock,
  DEFAULT_NAMESPACE,
  durationMs,
  type InstanceId,
  type ModelKey,
  type SizeUnits,
  sleep,
  toMeshError,
} from '@modelmesh/core';
import type { CacheInstant, CopyView } from '@modelmesh/core/cache';
import { putOf, withCopyUnloaded } from '@modelmesh/core/records';
import {
  type AddCopies,
  type BusyCopy,
  Busyness,
  CopyScaler,
  type CountedCopy,
  type IdleCopy,
  type LoadTimes,
  mayRemove,
  type RemoveCopy,
  type ScaleDownDecision,
  type ScaleUpDecision,
  type ScalingConfig,
  scaleDownPass,
} from '@modelmesh/core/scaling';
import type { Scope } from '@modelmesh/core/scope';
import type { Dirty } from '@modelmesh/core/view';
import type { SlotCounters } from '../../link/index.ts';
import type { LocalCopies } from '../copies/index.ts';
import { type Members, StepFacts } from '../members/index.ts';
import type { Placing } from '../placing/index.ts';
import type { RegistryMirror } from '../registry/index.ts';

/** Calls in flight are looked at this often. */
const LOOK_MS = durationMs(500);
/** What changes slowly in the own record is looked at this often (spec `modelmesh.md` §3.4). */
const RECORD_MS = durationMs(40_000);
/** Removals that are carried out at the same time. */
const REMOVALS_AT_ONCE = 4;

/** What scaling is made of. */
export interface ScalingParts {
  readonly self: InstanceId;
  readonly clock: Clock;
  readonly config: ScalingConfig;
  readonly members: Members;
  readonly mirror: RegistryMirror;
  readonly copies: LocalCopies;
  readonly counters: SlotCounters;
  readonly placing: Placing;
  readonly loadTimes: () => LoadTimes;
  /** Free space may be worth another copy. */
  readonly onProposal: (decision: Extract<ScaleUpDecision, { readonly kind: 'propose-second-copy' }>) => void;
  readonly onDecision: (decision: ScaleUpDecision | ScaleDownDecision) => void;
  /** The own record may have changed. */
  readonly touchRecord: () => void;
}

/** More and fewer copies of what is loaded here: asks the domain, and carries out what it decides. */
export class Scaling {
  readonly scaler: CopyScaler;
  readonly #parts: ScalingParts;
  readonly #busyness: Busyness;
  /** Copies that were asked for: how many there were then. */
  readonly #asked = new Map<ModelKey, number>();
  #calls = 0;
  #wasBusy = false;

  constructor(parts: ScalingParts) {
    const now = parts.clock.monotonicMs();
    this.#parts = parts;
    this.scaler = new CopyScaler(now, parts.config);
    this.#busyness = new Busyness('calls', now);
  }

  /** Calls a minute over the last minutes. */
  get busyness(): number {
    return this.#busyness.value();
  }

  /** Looks and steps until `scope` ends. */
  start(scope: Scope): void {
    const { clock, config, touchRecord } = this.#parts;
    scope.spawn('scaling', async (signal) => {
      let lookedMs = 0;
      let touchedMs = 0;
      for (;;) {
        await sleep(clock, LOOK_MS, signal);
        this.#look();
        lookedMs += LOOK_MS;
        touchedMs += LOOK_MS;
        if (lookedMs >= config.checkMs) {
          lookedMs = 0;
          this.#step();
        }
        if (touchedMs >= RECORD_MS) {
          touchedMs = 0;
          touchRecord();
        }
      }
    });
  }

  /** Records changed: copies that were asked for may be there. */
  changed(dirty: Dirty): void {
    if (this.#asked.size === 0) return;
    for (const { namespace, name } of dirty.models) {
      const before = namespace === DEFAULT_NAMESPACE ? this.#asked.get(name) : undefined;
      if (before === undefined) continue;
      const record = this.#parts.mirror.view.model(DEFAULT_NAMESPACE, name)?.record;
      if (record !== undefined && record.copies.size <= before && record.failures.size === 0) continue;
      this.#asked.delete(name);
      this.scaler.settled(name);
    }
  }

  /** Gives up copies that are not needed (spec `modelmesh.md` §4.11); the janitor's last act. Resolves when it was tried. */
  async scaleDown(signal: AbortSignal): Promise<void> {
    const { copies, members, self } = this.#parts;
    const { effectiveUnits } = copies.cache.summary();
    const facts = this.#facts();
    const nowMs = this.#now().wallMs;
    const own = members.cluster.get(self);
    const { decisions } = scaleDownPass(this.#idle(), effectiveUnits, {
      cluster: facts,
      nowMs,
      selfFull: own?.full === true,
      freeShareOf: (id) => {
        const instance = members.cluster.get(id);
        const capacity = instance?.record.capacityUnits ?? 0;
        return instance === undefined || capacity === 0 ? 0 : instance.remainingUnits / capacity;
      },
    });
    const removals = decisions.filter((decision): decision is RemoveCopy => decision.kind === 'remove-copy');
    for (const decision of decisions) this.#parts.onDecision(decision);
    for (let at = 0; at < removals.length && !signal.aborted; at += REMOVALS_AT_ONCE)
      await Promise.all(removals.slice(at, at + REMOVALS_AT_ONCE).map((removal) => this.#remove(removal, signal)));
  }

  #step(): void {
    const now = this.#now();
    const counted = this.#counted();
    const { decisions } = this.scaler.step(counted, this.#facts(), now);
    for (const { record } of counted) this.#calls += this.scaler.use(record.key)?.window.calls ?? 0;
    this.#busyness.observe(this.#calls, now.monotonicMs);
    for (const decision of decisions) this.#perform(decision);
  }

  #look(): void {
    const { copies, counters, mirror } = this.#parts;
    const busy: BusyCopy[] = [];
    for (const copy of copies.cache.copies()) {
      const slot = servingSlot(copy);
      const inFlight = slot === null ? 0 : counters.liveInFlight(slot);
      if (inFlight <= 1) continue;
      const record = mirror.view.model(DEFAULT_NAMESPACE, copy.model)?.record;
      if (record !== undefined) busy.push({ record, maxConcurrency: copies.concurrencyOf(copy.model), inFlight });
    }
    // With nothing in flight there is nothing to remember either.
    if (busy.length === 0 && !this.#wasBusy) return;
    this.#wasBusy = busy.length > 0;
    for (const decision of this.scaler.look(busy, this.#facts(), this.#now())) this.#perform(decision);
  }

  #perform(decision: ScaleUpDecision): void {
    this.#parts.onDecision(decision);
    if (decision.kind === 'add-copies') this.#add(decision);
    if (decision.kind === 'propose-second-copy') this.#parts.onProposal(decision);
  }

  #add({ model, copies, exclude, lastUsedMs }: AddCopies): void {
    const { mirror, placing } = this.#parts;
    const record = mirror.view.model(DEFAULT_NAMESPACE, model)?.record;
    if (record === undefined) return;
    this.#asked.set(model, record.copies.size);
    const onRefused = (): void => {
      this.#asked.delete(model);
      this.scaler.settled(model);
    };
    const chosen = placing.spread(model, copies, { lastUsedMs, exclude, knownUnits: this.#unitsOf(model), onRefused });
    if (chosen === null) onRefused();
  }

  async #remove(decision: RemoveCopy, signal: AbortSignal): Promise<void> {
    const { mirror, placing, copies, self, clock, members } = this.#parts;
    const { model } = decision;
    try {
      const record = mirror.view.model(DEFAULT_NAMESPACE, model)?.record;
      if (record === undefined) return;
      const answer = await placing.askHolders(record, signal);
      if (answer?.copy.kind !== 'loaded' || !decision.others.includes(answer.at)) return;
      const removed = await mirror.change(() => {
        const stored = mirror.view.model(DEFAULT_NAMESPACE, model);
        const holds = stored !== undefined && mayRemove(stored.record, decision, self, (id) => members.isReachable(id));
        if (!holds) return { writes: [], result: false };
        return { writes: [putOf(withCopyUnloaded(stored.record, self, clock.wallMs()), stored.revision)], result: true };
      });
      if (removed) copies.unload(model);
    } catch (error) {
      // The next run decides anew.
      toMeshError(error);
    }
  }

  #counted(): CountedCopy[] {
    const { copies, counters } = this.#parts;
    const counted: CountedCopy[] = [];
    for (const copy of copies.cache.copies()) {
      const slot = servingSlot(copy);
      const record = slot === null ? undefined : this.#parts.mirror.view.model(DEFAULT_NAMESPACE, copy.model)?.record;
      if (slot === null || record === undefined) continue;
      const calls = counters.calls(slot) - counters.liveInFlight(slot);
      const processingMs = counters.processingMs(slot);
      const { generation } = slot;
      const maxConcurrency = copies.concurrencyOf(copy.model);
      const queuedMs = counters.queuedMs(slot);
      counted.push({ record, generation, maxConcurrency, counters: { calls, processingMs, queuedMs } });
    }
    return counted;
  }

  #idle(): IdleCopy[] {
    const now = this.#now();
    const { counters, copies } = this.#parts;
    // What is in flight beyond what runs at a time waits.
    const queuedAt = (copy: CopyView): number => {
      const [slot, limit] = [servingSlot(copy), copies.concurrencyOf(copy.model)];
      return slot === null || limit === null ? 0 : Math.max(0, counters.liveInFlight(slot) - limit);
    };
    return [...this.#parts.copies.cache.copies()].flatMap((copy) => {
      const slot = servingSlot(copy);
      const record = slot === null ? undefined : this.#parts.mirror.view.model(DEFAULT_NAMESPACE, copy.model)?.record;
      if (record === undefined) return [];
      const heavyAtMs = this.scaler.use(copy.model)?.heavyAtMs ?? null;
      const heavyAgeMs = heavyAtMs === null ? null : durationMs(now.monotonicMs - heavyAtMs);
      const { units, lastUsedMs } = copy;
      return [{ record, units, lastUsedMs, heavyAgeMs, load: this.scaler.load(copy.model), queued: queuedAt(copy) }];
    });
  }

  #unitsOf(model: ModelKey): SizeUnits | null {
    return this.#parts.copies.cache.copy(model)?.units ?? null;
  }

  #facts(): StepFacts {
    return new StepFacts(this.#parts);
  }

  #now(): CacheInstant {
    const { clock } = this.#parts;
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  }
}

function servingSlot({ state }: CopyView): { readonly index: number; readonly generation: number } | null {
  return state.kind === 'active' || state.kind === 'sizing' ? state.slot : null;
}
