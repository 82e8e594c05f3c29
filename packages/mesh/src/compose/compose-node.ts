import { type Clock, type DurationMs, durationMs } from '@modelmesh/core';
import { type CacheConfig, DEFAULT_CACHE_CONFIG } from '@modelmesh/core/cache';
import type { TypeConstraints } from '@modelmesh/core/constraints';
import type { Scope } from '@modelmesh/core/scope';
import type { StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { type RegistryLayout, registryLayout, schemaKey } from '@modelmesh/wire/registry';
import { allowAll } from '../authz/index.ts';
import type { Config } from '../config/index.ts';
import { type CallMetrics, ControlRepository, type DataPlane, type RestHandler, restHandler } from '../dataplane/index.ts';
import { type Kv, openRegistry, readEtcdPlace } from '../kv/index.ts';
import { allocateCounters, type ControlEnd, LimitCounters, type MethodRules, type WorkerLimitLabel } from '../link/index.ts';
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
import { FollowedKeys, type SignedVault, type TokenKeys } from '../tokens/index.ts';
import { dataPlaneLimits, HttpRules, limitsOf, makeDataPlane, makeEngine, makeTokenVault } from '../worker/index.ts';
import type { Place } from '../workers/index.ts';
import { type DoorParts, type Doors, openDoors } from './doors.ts';
import { FollowedConstraints, readConstraints } from './followed-constraints.ts';
import { FollowedRules } from './followed-rules.ts';
import { NodePlugins } from './node-plugins.ts';
import { composeRuntime } from './node-runtime.ts';
import { newIncarnation, PeerPort, type PeerPortParts } from './peer-port.ts';
import { policyWishes } from './policy-wishes.ts';
import { type Links, makeLinks, Threads, type ThreadsParts, threadsWanted } from './threads.ts';

/** What a node is given besides its configuration. */
export interface NodeSurroundings {
  readonly log: Log;
  /** Takes lines of the log that a worker's thread wrote. */
  readonly writeLog: (text: string) => void;
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
  /** What gives tokens in this thread. */
  readonly tokens: SignedVault;
  readonly plugins: NodePlugins;
  /** The port between nodes; `null`: this node is alone. */
  readonly peerPort: OpenPeerPort | null;
  /** Workers in threads of their own; `null`: the one worker shares control's. */
  readonly threads: Threads | null;
  /** How often limits of HTTP/2 and of rules refused or ended something, since the start. */
  limitsReached(): ReadonlyMap<WorkerLimitLabel, number>;
  /** Takes over limits and rules that may change while the node runs. @throws {MeshError} `invalid-argument` for rules that are wrong */
  reconfigure(config: Config): void;
  /** The doors of a listener with these roles. */
  doors(roles: Parameters<typeof openDoors>[0]): Doors;
  /** Gives up claims, ends runtime and store. Listeners are closed before. */
  close(): Promise<void>;
}

/** Puts a node together and starts its control. */
export async function composeNode(config: Config, around: NodeSurroundings): Promise<ComposedNode> {
  const clock = systemClock;
  const timers = new TimerWheel(clock);
  const limitCounters = new LimitCounters();
  const engine = makeEngine(config, limitCounters);
  const streamLimits = limitsOf(config);
  const threadCount = threadsWanted(config, around.log);
  const counters = allocateCounters(threadCount + 1);
  const link = makeLinks(threadCount);
  const layout = registryLayout({ root: '', prefix: config.registryPrefix, service: config.serviceName });
  const plugins = await NodePlugins.load(config, around.log);
  const kv = await openStore(config, layout, clock);
  const runtime = runtimeFor(config, around, { engine, streamLimits, timers });
  const port = peerPortFor(config, { engine, streamLimits, clock, timers, random: systemRandom, log: around.log });
  const { tokenKeys, tokens } = composeTokens(config, around.log);
  const home = { worker: threadCount, link: link.home, metrics: around.metrics, tokens, limitCounters };
  const brought = homePlugins(plugins, threadCount);
  const dataPlane = makeDataPlane(config, { ...home, ...brought, clock, timers, engine, counters }, port?.links ?? null);
  const shared = { threads: threadCount, config, streamLimits, counters, limitCounters };
  const threads = composeThreads(link, shared, { around, port, tokenKeys, plugins });
  tokenKeys.onChange((keys) => useKeys(keys, tokens, threads));
  const identity = identityOf(config);
  const control = { clock, scope: around.scope, kv, layout, runtime, counters, link: link.control, metrics: around.metrics };
  const onParameters = toAll(around.onParameters, threads);
  const wishes = { readOnly: config.readOnly, onParameters, ...pluginWishes(tokens, plugins) };
  const cluster = clusterWishes(config, around.log);
  const foundations = { port, runtime, scope: around.scope, kv, threads, tokenKeys, plugins };
  // Before the record says so: others may come the moment that it does.
  const running = await startOn({ ...foundations, dataPlane }, async () => {
    await port?.open(dataPlane.acceptPeer, threads?.peers ?? null);
    return startControl({ ...ALONE, ...amongOthers(port), ...identity, ...control, ...wishes, ...cluster });
  });
  plugins.tellTo(running.events);
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
    tokens,
    plugins,
    peerPort: port === null ? null : peerPortOf(port),
    threads,
    limitsReached: () => limitCounters.counts(),
    reconfigure: (changed) => {
      if (changed.peer?.tls != null) port?.useTls(changed.peer.tls);
      followed.use(changed);
      threads?.reconfigure(changed);
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

/** The runtime beside this node. */
function runtimeFor(
  config: Config,
  { log, runtimeCommand: embeddedCommand, environment }: NodeSurroundings,
  { engine, streamLimits: limits, timers }: Pick<ComposedNode, 'engine' | 'streamLimits'> & { readonly timers: TimerWheel },
) {
  const { messageBytesMax } = config.limits;
  const bounds = { limits, messageBytesMax };
  return composeRuntime(config.runtime, { engine, clock: systemClock, timers, log, embeddedCommand, environment, ...bounds });
}

/** How this node's record names it. */
function identityOf({ instanceId: instance, location, zone, labels, defaultEndpointOwner }: Config) {
  return { instance, location, zone, labels, defaultEndpointOwner };
}

/** The port between nodes, open. */
export interface OpenPeerPort {
  readonly address: Place;
  close(graceMs: DurationMs): Promise<void>;
}

const peerPortOf = (port: PeerPort): OpenPeerPort => ({
  address: port.place ?? { host: '', port: 0 },
  close: async (graceMs) => port.listener?.close(graceMs),
});

/** The port between nodes, where there are others. */
const peerPortFor = (config: Config, parts: Omit<PeerPortParts, 'config' | 'peer'>): PeerPort | null =>
  config.peer === null ? null : new PeerPort({ config, peer: config.peer, ...parts });

/** The keys of tokens, and what gives tokens in this thread. */
function composeTokens(config: Config, log: Log): { readonly tokenKeys: FollowedKeys; readonly tokens: SignedVault } {
  const tokenKeys = new FollowedKeys(config.tokens, { clock: systemClock, random: systemRandom, log });
  return { tokenKeys, tokens: makeTokenVault(config, tokenKeys) };
}

function useKeys(keys: TokenKeys, tokens: SignedVault, threads: Threads | null): void {
  tokens.use(keys);
  threads?.useTokenKeys(keys);
}

interface ThreadsAround {
  readonly around: NodeSurroundings;
  readonly port: PeerPort | null;
  readonly tokenKeys: FollowedKeys;
  readonly plugins: NodePlugins;
}

/** What policies may ask for, and what is there for it. */
const pluginWishes = (tokens: SignedVault, plugins: NodePlugins) => ({
  ...policyWishes(tokens, plugins.names),
  weightsPlugins: plugins.weights,
});

/** What plug-ins are to the worker in this thread; where there are others, it takes no calls that a strategy chooses for. */
const homePlugins = (plugins: NodePlugins, threads: number) =>
  threads > 0 ? { comparers: plugins.comparers } : { comparers: plugins.comparers, strategies: plugins.forHome() };

/** The threads of the data plane, if there are any. */
function composeThreads(
  { workers: link }: Links,
  parts: Pick<ThreadsParts, 'threads' | 'config' | 'streamLimits' | 'counters' | 'limitCounters'>,
  { around, port, tokenKeys: { keys: tokenKeys }, plugins }: ThreadsAround,
): Threads | null {
  if (link === null) return null;
  const { log, writeLog } = around;
  // As many lives of an instance are told apart by such words.
  const relayWord = newIncarnation(systemRandom) + newIncarnation(systemRandom);
  const { picks, tell: onStrategy } = plugins;
  return new Threads({
    ...parts,
    picks,
    onStrategy,
    link,
    log,
    writeLog,
    clock: systemClock,
    self: port?.self ?? null,
    relayWord,
    tokenKeys,
  });
}

/** Operators' wishes go to workers in threads of their own too. */
function toAll(here: NodeSurroundings['onParameters'], threads: Threads | null): NodeSurroundings['onParameters'] {
  return (parameters) => {
    here(parameters);
    threads?.parametersChanged(parameters);
  };
}

/** What control stands on. */
interface Foundations {
  readonly plugins: NodePlugins;
  readonly tokenKeys: FollowedKeys;
  readonly threads: Threads | null;
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
    await parts.threads?.close(durationMs(0), durationMs(0));
    await parts.port?.listener?.close(durationMs(0));
    parts.dataPlane.close();
    await endFoundations(parts);
    throw error;
  }
}

/** Ends what control stands on, once it needs it no more. */
async function endFoundations(parts: Foundations): Promise<void> {
  parts.tokenKeys.stop();
  parts.plugins.close();
  parts.threads?.removeFolder();
  parts.port?.peers.close();
  await parts.runtime.close();
  await parts.scope.close();
  await parts.kv.close();
}

/** How models are placed and scaled, and how the start is judged. */
function clusterWishes(config: Config, log: Log) {
  const { scaling, failFast, typeConstraints } = config;
  const strategyPeriodMs = config.strategies.periodMs;
  const warn = (message: string): void => log.warn('type-constraints-doubtful', message);
  return { scaling, failFast, constraints: readConstraints(typeConstraints, warn), cache: cacheConfig(config), strategyPeriodMs };
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

interface Running {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly running: RunningControl;
  readonly dataPlane: DataPlane;
  readonly http: HttpRules;
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
