import { createServer as createHttp1, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { durationMs, endpointId, instanceId, MeshError, type ModelKey, modelKey } from '@modelmesh/core';
import type { EndpointPolicy } from '@modelmesh/core/records';
import type { ModelReadiness } from '@modelmesh/core/registration';
import { SeededRandom } from '@modelmesh/core/testing';
import { assignSlots } from '@modelmesh/core/traffic';
import { GrpcRouter } from '@modelmesh/grpc/call';
import { createFrameEngine, DEFAULT_STREAM_LIMITS, type ServerConnection } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import type { RepositoryEntry } from '@modelmesh/wire/oip';
import { type Authorizer, allowAll, type Principal, principalOf } from '../../../authz/index.ts';
import { createCelEngine } from '../../../cel/index.ts';
import {
  allocateCounters,
  type CallRecord,
  createInProcessLink,
  type EndpointRoute,
  type InProcessLink,
  type Located,
  type ModelRoute,
  type RuntimeAccess,
  SlotCounters,
  type ToControl,
} from '../../../link/index.ts';
import { systemClock } from '../../../node/index.ts';
import { ByteBudget, type CallFacts } from '../../call/index.ts';
import { DataPlane } from '../../data-plane.ts';
import { policyExpressions } from '../../picking/index.ts';
import { type HttpExchange, http1Exchange, streamExchange } from '../exchange/index.ts';
import type { Repository, RestDeps } from '../rest-deps.ts';
import { type RestHandler, restHandler } from '../rest-handler.ts';
import { TestClient } from './http-client.ts';
import { OipRuntime, type TestModel } from './oip-runtime.ts';

const MIB = 1024 * 1024;

/** What a test may want otherwise. */
export interface RestRigOptions {
  readonly bodyBytesMax?: number;
  readonly messageBytesMax?: number;
  /** Bytes of bodies and answers that may be held at once. */
  readonly heldBytesMax?: number;
  readonly waitingCallsPerModelMax?: number;
  /** Calls that the runtime takes at a time, and calls that may wait until it takes more. */
  readonly runtimeStreamsMax?: number;
  readonly runtimeQueueMax?: number;
  readonly largeBodiesBytesMax?: number;
  readonly authorizer?: Authorizer;
  /** Answers a question for a cold model; by default it is loaded at once. */
  readonly locate?: (model: ModelKey, load: () => Located) => void;
}

/** A registered model and whether a copy stands ready. */
export interface RigModel {
  readonly family?: string;
  readonly version?: string;
  readonly cold?: boolean;
  readonly behaviour: TestModel;
}

/** Two listeners for exchanges on free ports: `node:http`, and HTTP/2 on the stream port. */
export class ExchangeServers {
  readonly client: TestClient;
  readonly ports: { readonly http1: number; readonly http2: number };
  readonly http1: HttpServer;
  readonly #http2: Server;
  readonly #connections: Set<ServerConnection>;
  readonly #sockets = new Set<Socket>();

  private constructor(http1: HttpServer, http2: Server, connections: Set<ServerConnection>) {
    this.http1 = http1;
    this.#http2 = http2;
    this.#connections = connections;
    this.ports = { http1: (http1.address() as AddressInfo).port, http2: (http2.address() as AddressInfo).port };
    this.client = new TestClient(this.ports);
    for (const server of [http1, http2]) server.on('connection', (socket: Socket) => this.#sockets.add(socket));
  }

  /** Bytes that both listeners took from all their sockets. */
  get bytesRead(): number {
    return [...this.#sockets].reduce((sum, socket) => sum + socket.bytesRead, 0);
  }

  static async start(handle: (exchange: HttpExchange) => void): Promise<ExchangeServers> {
    const principal: Principal = principalOf({ remoteAddress: '', encrypted: false, clientCertificate: undefined });
    const one = (request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void =>
      handle(http1Exchange(request, response, { principal, encrypted: false, awaitsContinue }));
    const http1 = createHttp1((request, response) => one(request, response, false));
    http1.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => one(request, response, true));
    const engine = createFrameEngine({ clock: systemClock, poison: true });
    const router = new GrpcRouter({
      clock: systemClock,
      timers: new TimerWheel(systemClock),
      messageBytesMax: MIB,
      http: (stream, headers, end) => {
        const exchange = streamExchange(stream, headers, end, principal, false);
        handle(exchange);
        return exchange;
      },
    });
    const connections = new Set<ServerConnection>();
    const http2 = createServer((socket) => {
      const info = { remoteAddress: '', encrypted: false, clientCertificate: undefined };
      const connection = engine.serve(socket, info, DEFAULT_STREAM_LIMITS, router.accept);
      connections.add(connection);
      connection.onClose = () => connections.delete(connection);
    });
    await Promise.all([http1, http2].map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()))));
    return new ExchangeServers(http1, http2, connections);
  }

  async close(): Promise<void> {
    this.client.close();
    this.http1.closeAllConnections();
    for (const connection of this.#connections) connection.destroy();
    await Promise.all([this.http1, this.#http2].map((server) => new Promise<void>((done) => server.close(() => done()))));
  }
}

/** REST inference in front of a real runtime, with a control that does what the test says. */
export class RestRig {
  readonly runtime: OipRuntime;
  readonly calls: CallFacts[] = [];
  readonly records: CallRecord[] = [];
  /** Bytes of the bodies that were converted, as they were announced. */
  readonly announced: number[] = [];
  readonly repository = new TestRepository();
  readonly bodies: ByteBudget;
  readonly dataPlane: DataPlane;
  readonly deps: RestDeps;
  readonly handler: RestHandler;
  readonly #link: InProcessLink = createInProcessLink({ clone: true });
  readonly #counters: SlotCounters;
  readonly #options: RestRigOptions;
  readonly #routes = new Map<ModelKey, ModelRoute>();
  readonly #requests = new Map<ModelKey, number>();
  #servers: ExchangeServers | undefined;
  #nextSlot = 0;
  #version = 0;
  /** Models that control was asked to locate, in order. */
  readonly located: ModelKey[] = [];

  private constructor(options: RestRigOptions) {
    const memory = allocateCounters(1, 256);
    this.#options = options;
    this.runtime = new OipRuntime(options.runtimeStreamsMax);
    this.#counters = new SlotCounters(memory);
    this.bodies = new ByteBudget(options.heldBytesMax ?? 256 * MIB);
    this.dataPlane = new DataPlane({
      worker: 0,
      instance: instanceId('inst1'),
      clock: systemClock,
      timers: new TimerWheel(systemClock),
      engine: createFrameEngine({ clock: systemClock, poison: true }),
      runtimeLimits: {
        ...DEFAULT_STREAM_LIMITS,
        queuedStreamsMax: options.runtimeQueueMax ?? DEFAULT_STREAM_LIMITS.queuedStreamsMax,
      },
      counters: memory,
      link: this.#link.dataPlane,
      metrics: { call: (facts) => this.calls.push(facts), attempt: () => undefined, cacheMiss: () => undefined },
      authorizer: allowAll,
      limits: {
        messageBytesMax: options.messageBytesMax ?? 16 * MIB,
        replayBytesPerCallMax: 256 * 1024,
        replayBytesMax: 64 * MIB,
        openingBytesMax: 64 * MIB,
        inflateRatioMax: 256,
        multiParallelism: 4,
        waitingCallsPerModelMax: options.waitingCallsPerModelMax ?? 1024,
        waitingCallsMax: 4096,
        runtimeWaitersMax: 1024,
        unaryTimeoutMs: durationMs(30_000),
      },
      rules: { rules: new Map(), allowOthers: true },
      random: new SeededRandom(1, 'variants'),
      expressionsOf: policyExpressions(createCelEngine()),
    });
    this.deps = {
      plane: this.dataPlane.plane,
      repository: this.repository,
      authorizer: options.authorizer ?? allowAll,
      limits: {
        bodyBytesMax: options.bodyBytesMax ?? 16 * MIB,
        unaryTimeoutMs: durationMs(30_000),
        ...(options.largeBodiesBytesMax === undefined ? {} : { largeBodiesBytesMax: options.largeBodiesBytesMax }),
      },
      bodies: this.bodies,
      onWork: (byteCount) => this.announced.push(byteCount),
      server: { name: 'model-mesh', version: 'test' },
    };
    this.handler = restHandler(this.deps);
    this.#link.control.onMessage = (message) => this.#onMessage(message);
  }

  static async start(options: RestRigOptions = {}): Promise<RestRig> {
    const rig = new RestRig(options);
    const target = await rig.runtime.listen();
    const methods: RuntimeAccess['methods'] = new Map(
      ['ModelInfer', 'ModelStreamInfer', 'ModelMetadata'].map((name) => [`inference.GRPCInferenceService/${name}`, [1]]),
    );
    rig.#link.control.send({
      kind: 'route-snapshot',
      epoch: 1,
      version: 0,
      last: true,
      parts: { models: [], endpoints: [], families: [], peers: [] },
    });
    rig.#link.control.send({ kind: 'runtime-up', access: { epoch: 1, target, methods, anyMethod: false } });
    rig.#servers = await ExchangeServers.start((exchange) => rig.handler.handle(exchange));
    return rig;
  }

  get client(): TestClient {
    return this.servers.client;
  }

  get servers(): ExchangeServers {
    if (this.#servers === undefined) throw new MeshError('internal', 'the rig was not started');
    return this.#servers;
  }

  /** Registers a model, loaded unless it is cold. */
  async model(name: string, model: RigModel): Promise<void> {
    const { family = null, version = null } = model;
    this.runtime.models.set(name, model.behaviour);
    const key = modelKey(name);
    const local = model.cold === true ? null : this.#openSlot();
    this.#put({ key, family, version, local, remote: [], retry: 'safe' });
    const families = family === null ? [] : [{ family, newest: key }];
    this.#delta({ models: [], endpoints: [], families, peers: [] });
    await this.settled();
  }

  /** Registers an endpoint in front of a model. */
  async endpoint(id: string, model: string): Promise<void> {
    const route: EndpointRoute = {
      id: endpointId(id),
      revision: 1,
      variant: 'stable',
      model: modelKey(model),
      successor: null,
      policy: null,
    };
    this.#delta({ models: [], endpoints: [route], families: [], peers: [] });
    await this.settled();
  }

  /** An endpoint has this policy. */
  async policy(id: string, policy: EndpointPolicy): Promise<void> {
    const model = policy.variants.find(({ name }) => name === policy.defaultVariant)?.model;
    if (model === undefined) throw new Error('the default variant is none of the policy');
    const route: EndpointRoute = {
      id: endpointId(id),
      revision: 7,
      variant: policy.defaultVariant,
      model,
      successor: null,
      policy: { policy, slots: assignSlots(policy, new Map()), published: null },
    };
    this.#delta({ models: [], endpoints: [route], families: [], peers: [] });
    await this.settled();
  }

  /** Drops the copy of a model. */
  async unload(name: string): Promise<void> {
    const route = this.#routes.get(modelKey(name));
    if (route !== undefined) this.#put({ ...route, local: null });
    await this.settled();
  }

  /** Loads a model and tells its slot. */
  load(model: ModelKey): Located {
    const route = this.#routes.get(model);
    const slot = this.#openSlot();
    if (route !== undefined) this.#put({ ...route, local: slot });
    return { kind: 'serving', slot };
  }

  /** Answers those who asked last for a model. */
  answerLocate(model: ModelKey, outcome: Located): void {
    this.#link.control.send({ kind: 'located', request: this.#requests.get(model) ?? 0, model, outcome });
  }

  /** What was sent over the link has arrived. */
  settled(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Resolves once nothing is held for any exchange. */
  async released(): Promise<void> {
    while (this.bodies.used > 0) await this.settled();
  }

  async close(): Promise<void> {
    await this.#servers?.close();
    this.dataPlane.close();
    await this.runtime.close();
  }

  #openSlot(): { index: number; generation: number } {
    const slot = { index: this.#nextSlot, generation: this.#nextSlot + 1 };
    this.#nextSlot += 1;
    this.#counters.open(slot, systemClock.wallMs());
    return slot;
  }

  #put(route: ModelRoute): void {
    this.#routes.set(route.key, route);
    this.#delta({ models: [route], endpoints: [], families: [], peers: [] });
  }

  #delta(put: Parameters<DataPlane['plane']['routes']['applyDelta']>[0]['put']): void {
    const from = this.#version;
    this.#version += 1;
    const remove = { models: [], endpoints: [], families: [], peers: [] };
    this.#link.control.send({ kind: 'route-delta', epoch: 1, from, to: this.#version, put, remove });
  }

  #onMessage(message: ToControl): void {
    if (message.kind === 'call-ended') this.records.push(message.record);
    if (message.kind !== 'locate') return;
    const { model } = message;
    this.located.push(model);
    this.#requests.set(model, message.request);
    if (this.#options.locate === undefined) this.answerLocate(model, this.load(model));
    else this.#options.locate(model, () => this.load(model));
  }
}

/** A repository whose answers a test sets. */
export class TestRepository implements Repository {
  ready = true;
  index: RepositoryEntry[] = [];
  readonly states = new Map<string, ModelReadiness>();
  readonly loads: string[] = [];
  readonly unloads: string[] = [];
  loadError: MeshError | undefined;
  /** Called within a load; lets a test keep it waiting. */
  onLoad: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();

  entries(): readonly RepositoryEntry[] {
    return this.index;
  }

  readiness(model: ModelKey): ModelReadiness | undefined {
    return this.states.get(model);
  }

  async load(model: ModelKey, signal: AbortSignal): Promise<void> {
    this.loads.push(model);
    await this.onLoad(signal);
    if (this.loadError !== undefined) throw this.loadError;
  }

  async unload(model: ModelKey): Promise<void> {
    this.unloads.push(model);
  }
}
