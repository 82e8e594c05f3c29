import { assertNever, type Clock, type DurationMs, type InstanceId, MeshError, type Random } from '@modelmesh/core';
import type { EndpointPolicy } from '@modelmesh/core/records';
import { type Comparer, mergeDiffs, type PolicyExpressions } from '@modelmesh/core/traffic';
import { refuseCall } from '@modelmesh/grpc/call';
import type { AcceptStream, StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { type Authorizer, type Principal, principalOf } from '../authz/index.ts';
import {
  type ChoiceQuery,
  type CounterMemory,
  type DataPlaneEnd,
  type MethodRules,
  type RuleLimitLabel,
  SlotCounters,
  type ToDataPlane,
  type VariantLimitLabel,
} from '../link/index.ts';
import { NO_TOKENS, type TokenVault } from '../tokens/index.ts';
import {
  ArmCounts,
  ByteBudget,
  type CallMetrics,
  CopyChooser,
  CopyGates,
  LastChoices,
  Locator,
  NameLookups,
  type Plane,
  RetryBudgets,
  RewriteRoom,
  RuntimeGate,
  SharedGates,
} from './call/index.ts';
import { GrpcIngress, PeerIngress, RuntimeHeaders } from './grpc/index.ts';
import { SHADOW_LIMITS, type ShadowLimits, Shadows } from './mirror/index.ts';
import { PeerLinks, type PeerLinksParts } from './peers/index.ts';
import { NO_SINK, type PickPlugins, VariantPicker } from './picking/index.ts';
import { RouteTable } from './routes/index.ts';

/** Bounds of one data plane worker. */
export interface DataPlaneLimits {
  readonly messageBytesMax: number;
  readonly replayBytesPerCallMax: number;
  readonly replayBytesMax: number;
  /** Requests that are held until the model in them is known and they move on; and again as much for messages that are rewritten. */
  readonly openingBytesMax: number;
  readonly inflateRatioMax: number;
  /** Calls that may run and wait at one copy whose concurrency is limited; `null`: by its concurrency. */
  readonly turnsPerCopyMax?: number | null;
  /** Models of one call for several that are asked at the same time. */
  readonly multiParallelism: number;
  readonly waitingCallsPerModelMax: number;
  readonly waitingCallsMax: number;
  /** Calls that wait for the runtime to come back. */
  readonly runtimeWaitersMax: number;
  readonly unaryTimeoutMs: DurationMs;
  /** Of what is done for shadows; {@link SHADOW_LIMITS} unless given. */
  readonly shadows?: ShadowLimits;
}

/** What a data plane worker is made of. */
export interface DataPlaneParts {
  readonly worker: number;
  readonly instance: InstanceId;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly engine: StreamEngine;
  /** Of the connection to the runtime. */
  readonly runtimeLimits: StreamLimits;
  readonly counters: CounterMemory;
  readonly link: DataPlaneEnd;
  readonly metrics: CallMetrics;
  readonly authorizer: Authorizer;
  readonly limits: DataPlaneLimits;
  readonly rules: MethodRules;
  /** Where chance among variants comes from. */
  readonly random: Random;
  /** Compiles the expressions of policies; without it no policy may have any. */
  readonly expressionsOf?: (policy: EndpointPolicy) => PolicyExpressions;
  /** A limit of variants or of rules was reached. */
  readonly onLimit?: (limit: RuleLimitLabel | VariantLimitLabel) => void;
  /** How other nodes are reached; without it the node is alone. */
  readonly peers?: Omit<PeerLinksParts, 'clock' | 'timers' | 'link' | 'routes'>;
  /** What gives tokens to clients and knows them again; without it endpoints with tokens have none. */
  readonly tokens?: TokenVault;
  /** Comparers of plug-ins for the answers of shadows, by name. */
  readonly comparers?: ReadonlyMap<string, Comparer>;
  /** Strategies of plug-ins in the path of requests; without it no policy has one. */
  readonly strategies?: PickPlugins;
  /** What a call ends with whose attempts came to nothing; `unavailable` unless given. */
  readonly exhaustedKind?: Plane['exhaustedKind'];
}

/** One worker of the data plane: takes calls for models and obeys the route table that control sends. */
export class DataPlane {
  readonly plane: Plane;
  /** What is done for shadows. */
  readonly shadows: Shadows;
  readonly #parts: DataPlaneParts;
  readonly #principals = new WeakMap<object, Principal>();
  readonly #runtimeHeaders = new RuntimeHeaders();
  #limits: DataPlaneLimits;
  /** Hears when the first table of routes is in force. */
  onRoutes: (() => void) | undefined = undefined;

  constructor(parts: DataPlaneParts) {
    const { limits, link, clock } = parts;
    this.#parts = parts;
    this.#limits = limits;
    const { timers } = parts;
    const routes = new RouteTable(parts.expressionsOf);
    const counters = new SlotCounters(parts.counters);
    const peers = parts.peers === undefined ? null : new PeerLinks({ ...parts.peers, clock, timers, link, routes });
    this.plane = {
      worker: parts.worker,
      instance: parts.instance,
      clock,
      deadlines: timers,
      counters,
      routes,
      peers,
      copies: new CopyChooser({ instance: parts.instance, clock, counters, peers }),
      picker: new VariantPicker({
        routes,
        random: parts.random,
        clock,
        tokens: parts.tokens ?? NO_TOKENS,
        ...(parts.strategies === undefined ? {} : { strategies: parts.strategies }),
        worker: parts.worker,
        places: counters.variants,
        sinkOf: (endpoint, variant) => parts.metrics.variant?.(endpoint, variant) ?? NO_SINK,
        onLimit: parts.onLimit ?? (() => {}),
      }),
      stalePolicy: null,
      locator: new Locator(link, { callsPerModelMax: limits.waitingCallsPerModelMax, callsMax: limits.waitingCallsMax }),
      gates: counters.sharesTurns ? new SharedGates(parts.worker, counters) : new CopyGates(),
      names: new NameLookups(link, routes, clock),
      runtime: new RuntimeGate(parts.engine, parts.runtimeLimits, clock, limits.runtimeWaitersMax),
      replay: new ByteBudget(limits.replayBytesMax),
      opening: new ByteBudget(limits.openingBytesMax),
      rewriteRoom: new RewriteRoom(limits.openingBytesMax),
      link,
      limits,
      metrics: parts.metrics,
      arms: new ArmCounts(link, routes, clock),
      tokens: parts.tokens ?? NO_TOKENS,
      exhaustedKind: parts.exhaustedKind ?? 'unavailable',
      retryBudgets: new RetryBudgets(),
      methodRules: parts.rules,
      choices: new LastChoices(),
      shadows: null,
      record: (record) => link.send({ kind: 'call-ended', record }),
    };
    this.shadows = new Shadows({
      plane: this.plane,
      random: parts.random,
      limits: limits.shadows ?? SHADOW_LIMITS,
      comparers: parts.comparers ?? new Map(),
    });
    this.plane.shadows = this.shadows;
    link.onMessage = (message) => this.#onMessage(message);
  }

  /** Asks control for the route table. */
  start(): void {
    this.#parts.link.send({ kind: 'snapshot-wanted' });
  }

  /** Calls in flight end as the runtime's connection ends; those that wait fail, and so do those that come. */
  close(): void {
    this.shadows.close();
    this.plane.locator.close();
    this.plane.peers?.close();
    this.plane.runtime.close();
  }

  /** Other limits for calls that begin from now on. */
  setLimits(limits: DataPlaneLimits): void {
    const { plane } = this;
    this.#limits = limits;
    plane.limits = limits;
    plane.locator.setLimits({ callsPerModelMax: limits.waitingCallsPerModelMax, callsMax: limits.waitingCallsMax });
    plane.replay.setMax(limits.replayBytesMax);
    plane.opening.setMax(limits.openingBytesMax);
    plane.rewriteRoom.setMax(limits.openingBytesMax);
    plane.runtime.setWaitersMax(limits.runtimeWaitersMax);
    this.shadows.setLimits(limits.shadows ?? SHADOW_LIMITS);
  }

  /** Takes a gRPC call for a model. */
  readonly accept: AcceptStream = (stream, headers, end, connection) => {
    const { info } = connection;
    let principal = this.#principals.get(info);
    if (principal === undefined) {
      principal = principalOf(info);
      this.#principals.set(info, principal);
    }
    const target = (headers.get(':path') ?? '/').slice(1);
    const verdict = this.#parts.authorizer.authorize(principal, { verb: 'infer', target });
    if (verdict.kind === 'deny') return refuseCall(stream, new MeshError('permission-denied', verdict.reason), end);
    const ingress = new GrpcIngress(this.plane, stream, headers, principal, info.encrypted, this.#runtimeHeaders);
    ingress.begin(end, this.#limits.unaryTimeoutMs);
    return ingress;
  };

  /** Takes a call that another node sent here. */
  readonly acceptPeer: AcceptStream = (stream, headers, end) => {
    const ingress = new PeerIngress(this.plane, stream, headers);
    ingress.begin(end);
    return ingress;
  };

  #onMessage(message: ToDataPlane): void {
    const { plane } = this;
    switch (message.kind) {
      case 'route-snapshot':
        if (plane.routes.applySnapshot(message) === 'in-force') this.#acknowledge(true);
        return;
      case 'route-delta':
        if (plane.routes.applyDelta(message) === 'in-force') this.#acknowledge(message.remove.endpoints.length > 0);
        else this.#parts.link.send({ kind: 'snapshot-wanted' });
        return;
      case 'located':
        plane.locator.located(message.request, message.outcome);
        return;
      case 'looked-up':
        plane.names.known(message.request);
        return;
      case 'runtime-up':
        plane.runtime.up(message.access);
        return;
      case 'runtime-down':
        plane.runtime.down(message.restarting, message.message);
        return;
      case 'method-rules':
        plane.methodRules = message.rules;
        return;
      case 'policy-freshness':
        plane.stalePolicy = message.staleSinceMs === null ? null : new Date(message.staleSinceMs).toISOString();
        return;
      case 'diff': {
        const diffs = mergeDiffs([this.shadows.book.of(message.endpoint)]);
        this.#parts.link.send({ kind: 'diffed', request: message.request, diffs });
        return;
      }
      case 'explain':
        this.#explain(message.request, message.query, message.limit);
        return;
      default:
        assertNever(message);
    }
  }

  #explain(request: number, query: ChoiceQuery, limit: number): void {
    this.#parts.link.send({ kind: 'explained', request, choices: this.plane.choices.find(query, limit) });
  }

  #acknowledge(endpointsGone: boolean): void {
    if (endpointsGone) this.plane.picker.routesChanged();
    this.plane.peers?.routesChanged();
    this.onRoutes?.();
    this.onRoutes = undefined;
    this.#parts.link.send({ kind: 'ack', ...this.plane.routes.position });
  }
}
