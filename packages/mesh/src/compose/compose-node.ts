import { type Clock, durationMs } from '@modelmesh/core';
import { type CacheConfig, DEFAULT_CACHE_CONFIG } from '@modelmesh/core/cache';
import type { TypeConstraints } from '@modelmesh/core/constraints';
import type { Scope } from '@modelmesh/core/scope';
import {
  createFrameEngine,
  createNodeHttp2Engine,
  DEFAULT_STREAM_LIMITS,
  type StreamEngine,
  type StreamLimits,
} from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { type RegistryLayout, registryLayout, schemaKey } from '@modelmesh/wire/registry';
import { allowAll } from '../authz/index.ts';
import type { Config } from '../config/index.ts';
import {
  ByteBudget,
  type CallMetrics,
  ControlRepository,
  CorsPolicy,
  DataPlane,
  type DataPlaneLimits,
  type DataPlaneParts,
  type RestHandler,
  type RestLimits,
  type RunningListener,
  readMethodRules,
  restHandler,
} from '../dataplane/index.ts';
import { type Kv, openRegistry, readEtcdPlace } from '../kv/index.ts';
import {
  allocateCounters,
  type ControlEnd,
  createInProcessLink,
  type Http2LimitLabel,
  LimitCounters,
  type MethodRules,
} from '../link/index.ts';
import type { Log } from '../log/index.ts';
import { createManagementApp, type ManagementApp } from '../management/index.ts';
import {
  ALONE,
  type CacheMetrics,
  type ControlSetup,
  type ParameterOverrides,
  type RunningControl,
  startControl,
  systemClock,
  systemRandom,
} from '../node/index.ts';
import { type DoorParts, type Doors, openDoors } from './doors.ts';
import { FollowedConstraints, readConstraints } from './followed-constraints.ts';
import { FollowedRules } from './followed-rules.ts';
import { composeRuntime } from './node-runtime.ts';
import { PeerPort } from './peer-port.ts';

/** What a node is given besides its configuration. */
export interface NodeSurroundings {
  readonly log: Log;
  readonly version: string;
  readonly scope: Scope;
  /** Program and arguments that start the embedded runtime. */
  readonly runtimeCommand: readonly string[];
  /** Environment that child processes inherit. */
  readonly environment: Readonly<Record<string, string>>;
  readonly metrics: CallMetrics & CacheMetrics;
  /** What operators set for all nodes: at the start and whenever it changes. */
  readonly onParameters: (parameters: ParameterOverrides) => void;
}

/** A node that listens nowhere yet. */
export interface ComposedNode {
  readonly clock: Clock;
  readonly engine: StreamEngine;
  readonly streamLimits: StreamLimits;
  readonly running: RunningControl;
  readonly dataPlane: DataPlane;
  /** The port between nodes; `null`: this node is alone. */
  readonly peerPort: RunningListener | null;
  /** How often limits of HTTP/2 refused or ended something, since the start. */
  limitsReached(): ReadonlyMap<Http2LimitLabel, number>;
  /** Takes over limits and rules that may change while the node runs. @throws {MeshError} `invalid-argument` for rules that are wrong */
  reconfigure(config: Config): void;
  /** The doors of a listener with these roles. */
  doors(roles: Parameters<typeof openDoors>[0]): Doors;
  /** Gives up claims, ends runtime and store. Listeners are closed before. */
  close(): Promise<void>;
}

const HTTP2_ENGINES = { h2: createFrameEngine, 'node-http2': createNodeHttp2Engine } as const;

/** Puts a node together and starts its control. */
export async function composeNode(config: Config, around: NodeSurroundings): Promise<ComposedNode> {
  const clock = systemClock;
  const timers = new TimerWheel(clock);
  const limitCounters = new LimitCounters();
  const engine = HTTP2_ENGINES[config.http2Engine]({ clock, onLimit: limitCounters.add });
  const streamLimits = limitsOf(config);
  const counters = allocateCounters(1);
  const link = createInProcessLink();
  const layout = registryLayout({ root: '', prefix: config.registryPrefix, service: config.serviceName });
  const kv = await openStore(config, layout, clock);
  const runtime = composeRuntime(config.runtime, {
    engine,
    limits: streamLimits,
    clock,
    timers,
    log: around.log,
    embeddedCommand: around.runtimeCommand,
    environment: around.environment,
    messageBytesMax: config.limits.messageBytesMax,
  });
  const { peer } = config;
  const port =
    peer === null
      ? null
      : new PeerPort({ config, peer, engine, streamLimits, clock, timers, random: systemRandom, log: around.log });
  const dataPlane = makeDataPlane(config, around, { clock, timers, engine, counters, link: link.dataPlane, port });
  const { instanceId: instance, location, zone, labels, defaultEndpointOwner } = config;
  const identity = { instance, location, zone, labels, defaultEndpointOwner };
  const control = { clock, scope: around.scope, kv, layout, runtime, counters, link: link.control, metrics: around.metrics };
  const wishes = { readOnly: config.readOnly, onParameters: around.onParameters, cache: cacheConfig(config) };
  const cluster = clusterWishes(config, around.log);
  const foundations = { port, runtime, scope: around.scope, kv };
  // Before the record says so: others may come the moment that it does.
  const running = await startOn({ ...foundations, dataPlane }, async () => {
    await port?.open(dataPlane.acceptPeer);
    return startControl({ ...ALONE, ...amongOthers(port), ...identity, ...control, ...wishes, ...cluster });
  });
  port?.answerWith(running.peerAnswers);
  dataPlane.start();
  const followed = followFiles(config, around.log, { clock, running, link: link.control });
  const http = new HttpRules(config);
  const parts = await doorParts(config, around, { clock, timers, running, dataPlane, http });
  return {
    clock,
    engine,
    streamLimits,
    running,
    dataPlane,
    peerPort: port?.listener ?? null,
    limitsReached: () => limitCounters.counts(),
    reconfigure: (changed) => {
      if (changed.peer?.tls != null) port?.useTls(changed.peer.tls);
      followed.use(changed);
      dataPlane.setLimits(dataPlaneLimits(changed));
      http.use(changed);
    },
    doors: (roles) => openDoors(roles, parts),
    close: async () => {
      followed.stop();
      await parts.management.close();
      dataPlane.close();
      await running.close();
      await endFoundations(foundations);
    },
  };
}

/** What control stands on. */
interface Foundations {
  readonly port: PeerPort | null;
  readonly runtime: { close(): Promise<void> };
  readonly scope: Scope;
  readonly kv: Kv;
}

/** What `start` resolves with; where it fails nothing of what it stands on stays open. */
async function startOn(
  parts: Foundations & { readonly dataPlane: DataPlane },
  start: () => Promise<RunningControl>,
): Promise<RunningControl> {
  try {
    return await start();
  } catch (error) {
    await parts.port?.listener?.close(durationMs(0));
    parts.dataPlane.close();
    await endFoundations(parts);
    throw error;
  }
}

/** Ends what control stands on, once it needs it no more. */
async function endFoundations(parts: Foundations): Promise<void> {
  parts.port?.peers.close();
  await parts.runtime.close();
  await parts.scope.close();
  await parts.kv.close();
}

/** How models are placed and scaled, and how the start is judged. */
function clusterWishes({ scaling, failFast, typeConstraints }: Config, log: Log) {
  const warn = (message: string): void => log.warn('type-constraints-doubtful', message);
  return { scaling, failFast, constraints: readConstraints(typeConstraints, warn) };
}

/** The files that a configuration names and that may change while the node runs. */
function followFiles(
  config: Config,
  log: Log,
  node: { readonly clock: Clock; readonly running: RunningControl; readonly link: ControlEnd },
): { use(changed: Config): void; stop(): void } {
  const { clock, running, link } = node;
  const send = (rules: MethodRules): void => link.send({ kind: 'method-rules', rules });
  const rules = new FollowedRules(config.dataPlaneRules, { clock, log, send });
  const use = (changed: TypeConstraints): void => running.useConstraints(changed);
  const constraints = new FollowedConstraints(config.typeConstraints, { clock, log, use });
  return {
    use: (changed) => {
      rules.use(changed.dataPlaneRules);
      constraints.use(changed.typeConstraints);
    },
    stop: () => {
      rules.stop();
      constraints.stop();
    },
  };
}

type DataPlaneAround = Pick<DataPlaneParts, 'clock' | 'timers' | 'engine' | 'counters' | 'link'> & {
  readonly port: PeerPort | null;
};

function makeDataPlane(config: Config, around: NodeSurroundings, parts: DataPlaneAround): DataPlane {
  const streamLimits = limitsOf(config);
  const { port, ...given } = parts;
  return new DataPlane({
    ...given,
    worker: 0,
    instance: config.instanceId,
    runtimeLimits: { ...streamLimits, queuedStreamsMax: config.limits.runtimeQueueMax },
    metrics: around.metrics,
    authorizer: allowAll,
    limits: dataPlaneLimits(config),
    rules: readMethodRules(config.dataPlaneRules),
    exhaustedKind: config.modelMeshCompat ? 'internal' : 'unavailable',
    ...(port === null ? {} : { peers: port.links }),
  });
}

/** What control has to know of this node among others. */
function amongOthers(port: PeerPort | null): Partial<Pick<ControlSetup, 'incarnation' | 'peerAddress' | 'peers'>> {
  return port === null ? {} : { incarnation: port.self.incarnation, peerAddress: port.address, peers: port.peers };
}

function openStore(config: Config, layout: RegistryLayout, clock: Clock): Promise<Kv> {
  const { registry } = config;
  const location = registry.kind === 'sqlite' ? registry.path : '';
  const etcd = registry.kind === 'etcd' ? { etcd: readEtcdPlace(registry) } : {};
  return openRegistry(registry.kind, { location, clock, schemaKey: schemaKey(layout), ...etcd });
}

function limitsOf({ limits }: Config): StreamLimits {
  const { streamsPerConnectionMax, headerListBytesMax, streamWindowBytes, streamWindowBytesMax, connectionWindowBytes } = limits;
  const windows = { streamWindowBytes, streamWindowBytesMax, connectionWindowBytes };
  return { ...DEFAULT_STREAM_LIMITS, streamsPerConnectionMax, headerListBytesMax, ...windows };
}

function dataPlaneLimits({ limits }: Config): DataPlaneLimits {
  return {
    messageBytesMax: limits.messageBytesMax,
    replayBytesPerCallMax: limits.replayBytesPerCallMax,
    replayBytesMax: limits.replayBytesMax,
    openingBytesMax: limits.openingBytesMax,
    inflateRatioMax: limits.decompressionRatioMax,
    turnsPerCopyMax: limits.turnsPerCopyMax,
    multiParallelism: limits.multiModelParallelism,
    waitingCallsPerModelMax: limits.waitingCallsPerModelMax,
    waitingCallsMax: limits.waitingCallsMax,
    runtimeWaitersMax: limits.waitingCallsMax,
    unaryTimeoutMs: limits.unaryTimeoutMs,
  };
}

function cacheConfig({ cache, limits }: Config): CacheConfig {
  return {
    ...DEFAULT_CACHE_CONFIG,
    policy: cache.policy,
    copiesMax: limits.copiesMax,
    spaceWaitMs: cache.spaceWaitMs,
    minChurnAgeMs: cache.minChurnAgeMs,
    leakMaxUnits: cache.leakMaxUnits,
    failureExpiryMs: cache.loadFailureExpiryMs,
    drainGraceMs: cache.drainGraceMs,
    loadQueueMax: limits.loadQueueMax,
    unloadReserveUnits: cache.unloadReserveUnits,
  };
}

function restLimits({ limits }: Config): RestLimits {
  const { restBodyBytesMax: bodyBytesMax, restLargeBodiesBytesMax: largeBodiesBytesMax, unaryTimeoutMs } = limits;
  return { bodyBytesMax, largeBodiesBytesMax, unaryTimeoutMs };
}

interface Running {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly running: RunningControl;
  readonly dataPlane: DataPlane;
  readonly http: HttpRules;
}

/** What requests of HTTP go by; it changes with the configuration. */
class HttpRules {
  readonly bodies: ByteBudget;
  limits: RestLimits;
  cors: CorsPolicy;

  constructor(config: Config) {
    this.bodies = new ByteBudget(config.limits.restBodiesBytesMax);
    this.limits = restLimits(config);
    this.cors = new CorsPolicy(config.cors);
  }

  use(changed: Config): void {
    this.bodies.setMax(changed.limits.restBodiesBytesMax);
    this.limits = restLimits(changed);
    this.cors = new CorsPolicy(changed.cors);
  }
}

async function doorParts(config: Config, around: NodeSurroundings, node: Running): Promise<DoorParts> {
  const { clock, timers, dataPlane } = node;
  const { control } = node.running;
  const { log } = around;
  const server = { name: 'model-mesh', version: around.version };
  const loadFailureExpiryMs = config.cache.loadFailureExpiryMs;
  const rest: RestHandler = restHandler({
    plane: dataPlane.plane,
    repository: new ControlRepository(control, clock, loadFailureExpiryMs),
    authorizer: allowAll,
    get limits() {
      return node.http.limits;
    },
    bodies: node.http.bodies,
    server,
  });
  const management: ManagementApp = await createManagementApp({
    control,
    authorizer: allowAll,
    clock,
    server,
    onFault: (error, path) => log.error('fault', `a request for ${path} met a fault of ours`, { error }),
  });
  const { messageBytesMax } = config.limits;
  return {
    clock,
    timers,
    authorizer: allowAll,
    control,
    dataPlane,
    rest,
    management,
    messageBytesMax,
    cors: () => node.http.cors,
    loadFailureExpiryMs,
    server,
    log,
  };
}
