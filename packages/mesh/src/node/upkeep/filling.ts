import {
  type Clock,
  DEFAULT_NAMESPACE,
  type DurationMs,
  durationMs,
  type InstanceId,
  type ModelKey,
  type SizeUnits,
  sleep,
  unitsForBytes,
} from '@modelmesh/core';
import type { CacheInstant } from '@modelmesh/core/cache';
import type { ClusterInstance } from '@modelmesh/core/cluster';
import {
  evictedCopyOf,
  FILL_PERIOD_MS,
  type FillCandidate,
  Filler,
  type FillLoad,
  type FillNode,
  type FillRun,
  type FillSituation,
  type KnownCopy,
  mayRebalance,
  offersOf,
  secondCopyOf,
} from '@modelmesh/core/filling';
import type { ModelRecord } from '@modelmesh/core/records';
import { type CopyScaler, freeShare, type LoadTimes } from '@modelmesh/core/scaling';
import type { Scope } from '@modelmesh/core/scope';
import type { RegistryView } from '@modelmesh/core/view';
import type { LocalCopies } from '../copies/index.ts';
import { inBatches } from '../in-batches.ts';
import { type Members, StepFacts } from '../members/index.ts';
import type { Placing } from '../placing/index.ts';
import type { ReachedLimits } from '../reached-limits.ts';
import type { RegistryPulse } from '../registry/index.ts';

/** Records that are looked at in one turn, so that a large registry never holds up calls. */
const SCANNED_PER_TURN = 500;
/** Loads of one plan that are asked for at the same time; the instances queue them. */
const LOADS_AT_ONCE = 16;
/** Proposals of a kind that are kept between two runs; further ones are not looked at. */
export const PROPOSALS_MAX = 1024;

/** What filling is made of. */
export interface FillingParts {
  readonly self: InstanceId;
  readonly clock: Clock;
  readonly view: RegistryView;
  readonly pulse: RegistryPulse;
  readonly members: Members;
  readonly copies: LocalCopies;
  readonly placing: Placing;
  readonly scaler: () => CopyScaler;
  readonly loadTimes: () => LoadTimes;
  readonly loadTimeoutMs: () => DurationMs;
  readonly defaultUnits: () => SizeUnits;
  readonly leads: () => boolean;
  readonly isLeaving: () => boolean;
  readonly onLoad: (load: FillLoad) => void;
  readonly limits: ReachedLimits;
}

/** Fills room that is free with what is worth it: the leader with models without a copy, each instance with what it knows of its own. */
export class Filling {
  readonly #parts: FillingParts;
  readonly #asLeader = new Filler({ kind: 'leader' });
  readonly #asInstance: Filler;
  readonly #secondCopies = new Set<ModelKey>();
  readonly #evicted = new Map<ModelKey, { readonly units: SizeUnits; readonly lastUsedMs: number }>();

  constructor(parts: FillingParts) {
    this.#parts = parts;
    this.#asInstance = new Filler({ kind: 'instance', self: parts.self });
  }

  /** Runs until `scope` ends. A node that is alone has nothing to fill but itself, and that is what calls do. */
  start(scope: Scope): void {
    const { clock, pulse, leads, isLeaving } = this.#parts;
    scope.spawn('filling', async (signal) => {
      for (;;) {
        await sleep(clock, FILL_PERIOD_MS, signal);
        if (pulse.away !== undefined || isLeaving()) continue;
        await this.#runAsInstance(signal);
        if (leads()) await this.#runAsLeader(signal);
      }
    });
  }

  /** A model is used regularly and has one copy, here. */
  proposeSecondCopy(model: ModelKey): void {
    if (this.#mayPropose(model, this.#secondCopies)) this.#secondCopies.add(model);
  }

  /** A copy was pushed out here (spec `modelmesh.md` §4.13). */
  evicted(model: ModelKey, units: SizeUnits, idleForMs: DurationMs): void {
    const lastUsedMs = this.#now().wallMs - idleForMs;
    if (this.#mayPropose(model, this.#evicted)) this.#evicted.set(model, { units, lastUsedMs });
  }

  #mayPropose(model: ModelKey, kept: { readonly size: number; has(model: ModelKey): boolean }): boolean {
    if (kept.size < PROPOSALS_MAX || kept.has(model)) return true;
    this.#parts.limits.add('proposals');
    return false;
  }

  async #runAsLeader(signal: AbortSignal): Promise<void> {
    const { clock, view } = this.#parts;
    const run = this.#asLeader.begin(this.#situation(), this.#now());
    if (run.budget.loads <= 0) return;
    let piece: ModelRecord[] = [];
    for (const { record } of view.models(DEFAULT_NAMESPACE)) {
      piece.push(record);
      if (piece.length < SCANNED_PER_TURN) continue;
      run.scan.consider(piece);
      piece = [];
      // The registry may change meanwhile: each record is judged as it was when it was read, and each load again where it goes.
      await sleep(clock, durationMs(0), signal);
    }
    run.scan.consider(piece);
    this.#carryOut(run, this.#asLeader, signal);
  }

  async #runAsInstance(signal: AbortSignal): Promise<void> {
    const run = this.#asInstance.begin(this.#situation(), this.#now());
    for (const candidate of this.#proposals(run)) run.scan.propose(candidate);
    this.#secondCopies.clear();
    this.#evicted.clear();
    this.#carryOut(run, this.#asInstance, signal);
  }

  *#proposals({ spreadUnits }: FillRun): Iterable<FillCandidate> {
    const { self, members, copies } = this.#parts;
    const facts = this.#facts();
    const view = { nowMs: this.#now().wallMs, isLive: (id: InstanceId): boolean => facts.isLive(id) };
    for (const model of this.#secondCopies) {
      const copy = this.#known(model, copies.cache.copy(model));
      const candidate = copy === undefined ? undefined : secondCopyOf(copy, view);
      if (candidate !== undefined) yield candidate;
    }
    for (const [model, left] of this.#evicted) {
      const copy = this.#known(model, left);
      // A call may have brought it back here meanwhile.
      if (copy === undefined || copies.knowledge(model) !== 'absent') continue;
      const registeredForMs = durationMs(Math.max(0, view.nowMs - copy.record.createdAtMs));
      const free = freeShare(facts.factsFor(copy.record.type).fullness);
      const candidate = mayRebalance(registeredForMs, this.#parts.loadTimeoutMs(), free)
        ? evictedCopyOf(copy, self, view)
        : undefined;
      if (candidate !== undefined) yield candidate;
    }
    const own = members.cluster.get(self);
    if (spreadUnits <= 0 || own === undefined) return;
    yield* offersOf(this.#mostRecent(spreadUnits), nodeOf(own), this.#typicalLoadMs(), view);
  }

  /** Serving copies, the most recently used first, as many as fresh instances may want twice over. */
  #mostRecent(spreadUnits: SizeUnits): KnownCopy[] {
    const serving = [...this.#parts.copies.cache.copies()]
      .filter(({ state }) => state.kind === 'active')
      .toSorted((a, b) => b.lastUsedMs - a.lastUsedMs);
    const chosen: KnownCopy[] = [];
    let units = 0;
    for (const copy of serving) {
      if (units > 2 * spreadUnits) break;
      const known = this.#known(copy.model, copy);
      if (known === undefined) continue;
      chosen.push(known);
      units += copy.units;
    }
    return chosen;
  }

  #known(model: ModelKey, copy: { readonly units: SizeUnits; readonly lastUsedMs: number } | null): KnownCopy | undefined {
    const { view, scaler, loadTimes } = this.#parts;
    const record = view.model(DEFAULT_NAMESPACE, model)?.record;
    if (record === undefined || copy === null) return undefined;
    const calls = scaler().use(model)?.window.callsPerMinute ?? 0;
    const lastUsedMs = copy.lastUsedMs as KnownCopy['lastUsedMs'];
    const loadMs = loadTimes().expectedMs(record.type);
    return { record, units: copy.units, lastUsedMs, callsPerMinute: calls > 0 ? calls : null, loadMs };
  }

  /** Begins what was planned; nobody waits for it. */
  #carryOut(run: FillRun, filler: Filler, signal: AbortSignal): void {
    const { loads } = run.finish();
    const { placing, onLoad } = this.#parts;
    const begin = async (load: FillLoad): Promise<void> => {
      onLoad(load);
      const { model, to, lastUsedMs, reason } = load;
      await placing
        .loadAt(model, to, { lastUsedMs, isFirst: reason === 'first-copy', signal })
        .finally(() => filler.ended(model));
    };
    inBatches(loads, LOADS_AT_ONCE, signal, begin).catch(() => {});
  }

  #situation(): FillSituation {
    const { members, copies, loadTimes, defaultUnits, clock } = this.#parts;
    const facts = this.#facts();
    const candidates = members.cluster.ordered(clock.wallMs()).filter(({ standing }) => standing === 'candidate');
    const nodes = candidates.map(nodeOf);
    const unitsOf = ({ key, declaredMemoryBytes }: ModelRecord): SizeUnits => {
      const remembered = copies.cache.rememberedSize(key) ?? declaredMemoryBytes;
      return remembered === undefined ? defaultUnits() : unitsForBytes(remembered);
    };
    return {
      nodes,
      defaultUnits: defaultUnits(),
      typicalLoadMs: this.#typicalLoadMs(),
      mayHold: (type, instance) => {
        const labels = members.cluster.get(instance)?.record.labels;
        return labels !== undefined && members.cluster.constraints.allowed(type, labels);
      },
      unitsOf,
      loadMsOf: (type) => loadTimes().expectedMs(type),
      isLive: (instance) => facts.isLive(instance),
    };
  }

  #typicalLoadMs(): DurationMs {
    return this.#parts.loadTimes().typicalMs();
  }

  #facts(): StepFacts {
    return new StepFacts(this.#parts);
  }

  #now(): CacheInstant {
    const { clock } = this.#parts;
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  }
}

const nodeOf = ({ id, record, full }: ClusterInstance): FillNode => ({
  id,
  capacityUnits: record.capacityUnits,
  usedUnits: record.usedUnits,
  modelCount: record.modelCount,
  oldestUseMs: record.leastRecentUseMs ?? null,
  full,
  loadingThreads: record.loadingThreads,
  loadsInProgress: record.loadsInProgress,
});
