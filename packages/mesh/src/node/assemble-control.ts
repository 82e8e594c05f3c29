import {
  DEFAULT_NAMESPACE,
  type DurationMs,
  durationMs,
  type InstanceId,
  type ModelKey,
  type Revision,
  type SizeUnits,
  toMeshError,
  unitsForBytes,
} from '@modelmesh/core';
import { DecisionJournal } from '@modelmesh/core/journal';
import type { InstanceRecord } from '@modelmesh/core/records';
import { LoadTimes } from '@modelmesh/core/scaling';
import { noExpressions } from '@modelmesh/core/traffic';
import { type Dirty, failingUntilMs, RegistryView } from '@modelmesh/core/view';
import { encodeRecord } from '@modelmesh/wire/registry';
import { SlotCounters } from '../link/index.ts';
import { LocalCopies, RoutePublisher } from './copies/index.ts';
import { Events } from './events.ts';
import { type EnsureCopies, Management, Manifests, NodeControl } from './management/index.ts';
import { Members, Readiness } from './members/index.ts';
import { OwnRecord } from './own-record.ts';
import { CopyMap, fillDecision, Locating, PlacementDesk, Placing, placementDecision, scaleDecision } from './placing/index.ts';
import { PolicyAcks, PolicyFreshness, SeenInstances, VariantWatch } from './policies/index.ts';
import { ReachedLimits } from './reached-limits.ts';
import { Leadership, RegistryClaims, RegistryMirror, RegistryPulse, Session } from './registry/index.ts';
import type { ControlSetup } from './start-control.ts';
import { Strategies } from './strategies/index.ts';
import { systemRandom } from './system-random.ts';
import { Filling, Janitor, Minimums, Reaper, Scaling } from './upkeep/index.ts';

/** A runtime that did not say how long it loads is given this long (spec `modelmesh.md` §4.17). */
const LOAD_TIMEOUT_MS = durationMs(240_000);

/** Everything that one life of control consists of. */
export interface ControlAssembly {
  readonly view: RegistryView;
  readonly pulse: RegistryPulse;
  readonly mirror: RegistryMirror;
  readonly session: Session;
  readonly leadership: Leadership;
  readonly members: Members;
  /** Who runs which policies, and whether this node hears of new ones. */
  readonly acks: PolicyAcks;
  readonly freshness: PolicyFreshness;
  readonly desk: PlacementDesk;
  readonly placing: Placing;
  readonly minimums: Minimums;
  readonly scaling: Scaling;
  readonly filling: Filling;
  readonly janitor: Janitor;
  readonly reaper: Reaper;
  readonly readiness: Readiness;
  /** Replaced when the runtime says how long it may load. */
  readonly loadTimes: { current: LoadTimes; timeoutMs: DurationMs };
  readonly claims: RegistryClaims;
  readonly copies: LocalCopies;
  readonly management: Management;
  readonly control: NodeControl;
  readonly routes: RoutePublisher;
  readonly events: Events;
  /** Decisions of every kind: whoever decides adds its record. */
  readonly journal: DecisionJournal;
  readonly limits: ReachedLimits;
  readonly counters: SlotCounters;
  readonly ownRecord: () => InstanceRecord;
  /** The record may have changed. */
  readonly touchRecord: () => void;
  /** From now on the record says that the instance leaves. */
  readonly leave: () => void;
}

/** Puts control together; nothing runs yet. */
export function assembleControl(setup: ControlSetup): ControlAssembly {
  const registry = assembleRegistry(setup);
  const { view, events, journal, limits, pulse, mirror, session, own } = registry;
  const { clock, instance, scope, link, readOnly } = setup;
  const { members, routes, claims, copies, counters, desk, acks, freshness, seen, variants } = assembleCluster(setup, registry);
  const loadTimes = { current: new LoadTimes(LOAD_TIMEOUT_MS), timeoutMs: LOAD_TIMEOUT_MS };
  routes.settledAfterMs = (type) => loadTimes.current.assumeLoadedAfterMs(type);
  routes.failingUntilMs = (record) => failingUntilMs(record, clock.wallMs(), setup.cache.failureExpiryMs);
  const readiness = watchLoads(setup, { copies, events, loadTimes, members });
  const { signal } = scope;
  const { failureExpiryMs } = setup.cache;
  const { placing, locating } = assemblePlacing(setup, registry, { members, routes, claims, copies, desk });
  const leadership = new Leadership({ kv: setup.kv, clock, layout: setup.layout, session, instance });
  const isLeader = setup.isLeader ?? ((): boolean => leadership.leads);
  const shared = { self: instance, view, clock, members, copies, placing, signal, loadTimes: () => loadTimes.current };
  const minimums = new Minimums({ ...shared, leads: () => !readOnly && isLeader() });
  const base = { instance, clock, scope, mirror, claims, copies, members, placing, events };
  const management: Management = new Management({
    ...base,
    ...{ defaultEndpointOwner: setup.defaultEndpointOwner, policyAbilities: setup.policyAbilities ?? null },
    assumeLoadedAfterMs: (type) => loadTimes.current.assumeLoadedAfterMs(type),
    ...{ failureExpiryMs, readOnly, isLeader },
    ensureCopies: setup.ensureCopies ?? ensureByPlacement(placing, () => management),
  });
  const manifests = new Manifests({ mirror, management, copies, acks, clock, readOnly });
  const ownRecord = (): InstanceRecord => own.record();
  const parts = {
    ...{ link, mirror, copies, members, peers: setup.peers, placing, locating, acks },
    ...{ management, manifests, routes, events },
    ...{ journal, limits },
    clock,
    ownRecord,
    signal,
    isReady: () => readiness.ready,
    ...{ variants, preview: previewParts(setup) },
    strategies: () => strategies,
  };
  const control = new NodeControl(parts);
  const strategies = strategiesOf(setup, registry, () => !readOnly && isLeader());
  registry.spread = (dirty) => {
    routes.dirty(dirty);
    noteInstances(dirty, registry, { members, desk, acks, seen, self: instance });
    copies.registryChanged(dirty);
    minimums.changed(dirty);
    management.transitions.dirty(dirty);
    scaling.changed(dirty);
    strategies.changed(dirty);
    variants.changed(dirty);
  };
  const touchRecord = (): void => session.touch(own.key);
  copies.onChange = touchRecord;
  const upkeep = assembleUpkeep(setup, registry, {
    members,
    copies,
    claims,
    counters,
    placing,
    management,
    loadTimes,
    isLeader,
    touchRecord,
  });
  const { scaling } = upkeep;
  const leave = (): void => own.leaves(touchRecord);
  const cluster = { session, leadership, members, acks, freshness, desk, placing, minimums, loadTimes, readiness, ...upkeep };
  const local = { claims, copies, counters, routes, management, control, events, journal, limits };
  return { view, pulse, mirror, ...cluster, ...local, ownRecord, touchRecord, leave };
}

/** What sets weights by what comes of calls. */
function strategiesOf(
  {
    instance: self,
    incarnation,
    clock,
    scope,
    layout,
    random,
    strategyPeriodMs: periodMs,
    weightsPlugins: plugins,
  }: ControlSetup,
  { mirror, session, limits, events }: ReturnType<typeof assembleRegistry>,
  leads: () => boolean,
): Strategies {
  const onProblem = (message: string): void => events.emit({ kind: 'strategy-problem', message });
  const parts = { self, incarnation, clock, scope, layout, mirror, session, limits, periodMs, plugins, leads, onProblem };
  return new Strategies({ ...parts, random: random ?? systemRandom });
}

/** What previews of calls are made with. */
const previewParts = ({ random, cache, expressionsOf }: ControlSetup) => ({
  random: random ?? systemRandom,
  failureExpiryMs: cache.failureExpiryMs,
  expressionsOf: expressionsOf ?? noExpressions,
});

/** Where copies are, where calls go, and where models are loaded. */
function assemblePlacing(
  setup: ControlSetup,
  { view, mirror, pulse }: ReturnType<typeof assembleRegistry>,
  parts: Pick<ControlAssembly, 'members' | 'routes' | 'claims' | 'copies' | 'desk'>,
): { readonly placing: Placing; readonly locating: Locating } {
  const { instance: self, clock, link, peers, scope } = setup;
  const { members, routes, claims, copies, desk } = parts;
  const { failureExpiryMs } = setup.cache;
  const fresh = (model: ModelKey): Promise<unknown> => mirror.fresh(DEFAULT_NAMESPACE, model);
  const map = new CopyMap({ self, clock, view, fresh, members, copies, desk, pulse, failureExpiryMs });
  const shared = { self, map, claims, copies, desk };
  const isClaimed = (model: ModelKey): boolean => view.model(DEFAULT_NAMESPACE, model)?.record.copies.has(self) === true;
  return {
    placing: new Placing({ ...shared, clock, members, peers, signal: scope.signal }),
    locating: new Locating({ ...shared, routes, link, isClaimed }),
  };
}

const ensureByPlacement =
  (placing: Placing, management: () => Management): EnsureCopies =>
  async (model, { copies, lastUsedMs }, signal) => {
    const failed = await placing.ensureCopies(model, copies, lastUsedMs, signal).then(
      () => null,
      (error: unknown) => toMeshError(error),
    );
    const status = await management().currentStatus(model, signal);
    if (failed === null || status.status === 'LOADED') return status;
    return { status: 'LOADING_FAILED', errors: [failed.message], copies: [] };
  };

/** What runs by itself: more and fewer copies, the janitor, and what the leader does for all. */
function assembleUpkeep(
  setup: ControlSetup,
  registry: ReturnType<typeof assembleRegistry>,
  parts: Pick<ControlAssembly, 'members' | 'copies' | 'claims' | 'counters' | 'placing' | 'management' | 'touchRecord'> & {
    readonly loadTimes: { readonly current: LoadTimes; readonly timeoutMs: DurationMs };
    readonly isLeader: () => boolean;
  },
): Pick<ControlAssembly, 'scaling' | 'filling' | 'janitor' | 'reaper'> {
  const { instance: self, clock, scope, readOnly } = setup;
  const { mirror, pulse, events, journal, limits, own } = registry;
  const { members, copies, claims, counters, placing, management, loadTimes, isLeader, touchRecord } = parts;
  const shared = { self, clock, mirror, members, copies, counters, placing, touchRecord };
  const scaling = new Scaling({
    ...shared,
    config: setup.scaling,
    loadTimes: () => loadTimes.current,
    onProposal: ({ model }) => filling.proposeSecondCopy(model),
    onDecision: (decision) => journal.add(scaleDecision(decision, self, clock.wallMs())),
  });
  own.busyness = () => scaling.busyness;
  const { view } = mirror;
  const filling: Filling = new Filling({
    ...shared,
    view,
    pulse,
    scaler: () => scaling.scaler,
    loadTimes: () => loadTimes.current,
    loadTimeoutMs: () => loadTimes.timeoutMs,
    defaultUnits: () => defaultUnitsOf(setup),
    leads: isLeader,
    isLeaving: () => own.leaving,
    onLoad: (load) => journal.add(fillDecision(load, clock.wallMs())),
    limits,
  });
  copies.onPushedOut = (model, units, idleForMs) => filling.evicted(model, units, idleForMs);
  const onProblem = (message: string): void => events.emit({ kind: 'upkeep-failed', message });
  const janitor = new Janitor({
    ...shared,
    pulse,
    onProblem,
    claims,
    loadTimeoutMs: () => loadTimes.timeoutMs,
    failureExpiryMs: setup.cache.failureExpiryMs,
    scaleDown: (until) => scaling.scaleDown(until),
  });
  const sweep = (): void => management.transitions.leaderChanged();
  const { signal } = scope;
  const reaper = new Reaper({
    clock,
    mirror,
    pulse,
    limits,
    onProblem,
    members,
    placing,
    leads: isLeader,
    readOnly,
    sweep,
    signal,
  });
  registry.onGone = (last) => reaper.instanceGone(last);
  return { scaling, filling, janitor, reaper };
}

/** What loads teach: how long they take, and whether the start goes well. */
function watchLoads(
  { clock, instance, runtime, failFast }: ControlSetup,
  parts: Pick<ControlAssembly, 'copies' | 'events' | 'members' | 'loadTimes'>,
): Readiness {
  const { copies, events, loadTimes, members } = parts;
  const readiness = new Readiness({
    clock,
    runtime: () => runtime.state,
    loadTimeoutMs: () => loadTimes.timeoutMs,
    leavingPeer: () => members.leavingPeer(),
    failFast,
  });
  copies.onLoadTook = ({ type }, tookMs) => {
    loadTimes.current.add(type, tookMs);
    readiness.loadEnded({ kind: 'succeeded' });
  };
  copies.onFailure = (record) => {
    const nowMs = clock.wallMs();
    const oldest = (stamps: readonly number[]): DurationMs | null =>
      stamps.length === 0 ? null : durationMs(Math.max(0, nowMs - Math.min(...stamps)));
    const { loadsQueued, loadsRunning } = copies.cache.summary();
    const aborted = readiness.loadEnded({
      kind: 'failed',
      otherCopyAgeMs: oldest([...record.copies].filter(([id]) => id !== instance).map(([, atMs]) => atMs)),
      otherFailureAgeMs: oldest([...record.failures].filter(([id]) => id !== instance).map(([, { atMs }]) => atMs)),
      inProgress: loadsQueued + loadsRunning,
    });
    if (aborted !== null) events.emit({ kind: 'start-failed', message: `this node is not ready any more: ${aborted}` });
  };
  return readiness;
}

function noteInstances(
  dirty: Dirty,
  { view, session, own }: ReturnType<typeof assembleRegistry>,
  {
    members,
    desk,
    acks,
    seen,
    self,
  }: Pick<ControlAssembly, 'members' | 'desk' | 'acks'> & {
    readonly seen: SeenInstances;
    readonly self: InstanceId;
  },
): void {
  members.changed(dirty.instances);
  for (const id of dirty.instances) {
    const record = view.instance(id)?.record;
    if (record === undefined) desk.instanceGone(id);
    else desk.instanceSeen(record);
    // Somebody deleted it, or its lease ended: the others must hear of this node again (spec §3.4).
    if (record === undefined && id === self) session.keyVanished(own.key);
    seen.changed(id, record);
  }
  if (dirty.policyAcks.includes(self) && view.policyAck(self) === undefined) acks.vanished();
  if (dirty.policyAcks.length + dirty.instances.length > 0) acks.changed();
}

/** The cluster as this node sees it, and its own copies. */
function assembleCluster(setup: ControlSetup, registry: ReturnType<typeof assembleRegistry>) {
  const { clock, instance, link, runtime, metrics } = setup;
  const { view, own, mirror, session, events, journal, limits } = registry;
  const routes = new RoutePublisher(link, view, own.startedAtMs, instance);
  const members = new Members({
    registry: view,
    self: instance,
    clock,
    cluster: { defaultModelUnits: defaultUnitsOf(setup), minChurnAgeMs: setup.cache.minChurnAgeMs },
    constraints: setup.constraints,
    ownRecord: () => own.record(),
    onPeers: (id) => routes.peerChanged(id),
    onGone: (last) => registry.onGone(last),
  });
  routes.peers = { all: () => members.peerRoutes(clock.wallMs()), routeOf: (id) => members.routeOf(id) };
  const freshness = new PolicyFreshness({ clock, link, pulse: registry.pulse, session });
  const seen = new SeenInstances(clock);
  const waits = { instance, clock, layout: setup.layout, ending: setup.scope.signal };
  const acks = new PolicyAcks({ ...waits, view, session, routes, seen, freshness });
  registry.onEndpoints = (upTo) => acks.heard(upTo);
  registry.onLost = () => {
    members.registryLost();
    freshness.follows(false);
  };
  registry.onFollowed = () => {
    members.registryBack();
    freshness.follows(true);
  };
  // Where the watch goes on by itself nothing is listed again, and yet what vanishes now may have vanished for all.
  registry.pulse.onAway = () => {
    members.registryLost();
    freshness.look();
  };
  registry.pulse.onBack = () => {
    members.registryBack();
    freshness.look();
    // Nothing can be claimed before this node is registered again. A session that lives needs nothing, and would only ask again and again.
    if (!session.alive) void session.flush();
  };
  const isRegistered = (): boolean => session.alive;
  const claims = new RegistryClaims(mirror, instance, { isRegistered, isLive: (id) => members.isReachable(id) });
  const counters = new SlotCounters(setup.counters);
  // A copy without a place in the counters could not be served.
  const config = { ...setup.cache, copiesMax: Math.min(setup.cache.copiesMax, setup.counters.slots) };
  const local = { instance, config, runtime, counters, clock, mirror, claims, routes, events, journal, metrics, limits };
  const copies = new LocalCopies(local);
  own.copies = copies;
  const desk = deskOf(setup, { members, copies, journal, ownRecord: () => own.record() });
  const { failureExpiryMs } = setup.cache;
  const variants = new VariantWatch({ clock, view, events, failureExpiryMs, abilities: setup.policyAbilities ?? null });
  return { members, routes, claims, copies, counters, desk, acks, freshness, seen, variants };
}

/** The registry's side: its picture, this node's session there, and its own record. */
function assembleRegistry(setup: ControlSetup) {
  const { clock, kv, layout } = setup;
  const view = new RegistryView({ failureExpiryMs: setup.cache.failureExpiryMs });
  const events = new Events(clock);
  const journal = new DecisionJournal();
  const limits = new ReachedLimits();
  const pulse = new RegistryPulse(setup.peerAddress !== null);
  const hooks = {
    spread: (_dirty: Dirty): void => {},
    onEndpoints: (_upTo: Revision): void => {},
    onLost: (): void => {},
    onFollowed: (): void => {},
    onGone: (_last: InstanceRecord): void => {},
  };
  const mirror: RegistryMirror = new RegistryMirror(
    kv,
    layout,
    clock,
    view,
    {
      onDirty: (dirty) => hooks.spread(dirty),
      onEndpoints: (upTo) => hooks.onEndpoints(upTo),
      onUnreadable: (key, error) => events.emit({ kind: 'record-unreadable', message: `${key}: ${error.message}` }),
      onFollowed: () => hooks.onFollowed(),
      onLost: (error) => {
        hooks.onLost();
        events.emit({ kind: 'registry-lost', message: error.message });
      },
    },
    pulse,
  );
  const onProblem = (message: string): void => events.emit({ kind: 'publish-failed', message });
  const session = new Session({ kv, clock, pulse, onProblem });
  const own = new OwnRecord(setup, () => defaultUnitsOf(setup));
  session.hold({ key: own.key, value: (life) => encodeRecord(own.toPublish(life)) });
  return Object.assign(hooks, { view, events, journal, limits, pulse, mirror, session, own });
}

function deskOf(
  setup: ControlSetup,
  parts: Pick<ControlAssembly, 'members' | 'copies' | 'journal' | 'ownRecord'>,
): PlacementDesk {
  const { instance, clock, cache, runtime } = setup;
  return new PlacementDesk({
    self: instance,
    clock,
    members: parts.members,
    failureExpiryMs: cache.failureExpiryMs,
    ownRecord: parts.ownRecord,
    defaultUnits: () => defaultUnitsOf(setup),
    knownUnits: ({ key }) => {
      const remembered = parts.copies.cache.rememberedSize(key);
      return remembered === null ? null : unitsForBytes(remembered);
    },
    awaitsRuntime: () => runtime.state.kind !== 'ready',
    onDecision: (decision) => parts.journal.add(placementDecision(decision)),
  });
}

function defaultUnitsOf({ runtime, defaultModelUnits }: ControlSetup): SizeUnits {
  return runtime.state.kind === 'ready' ? unitsForBytes(runtime.state.facts.defaultModelBytes) : defaultModelUnits;
}
