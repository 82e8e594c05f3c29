import { type DurationMs, durationMs, type MeshError, toMeshError } from '@modelmesh/core';
import type { Comparer } from '@modelmesh/core/traffic';
import { BEAT_EVERY_MS } from '@modelmesh/core/workers';
import type { AcceptStream, StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { Peer } from '@modelmesh/wire/peer';
import { allowAll } from '../authz/index.ts';
import type { Config, LimitsConfig } from '../config/index.ts';
import {
  ConnectionLoads,
  type DataPlane,
  type DataPlaneParts,
  listen,
  type RestHandler,
  type RunningListener,
  restHandler,
  UNASKED_REPOSITORY,
} from '../dataplane/index.ts';
import { type ErrorFacts, LimitCounters, threadDataPlaneEnd } from '../link/index.ts';
import { createLog, GatheredLines, type Log, type NodeLog } from '../log/index.ts';
import { allOf, createStatsD, createWorkerMetrics, type WorkerMetrics } from '../metrics/index.ts';
import { systemClock, systemRandom } from '../node/index.ts';
import { loadPlugins, PickStrategies, type StrategyNews, startStrategyThread } from '../plugins/index.ts';
import { createRelayEngine, Relay } from '../relay/index.ts';
import { SignedVault } from '../tokens/index.ts';
import {
  Board,
  type FromWorker,
  type Place,
  type ToWorker,
  type WorkerListener,
  type WorkerPeerPort,
  type WorkerSetup,
} from '../workers/index.ts';
import { LoggedCalls } from './call-log.ts';
import { dataPlaneLimits, HttpRules, limitsOf, makeDataPlane, makeEngine, relayLimits } from './data-plane-parts.ts';
import { LiveLogging } from './live-logging.ts';
import { connectPeer, peerLimits, peerLinks, peerListenerLimits, peerRouter, refusePeerRequest } from './peer-links.ts';
import { openWorkerDoors } from './worker-doors.ts';

const clock = systemClock;

/** How long the last answers may take to leave, once no call may go on. */
const LAST_WORDS_MS = 500;

/** A worker of the data plane in a thread of its own. */
export class WorkerNode {
  readonly #setup: WorkerSetup;
  readonly #tell: (message: FromWorker) => void;
  readonly #log: NodeLog;
  readonly #said: Log;
  readonly #lines: GatheredLines;
  readonly #logging: LiveLogging;
  readonly #metrics: WorkerMetrics | null;
  readonly #engine: StreamEngine;
  readonly #relayEngine = createRelayEngine(clock);
  readonly #streamLimits: StreamLimits;
  readonly #timers = new TimerWheel(clock);
  readonly #loads = new ConnectionLoads(clock);
  readonly #board: Board;
  readonly #tokens: SignedVault;
  readonly #comparers = new Map<string, Comparer>();
  #strategies: PickStrategies | undefined;
  readonly #dataPlane: DataPlane;
  readonly #http: HttpRules;
  readonly #rest: RestHandler;
  readonly #listeners: RunningListener[] = [];
  readonly #relays: Relay[] = [];
  #peers: RunningListener | undefined;
  #config: Config;

  /** @param tell says something to control */
  constructor(setup: WorkerSetup, tell: (message: FromWorker) => void) {
    const { worker, counters } = setup;
    const config = shareOf(setup.config, setup.workers);
    this.#setup = setup;
    this.#tell = tell;
    this.#config = config;
    this.#board = new Board(setup.board);
    this.#lines = new GatheredLines({ write: (text) => tell({ kind: 'log', text }), clock });
    this.#log = createLog({
      level: config.logLevel,
      instance: config.instanceId,
      service: config.serviceName,
      sink: this.#lines,
    });
    this.#said = this.#log.with({ worker });
    this.#metrics = config.metrics === null ? null : createWorkerMetrics(worker, config.metrics, clock);
    this.#metrics?.readPortsFrom(() => ({
      connections: this.#connections(),
      limitsReached: new Map(),
      tokens: this.#tokens.figures,
    }));
    const statsd = config.statsd === null ? null : createStatsD(config.statsd, clock);
    const sinks = [this.#metrics, statsd].filter((sink) => sink !== null);
    const calls = new LoggedCalls(allOf(sinks), this.#said, config);
    this.#logging = new LiveLogging(this.#log, calls, config);
    this.#logging.parametersChanged(setup.parameters);
    const limitCounters = new LimitCounters(setup.limitCounters);
    this.#engine = makeEngine(config, limitCounters);
    this.#streamLimits = limitsOf(config);
    const link = threadDataPlaneEnd(setup.link);
    this.#tokens = new SignedVault({ rememberedMax: config.tokens.rememberedMax, random: systemRandom });
    this.#tokens.use(setup.tokenKeys);
    const metrics = calls;
    const around = { worker, clock, timers: this.#timers, engine: this.#engine, counters, link };
    const parts = { ...around, metrics, tokens: this.#tokens, limitCounters, ...this.#plugins() };
    this.#dataPlane = makeDataPlane(config, parts, this.#links());
    this.#http = new HttpRules(config);
    this.#rest = this.#restHandler();
  }

  /** Does what control says. Never rejects: what fails is told. */
  async onMessage(message: ToWorker): Promise<void> {
    try {
      await this.#obey(message);
    } catch (error) {
      this.#lines.flush();
      this.#tell({ kind: 'failed', error: factsOf(toMeshError(error)) });
      throw error;
    }
  }

  async #obey(message: ToWorker): Promise<void> {
    switch (message.kind) {
      case 'open-peers':
        this.#tell({ kind: 'peers-open', place: await this.#openPeers(message.port) });
        return;
      case 'serve':
        this.#tell({ kind: 'serving', places: await this.#serve(message.listeners) });
        return;
      case 'reconfigure':
        this.#reconfigure(message.config);
        return;
      case 'parameters':
        this.#logging.parametersChanged(message.parameters);
        return;
      case 'token-keys':
        this.#tokens.use(message.keys);
        return;
      case 'shed':
        this.#tell({ kind: 'shed', done: this.#loads.shed(message.othersMean) });
        return;
      case 'measure':
        this.#tell({ kind: 'measured', request: message.request, metrics: (await this.#metrics?.snapshot()) ?? [] });
        return;
      case 'close':
        await this.#close(message.graceMs, message.incompleteMs);
        this.#lines.flush();
        this.#tell({ kind: 'closed' });
    }
  }

  async #openPeers(port: WorkerPeerPort): Promise<Place> {
    const { peer } = this.#config;
    const relay = this.#relayTo(port.relayPath);
    const accept: AcceptStream = (stream, headers, end, connection) =>
      headers.get(':path')?.startsWith(`/${Peer.typeName}/`) === true
        ? relay.accept(stream, headers, end, connection)
        : this.#dataPlane.acceptPeer(stream, headers, end, connection);
    const tls = peer?.tls ?? null;
    this.#peers = await listen({
      ...this.#around(),
      config: { roles: new Set(), host: port.host, port: port.port, tls: tls !== null },
      tls,
      limits: peerListenerLimits(this.#config),
      streamLimits: peerLimits(this.#streamLimits),
      handlers: {
        accept: peerRouter(accept, { clock, timers: this.#timers, log: this.#said }).accept,
        onRequest: refusePeerRequest,
      },
    });
    return this.#peers.address;
  }

  /** Takes calls once it knows where names lead: a worker that begins later must not refuse what others know. */
  async #serve(listeners: readonly WorkerListener[]): Promise<readonly Place[]> {
    // Loaded by each thread anew: functions do not cross.
    for (const [name, comparer] of (await loadPlugins(this.#config.plugins)).comparers) this.#comparers.set(name, comparer);
    await this.#routes();
    this.#beat();
    for (const { config, relayPath, relayed } of listeners) {
      const relay = this.#relayTo(relayPath).accept;
      const listener = await listen({
        ...this.#around(),
        config,
        tls: this.#config.tls,
        limits: this.#config.limits,
        streamLimits: this.#streamLimits,
        loads: this.#loads,
        handlers: openWorkerDoors({
          timers: this.#timers,
          dataPlane: this.#dataPlane,
          rest: this.#rest,
          messageBytesMax: this.#config.limits.messageBytesMax,
          cors: () => this.#http.cors,
          relay,
          relayed,
          log: this.#said,
        }),
      });
      this.#listeners.push(listener);
    }
    return this.#listeners.map(({ address }) => address);
  }

  #around() {
    return { engine: this.#engine, clock, log: this.#said, sharesPort: this.#setup.sharesPorts };
  }

  #relayTo(path: string): Relay {
    const { relayWord: word } = this.#setup;
    const relay = new Relay({ engine: this.#relayEngine, limits: relayLimits(this.#streamLimits), path, word });
    this.#relays.push(relay);
    return relay;
  }

  #routes(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#dataPlane.onRoutes = resolve;
    this.#dataPlane.start();
    return promise;
  }

  #beat(): void {
    this.#board.beat(this.#setup.worker, this.#loads.sample());
    clock.after(BEAT_EVERY_MS, () => this.#beat());
  }

  #reconfigure(changed: Config): void {
    const config = shareOf(changed, this.#setup.workers);
    this.#config = config;
    if (config.tls !== null) for (const listener of this.#listeners) listener.useTls(config.tls);
    if (config.peer?.tls != null) this.#peers?.useTls(config.peer.tls);
    this.#dataPlane.setLimits(dataPlaneLimits(config));
    this.#http.use(config);
    for (const listener of this.#listeners) listener.setLimits(config.limits);
    this.#logging.configured(config);
  }

  async #close(graceMs: DurationMs, incompleteMs: DurationMs): Promise<void> {
    // Calls that did not finish in time get an answer that says so, while there still is a connection to say it on.
    const last = clock.after(graceMs, () => this.#dataPlane.close());
    const untilMs = durationMs(graceMs + LAST_WORDS_MS);
    this.#rest.drain(incompleteMs);
    const lateMs = durationMs(incompleteMs + LAST_WORDS_MS);
    await Promise.all([...this.#listeners.map((listener) => listener.close(untilMs, lateMs)), this.#peers?.close(untilMs)]);
    last.cancel();
    this.#dataPlane.close();
    this.#strategies?.close();
    for (const relay of this.#relays) relay.close();
    this.#metrics?.close();
  }

  #plugins(): Pick<DataPlaneParts, 'strategies' | 'comparers'> {
    const { pickWaitMaxMs: waitMaxMs, pickBudgetMs: budgetMs } = this.#config.strategies;
    const tell = (news: StrategyNews): void => this.#tell({ kind: 'strategy', news });
    const parts = { clock, start: startStrategyThread, waitMaxMs, budgetMs, tell };
    this.#strategies = new PickStrategies(this.#setup.picks, parts);
    return { strategies: this.#strategies, comparers: this.#comparers };
  }

  #links(): DataPlaneParts['peers'] | null {
    const { self } = this.#setup;
    if (self === null) return null;
    const limits = peerLimits(limitsOf(this.#config));
    const connect = (address: string) => connectPeer(this.#engine, limits, this.#config.peer?.tls ?? null, address);
    return peerLinks({ config: this.#config, self, random: systemRandom, log: this.#said, connect });
  }

  #restHandler(): RestHandler {
    const http = this.#http;
    return restHandler({
      plane: this.#dataPlane.plane,
      repository: UNASKED_REPOSITORY,
      authorizer: allowAll,
      get limits() {
        return http.limits;
      },
      bodies: http.bodies,
      onWork: (byteCount) => this.#board.announceWork(this.#setup.worker, byteCount),
      server: { name: '', version: '' },
    });
  }

  #connections(): { readonly open: number; readonly refused: number } {
    const counts = this.#listeners.map((listener) => listener.counts());
    const sum = (read: (one: { readonly open: number; readonly refused: number }) => number): number =>
      counts.reduce((total, one) => total + read(one), 0);
    return { open: sum(({ open }) => open), refused: sum(({ refused }) => refused) };
  }
}

const factsOf = ({ kind, message, retryAfterMs }: MeshError): ErrorFacts => ({
  kind,
  message,
  retryAfterMs: retryAfterMs ?? null,
});

/** What of a node's bounds one of its workers has: those of calls that wait and of connections are divided, others hold for each. */
export function shareOf(config: Config, workers: number): Config {
  const share = (max: number): number => Math.ceil(max / workers);
  const { connectionsMax, waitingCallsMax, waitingCallsPerModelMax } = config.limits;
  const divided: Pick<LimitsConfig, 'connectionsMax' | 'waitingCallsMax' | 'waitingCallsPerModelMax'> = {
    connectionsMax: share(connectionsMax),
    waitingCallsMax: share(waitingCallsMax),
    waitingCallsPerModelMax: share(waitingCallsPerModelMax),
  };
  return { ...config, limits: { ...config.limits, ...divided } };
}
