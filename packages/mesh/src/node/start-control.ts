import { type Clock, durationMs, type InstanceId, sleep, toMeshError, UNIT_BYTES } from '@modelmesh/core';
import type { CacheConfig } from '@modelmesh/core/cache';
import { type InstanceRecord, newInstanceRecord } from '@modelmesh/core/records';
import type { Scope } from '@modelmesh/core/scope';
import { type Dirty, RegistryView } from '@modelmesh/core/view';
import type { RegistryLayout } from '@modelmesh/wire/registry';
import type { Kv } from '../kv/index.ts';
import { type ControlEnd, type CounterMemory, SlotCounters } from '../link/index.ts';
import type { Runtime, RuntimeState } from '../runtime/index.ts';
import { RegistryClaims } from './claim-book.ts';
import type { Control } from './control.ts';
import { Events } from './events.ts';
import { InstancePublisher } from './instance-publisher.ts';
import { type CacheMetrics, LocalCopies } from './local-copies.ts';
import { type EnsureCopies, Management } from './management.ts';
import { Manifests } from './manifests.ts';
import { NodeControl } from './node-control.ts';
import { RegistryMirror } from './registry-mirror.ts';
import { RoutePublisher } from './route-publisher.ts';

/** How often measured memory is asked for, and expired failures are looked at. */
const MEASURE_PERIOD_MS = durationMs(2000);
/** Every so many of these periods, models that must be here and had to go for others are tried again. */
const MINIMUM_PERIODS = 15;

/** What one life of control is made of. */
export interface ControlSetup {
  readonly instance: InstanceId;
  readonly location: string;
  readonly zone: string;
  readonly labels: ReadonlySet<string>;
  readonly defaultEndpointOwner: string;
  readonly cache: CacheConfig;
  readonly clock: Clock;
  readonly scope: Scope;
  readonly kv: Kv;
  readonly layout: RegistryLayout;
  readonly runtime: Runtime;
  readonly counters: CounterMemory;
  readonly link: ControlEnd;
  readonly metrics: CacheMetrics;
  /** Whether this node leads; it does unless given. After a change `leaderChanged` must be called. */
  readonly isLeader?: () => boolean;
  /** Brings copies up on several instances; without it there is one copy, here. */
  readonly ensureCopies?: EnsureCopies;
}

/** Numbers of this instance, for gauges. */
export interface InstanceFigures {
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly bookedBytes: number;
  readonly models: number;
  /** Last use of the copy that would go first; `null` when there is none. */
  readonly leastRecentUseMs: number | null;
  readonly modelsManaged: number;
  readonly modelsLoaded: number;
  readonly modelsWithFailure: number;
}

/** Control, running. */
export interface RunningControl {
  readonly control: Control;
  readonly events: Events;
  figures(): InstanceFigures;
  /** Whether the runtime is READY, and if not, why. */
  runtimeState(): RuntimeState;
  /** This node became the leader, or ceased to be. */
  leaderChanged(): void;
  /** Gives up claims and loads; the registry is true when it resolves. Runtime and store are left to their owner. */
  close(): Promise<void>;
}

/** Starts control: takes the registry's picture over, forgets an earlier life, then serves. */
export async function startControl(setup: ControlSetup): Promise<RunningControl> {
  const parts = assemble(setup);
  const { mirror, claims, publisher, copies, events } = parts;
  await mirror.start();
  await claims.forgetEarlierLife();
  await publisher.start(setup.scope);
  watchRuntime(setup, parts);
  measure(setup, parts);
  return {
    control: parts.control,
    events,
    figures: () => figuresOf(parts),
    runtimeState: () => setup.runtime.state,
    leaderChanged: () => parts.management.transitions.leaderChanged(),
    close: async () => {
      copies.stop();
      copies.runtimeChanged({ kind: 'lost', message: 'the node is shutting down' });
      await claims.allSettled();
      mirror.stop();
      copies.close();
      await publisher.stop();
    },
  };
}

interface Parts {
  readonly view: RegistryView;
  readonly mirror: RegistryMirror;
  readonly claims: RegistryClaims;
  readonly copies: LocalCopies;
  readonly publisher: InstancePublisher;
  readonly control: NodeControl;
  readonly management: Management;
  readonly routes: RoutePublisher;
  readonly events: Events;
}

function assemble(setup: ControlSetup): Parts {
  const { clock, kv, layout, instance, scope, link } = setup;
  const view = new RegistryView({ failureExpiryMs: setup.cache.failureExpiryMs });
  const events = new Events(clock);
  const startedAtMs = clock.wallMs();
  const mirror: RegistryMirror = new RegistryMirror(kv, layout, clock, view, {
    onDirty: (dirty) => spread(dirty),
    onUnreadable: (key, error) => events.emit({ kind: 'record-unreadable', message: `${key}: ${error.message}` }),
    onLost: (error) => events.emit({ kind: 'registry-lost', message: error.message }),
  });
  const routes = new RoutePublisher(link, view, startedAtMs);
  const claims = new RegistryClaims(mirror, instance);
  const counters = new SlotCounters(setup.counters);
  const { runtime, metrics } = setup;
  // A copy without a place in the counters could not be served.
  const config = { ...setup.cache, copiesMax: Math.min(setup.cache.copiesMax, setup.counters.slots) };
  const copies = new LocalCopies({ config, runtime, counters, clock, mirror, claims, routes, events, metrics });
  const { defaultEndpointOwner, isLeader = () => true, ensureCopies = null } = setup;
  const { failureExpiryMs } = setup.cache;
  const own = { instance, clock, scope, mirror, claims, copies, events };
  const management = new Management({ ...own, defaultEndpointOwner, failureExpiryMs, isLeader, ensureCopies });
  const manifests = new Manifests(mirror, management, copies, clock);
  const ownRecord = (): InstanceRecord => recordOf(setup, copies, startedAtMs);
  const publisher = new InstancePublisher({
    kv,
    layout,
    clock,
    record: ownRecord,
    onProblem: (message) => events.emit({ kind: 'publish-failed', message }),
  });
  copies.onChange = () => publisher.touch();
  const isReady = (): boolean => runtime.state.kind === 'ready';
  const control = new NodeControl({ link, mirror, copies, management, manifests, routes, events, ownRecord, isReady });
  const spread = (dirty: Dirty): void => {
    routes.dirty(dirty);
    copies.registryChanged(dirty);
    management.transitions.dirty(dirty);
  };
  return { view, mirror, claims, copies, publisher, control, management, routes, events };
}

function watchRuntime({ runtime, link }: ControlSetup, { copies, publisher, events }: Parts): void {
  const changed = (state: RuntimeState): void => {
    copies.runtimeChanged(state);
    publisher.touch();
    switch (state.kind) {
      case 'ready': {
        const { epoch, inference: target, methods, anyMethod, version } = state.facts;
        link.send({ kind: 'runtime-up', access: { epoch, target, methods, anyMethod } });
        events.emit({ kind: 'runtime-ready', message: `the runtime is ready (${version})`, fields: { epoch } });
        copies.keepMinimums();
        return;
      }
      case 'lost':
      case 'failed':
        link.send({ kind: 'runtime-down', restarting: state.kind === 'lost', message: state.message });
        events.emit({ kind: `runtime-${state.kind}`, message: state.message });
        return;
      case 'starting':
    }
  };
  runtime.onState = changed;
  changed(runtime.state);
  runtime.start();
}

/** Asks the runtime what it measured, lets failures of versions expire, and tells the registry what it did not take before. */
function measure({ clock, scope, runtime }: ControlSetup, { copies, claims, view, routes, events }: Parts): void {
  scope.spawn('measure', async (signal) => {
    for (let period = 1; ; period++) {
      await sleep(clock, MEASURE_PERIOD_MS, signal);
      routes.dirty(view.expireFailures(clock.wallMs()));
      await claims.payOwed();
      if (runtime.state.kind !== 'ready') continue;
      if (period % MINIMUM_PERIODS === 0) copies.keepMinimums();
      try {
        const usage = await runtime.usage();
        if (usage !== null) copies.measured(usage);
      } catch (error) {
        events.emit({ kind: 'measure-failed', message: toMeshError(error).message });
      }
    }
  });
}

function recordOf(setup: ControlSetup, copies: LocalCopies, startedAtMs: InstanceRecord['startedAtMs']): InstanceRecord {
  const summary = copies.cache.summary();
  const { runtime } = setup;
  return newInstanceRecord({
    id: setup.instance,
    startedAtMs,
    location: setup.location,
    zone: setup.zone,
    labels: setup.labels,
    leastRecentUseMs: summary.oldestUseMs ?? undefined,
    modelCount: summary.copies,
    capacityUnits: summary.effectiveUnits,
    usedUnits: summary.usedUnits,
    loadingThreads: runtime.state.kind === 'ready' ? runtime.state.facts.loadingConcurrency : 1,
    loadsInProgress: summary.loadsQueued + summary.loadsRunning,
  });
}

function figuresOf({ copies, view }: Parts): InstanceFigures {
  const summary = copies.cache.summary();
  let [managed, loaded, failing] = [0, 0, 0];
  for (const { record } of view.models()) {
    managed += 1;
    if (record.copies.size > 0) loaded += 1;
    if (record.failures.size > 0) failing += 1;
  }
  return {
    capacityBytes: summary.effectiveUnits * UNIT_BYTES,
    usedBytes: summary.usedUnits * UNIT_BYTES,
    bookedBytes: summary.bookedUnits * UNIT_BYTES,
    models: summary.copies,
    leastRecentUseMs: summary.oldestUseMs,
    modelsManaged: managed,
    modelsLoaded: loaded,
    modelsWithFailure: failing,
  };
}
