import {
  bytes,
  type Clock,
  type DurationMs,
  durationMs,
  type EpochMs,
  type InstanceId,
  type ModelKey,
  type Random,
  type SizeUnits,
  sleep,
  toMeshError,
  UNIT_BYTES,
  unitsForBytes,
} from '@modelmesh/core';
import type { CacheConfig } from '@modelmesh/core/cache';
import { NO_CONSTRAINTS, type TypeConstraints } from '@modelmesh/core/constraints';
import type { PolicyAbilities } from '@modelmesh/core/endpoints';
import type { EndpointPolicy } from '@modelmesh/core/records';
import { DEFAULT_SCALING_CONFIG, HEAVY_RATIO, LoadTimes, type ScalingConfig } from '@modelmesh/core/scaling';
import type { Scope } from '@modelmesh/core/scope';
import type { PolicyExpressions } from '@modelmesh/core/traffic';
import { CLEARANCE_PERIOD_MS } from '@modelmesh/core/upkeep';
import type { RegistryLayout } from '@modelmesh/wire/registry';
import type { Kv } from '../kv/index.ts';
import type { ControlEnd, CounterMemory } from '../link/index.ts';
import { NO_PEERS, type PeerService, type Peers } from '../peer/index.ts';
import type { Runtime, RuntimeState } from '../runtime/index.ts';
import { assembleControl, type ControlAssembly } from './assemble-control.ts';
import type { Control } from './control.ts';
import type { CacheMetrics } from './copies/index.ts';
import type { Events } from './events.ts';
import type { EnsureCopies } from './management/index.ts';
import type { FailFastConfig } from './members/index.ts';
import type { LimitName } from './reached-limits.ts';
import {
  FollowedParameters,
  type ParameterOverrides,
  refuseBesideJava,
  refuseBesideTwin,
  refuseIfDisabled,
} from './registry/index.ts';
import { NO_WEIGHTS_PLUGINS, type WeightsPlugins } from './strategies/index.ts';
import { moveCopies } from './upkeep/index.ts';

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
  /** What operators set for all nodes: at the start and whenever it changes. */
  readonly onParameters?: (parameters: ParameterOverrides) => void;
  /** Whether this node leads; by the registry unless given. After a change `leaderChanged` must be called. */
  readonly isLeader?: () => boolean;
  /** Brings copies up on several instances; by placement unless given. */
  readonly ensureCopies?: EnsureCopies;
  /** Names this life of the node; another one after every start. */
  readonly incarnation: string;
  /** `host:port` at which other nodes reach it; `null`: they cannot. */
  readonly peerAddress: string | null;
  readonly peers: Peers;
  /** Build version as a number that grows (spec `modelmesh.md` §3.5); 0 = unknown. */
  readonly buildVersion: number;
  readonly constraints: TypeConstraints;
  /**
   * No models and endpoints are added, changed or removed, and no transition goes on (spec `modelmesh.md` §7.1, `KV_READ_ONLY`). Loads go on: such a
   * node is there to serve.
   */
  readonly readOnly: boolean;
  /** What policies of endpoints may ask for; left out: what they ask for is not looked at. */
  readonly policyAbilities?: PolicyAbilities;
  /** Compiles the expressions of policies as workers do; left out: there can be none. */
  readonly expressionsOf?: (policy: EndpointPolicy) => PolicyExpressions;
  readonly scaling: ScalingConfig;
  readonly failFast: FailFastConfig;
  /** How often strategies that learn look at what was counted. */
  readonly strategyPeriodMs: DurationMs;
  /** Strategies of plug-ins. */
  readonly weightsPlugins: WeightsPlugins;
  /** Chance of strategies; that of this machine unless given. */
  readonly random?: Random;
  /** What a model weighs of which nothing is known, before the runtime said. */
  readonly defaultModelUnits: SizeUnits;
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
  /** Whether this node leads. */
  readonly leads: boolean;
  /** How often something was refused or left out for a limit of control. */
  readonly limitsReached: ReadonlyMap<LimitName, number>;
}

/** What is true of a node that shares its registry with nobody. */
export const ALONE = Object.freeze({
  incarnation: 'alone',
  peerAddress: null,
  peers: NO_PEERS,
  buildVersion: 0,
  constraints: NO_CONSTRAINTS,
  readOnly: false,
  scaling: DEFAULT_SCALING_CONFIG,
  failFast: { enabled: true, periodMs: CLEARANCE_PERIOD_MS },
  strategyPeriodMs: durationMs(5000),
  weightsPlugins: NO_WEIGHTS_PLUGINS,
  defaultModelUnits: unitsForBytes(bytes(1024 * 1024)),
});

/** Control, running. */
export interface RunningControl {
  readonly control: Control;
  readonly events: Events;
  figures(): InstanceFigures;
  /** Last use of the copy here, by this node's clock and nobody's record; 0 without one. */
  copyUsedMs(model: ModelKey): EpochMs;
  /** Whether the runtime is READY, and if not, why. */
  runtimeState(): RuntimeState;
  /** This node became the leader, or ceased to be. */
  leaderChanged(): void;
  /** What this node answers to others. */
  readonly peerAnswers: Omit<PeerService, 'self'>;
  /** Other type constraints are in force from now on; what is loaded stays where it is. */
  useConstraints(constraints: TypeConstraints): void;
  /** Why the node is not ready; `null` if it is. */
  notReadyBecause(): string | null;
  /**
   * Says that this node leaves, and moves its copies elsewhere while they go on serving; resolves when that is done or `allowedMs` have passed.
   * Alone, it has nowhere to move anything.
   */
  leave(allowedMs: DurationMs): Promise<void>;
  /** Gives up claims and loads; the registry is true when it resolves. Runtime and store are left to their owner. */
  close(): Promise<void>;
}

/**
 * Starts control: takes the registry's picture over, forgets an earlier life, then serves.
 *
 * @throws {MeshError} `failed-precondition` while the registry forbids nodes to start
 */
export async function startControl(setup: ControlSetup): Promise<RunningControl> {
  await refuseIfDisabled(setup.kv, setup.layout);
  const parts = assembleControl(setup);
  const parameters = followParameters(setup, parts);
  await parameters.start();
  const { mirror, claims, session, leadership, copies, events, members, placing } = parts;
  await mirror.start();
  refuseBesideJava(parts.view, setup.readOnly);
  await refuseBesideTwin(parts.view, setup);
  await claims.forgetEarlierLife();
  await session.start(setup.scope);
  leadership.onChange = (leads) => {
    events.emit({ kind: leads ? 'leads' : 'leads-no-more', message: leads ? 'this node leads' : 'another node leads' });
    if (leads) takeUp(parts);
    else parts.management.transitions.leaderChanged();
  };
  // While nothing was heard of the registry this node did not lead, and what came due then was passed over.
  session.onRevived = () => {
    if (leadership.leads) takeUp(parts);
  };
  await leadership.start();
  parts.freshness.start(setup.scope);
  watchRuntime(setup, parts);
  measure(setup, parts);
  parts.scaling.start(setup.scope);
  // Read-only, this node may claim for calls but fills nothing.
  if (!setup.readOnly) parts.filling.start(setup.scope);
  parts.janitor.start(setup.scope);
  parts.reaper.start(setup.scope);
  return {
    control: parts.control,
    events,
    figures: () => figuresOf(parts),
    copyUsedMs: (model) => copies.lastUsedMs(model),
    runtimeState: () => setup.runtime.state,
    leaderChanged: () => parts.management.transitions.leaderChanged(),
    useConstraints: (constraints) => members.cluster.configure({ constraints }),
    notReadyBecause: () => parts.readiness.problem,
    leave: (allowedMs) => leave(setup, parts, allowedMs),
    peerAnswers: {
      load: (_from, load) => placing.loadHere(load),
      copy: (_from, model) => placing.copyHere(model),
      unload: (_from, model) => copies.unload(model),
      explain: (...question) => parts.control.explain(...question),
      diff: (...question) => parts.control.diff(...question),
    },
    close: async () => {
      copies.stop();
      copies.runtimeChanged({ kind: 'lost', message: 'the node is shutting down' });
      await claims.allSettled();
      mirror.stop();
      parameters.stop();
      leadership.stop();
      members.stop();
      copies.close();
      await session.stop();
    },
  };
}

/** Begins what a leader does for all: others left it lying, or this node did while it could not lead. */
function takeUp({ minimums, reaper, management }: ControlAssembly): void {
  minimums.keep();
  reaper.leadsNow();
  management.transitions.leaderChanged();
}

async function leave(
  { instance: self, clock, scope }: ControlSetup,
  parts: ControlAssembly,
  allowedMs: DurationMs,
): Promise<void> {
  const { members, mirror, copies, placing, scaling, session, loadTimes, events } = parts;
  parts.leave();
  const isAlone = !members.cluster.ordered(clock.wallMs()).some(({ id, standing }) => id !== self && standing === 'candidate');
  if (isAlone) return;
  copies.leaves();
  // Others must know before they are asked to take over; where the registry does not answer the moves go on without that.
  await session.flush();
  events.emit({ kind: 'leaving', message: 'this node leaves: its copies are moved elsewhere' });
  const isHeavy = (model: ModelKey): boolean => (scaling.scaler.load(model)?.ratio ?? 0) > HEAVY_RATIO;
  const loads = (): LoadTimes => loadTimes.current;
  await moveCopies({ self, clock, mirror, members, copies, placing, loadTimes: loads, isHeavy, signal: scope.signal }, allowedMs);
}

function followParameters(setup: ControlSetup, { events, limits, scaling }: ControlAssembly): FollowedParameters {
  const { onParameters } = setup;
  return new FollowedParameters(setup, limits, {
    onParameters: (parameters) => {
      scaling.scaler.setCallsPerMinuteMax(parameters.scaleUpCallsPerMinute ?? setup.scaling.callsPerMinuteMax);
      onParameters?.(parameters);
    },
    onProblem: (message) => events.emit({ kind: 'parameters-problem', message }),
  });
}

function watchRuntime({ runtime, link }: ControlSetup, parts: ControlAssembly): void {
  const { copies, touchRecord, minimums, events, loadTimes, session } = parts;
  const changed = (state: RuntimeState): void => {
    copies.runtimeChanged(state);
    touchRecord();
    switch (state.kind) {
      case 'ready': {
        const { epoch, inference: target, methods, anyMethod, version } = state.facts;
        if (state.facts.loadTimeoutMs !== loadTimes.timeoutMs) {
          loadTimes.timeoutMs = state.facts.loadTimeoutMs;
          loadTimes.current = new LoadTimes(loadTimes.timeoutMs);
        }
        link.send({ kind: 'runtime-up', access: { epoch, target, methods, anyMethod } });
        events.emit({ kind: 'runtime-ready', message: `the runtime is ready (${version})`, fields: { epoch } });
        minimums.keepAfresh();
        // At once: an upgrade takes the next node away as soon as this one is ready, and calls need a place to go.
        void session.flush();
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
function measure(
  { clock, scope, runtime }: ControlSetup,
  { copies, claims, view, routes, minimums, events }: ControlAssembly,
): void {
  scope.spawn('measure', async (signal) => {
    for (let period = 1; ; period++) {
      await sleep(clock, MEASURE_PERIOD_MS, signal);
      routes.dirty(view.expireFailures(clock.wallMs()));
      await claims.payOwed();
      if (runtime.state.kind !== 'ready') continue;
      if (period % MINIMUM_PERIODS === 0) minimums.keep();
      try {
        const usage = await runtime.usage();
        if (usage !== null) copies.measured(usage);
      } catch (error) {
        events.emit({ kind: 'measure-failed', message: toMeshError(error).message });
      }
    }
  });
}

function figuresOf({ copies, view, leadership, limits }: ControlAssembly): InstanceFigures {
  const summary = copies.cache.summary();
  const { registered, withCopy, withFailure } = view.counts();
  return {
    capacityBytes: summary.effectiveUnits * UNIT_BYTES,
    usedBytes: summary.usedUnits * UNIT_BYTES,
    bookedBytes: summary.bookedUnits * UNIT_BYTES,
    models: summary.copies,
    leastRecentUseMs: summary.oldestUseMs,
    modelsManaged: registered,
    modelsLoaded: withCopy,
    modelsWithFailure: withFailure,
    leads: leadership.leads,
    limitsReached: limits.counts(),
  };
}
