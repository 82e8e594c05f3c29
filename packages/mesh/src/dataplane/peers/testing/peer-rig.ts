import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Clock,
  durationMs,
  type EpochMs,
  epochMs,
  type InstanceId,
  instanceId,
  type ModelKey,
  modelKey,
} from '@modelmesh/core';
import { SeededRandom } from '@modelmesh/core/testing';
import type { Comparer } from '@modelmesh/core/traffic';
import { GrpcClient, GrpcRouter } from '@modelmesh/grpc/call';
import { Listener } from '@modelmesh/grpc/listen';
import { type ClientConnection, type ConnectTarget, createFrameEngine, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { PEER_PROTOCOL } from '@modelmesh/wire/peer';
import { allowAll } from '../../../authz/index.ts';
import {
  allocateCounters,
  type CallChoice,
  type CallRecord,
  type ChoiceQuery,
  createInProcessLink,
  type InProcessLink,
  type Located,
  type ModelRoute,
  type PeerRoute,
  SlotCounters,
  type SlotRef,
  type ToControl,
} from '../../../link/index.ts';
import { systemClock } from '../../../node/index.ts';
import { type Introduction, servePeers, splitAddress } from '../../../peer/index.ts';
import { EchoRuntime } from '../../../testing/index.ts';
import type { AttemptOutcome, CallFacts, CallLog, ShadowFacts } from '../../call/index.ts';
import { DataPlane, type DataPlaneLimits } from '../../data-plane.ts';
import type { LinkReport } from '../index.ts';

const MIB = 1024 * 1024;
const NOTHING = { models: [], endpoints: [], families: [], peers: [] };
const LIMITS: DataPlaneLimits = {
  messageBytesMax: 16 * MIB,
  replayBytesPerCallMax: 256 * 1024,
  replayBytesMax: 64 * MIB,
  openingBytesMax: 64 * MIB,
  inflateRatioMax: 256,
  multiParallelism: 4,
  waitingCallsPerModelMax: 64,
  waitingCallsMax: 128,
  runtimeWaitersMax: 64,
  unaryTimeoutMs: durationMs(300_000),
};

/** What a test may want otherwise. */
export interface PeerNodeOptions {
  readonly self?: Partial<Introduction>;
  readonly limits?: Partial<DataPlaneLimits>;
  /** Calls that may wait for a link to open. */
  readonly waitingMax?: number;
  /** Another runtime than the echoing one. */
  readonly runtimeAt?: ConnectTarget;
  /** Methods of the runtime, and where they want the model's key. */
  readonly methods?: Readonly<Record<string, readonly number[]>>;
  /** Comparers of plug-ins. */
  readonly comparers?: ReadonlyMap<string, Comparer>;
  /** Real time unless given. */
  readonly clock?: Clock;
}

/** Control's answer to a question; `undefined`: none yet. */
export type AnswerLocate = (question: Extract<ToControl, { kind: 'locate' }>) => Located | undefined;

/** One node: a data plane with an echoing runtime, its two ports, and a control that is the test's to play. */
export class PeerNode {
  readonly instance: InstanceId;
  readonly runtime: EchoRuntime;
  readonly dataPlane: DataPlane;
  readonly counters: SlotCounters;
  readonly client: GrpcClient;
  readonly said: ToControl[] = [];
  readonly reports: LinkReport[] = [];
  readonly finished: CallFacts[] = [];
  /** What came of each attempt at another node. */
  readonly forwarded: AttemptOutcome[] = [];
  /** What the log was to say of each run of the runtime here. */
  readonly logged: (CallLog | undefined)[] = [];
  /** What became of calls that shadows were to get, each told to {@link onShadow} as it comes. */
  readonly shadowed: ShadowFacts[] = [];
  onShadow: () => void = () => {};
  /** Headers that this node logs. */
  readonly loggedHeaders: string[] = [];
  /** Plays control's part; asked for a place it has no answer unless a test gives one. */
  locate: AnswerLocate = () => undefined;
  /** Plays control's part: what of names the registry itself knows is routed before it resolves. */
  lookUp: (names: readonly string[]) => Promise<void> = async () => {};
  readonly #link: InProcessLink;
  readonly #runtimePath: string;
  readonly #folder: string;
  readonly #listener: Listener;
  readonly #peerListener: Listener;
  readonly #connection: ClientConnection;
  readonly #options: PeerNodeOptions;
  readonly #clock: Clock;
  #version = 0;
  #slots = 0;

  private constructor(name: string, folder: string, options: PeerNodeOptions, self: Introduction) {
    this.instance = instanceId(name);
    this.#folder = folder;
    this.#options = options;
    const { clock = systemClock } = options;
    this.#clock = clock;
    const engine = createFrameEngine({ clock, poison: true });
    this.#runtimePath = join(folder, 'rt.sock');
    this.runtime = new EchoRuntime({ path: this.#runtimePath });
    const link = createInProcessLink({ clone: true });
    this.#link = link;
    link.control.onMessage = (message) => this.#hear(message);
    const memory = allocateCounters(1, 64);
    this.counters = new SlotCounters(memory);
    const timers = new TimerWheel(clock);
    this.dataPlane = new DataPlane({
      worker: 0,
      instance: this.instance,
      clock,
      timers,
      engine,
      runtimeLimits: DEFAULT_STREAM_LIMITS,
      counters: memory,
      link: link.dataPlane,
      metrics: {
        call: (facts) => this.finished.push(facts),
        attempt: (_method, _code, _tookMs, _model, log) => this.logged.push(log),
        forwarded: (outcome) => this.forwarded.push(outcome),
        cacheMiss: () => {},
        shadow: (facts) => {
          this.shadowed.push(facts);
          this.onShadow();
        },
        loggedFields: (headers) =>
          this.loggedHeaders.length === 0
            ? null
            : Object.fromEntries(this.loggedHeaders.map((name) => [name, headers.get(name) ?? ''])),
      },
      authorizer: allowAll,
      random: new SeededRandom(1, 'variants'),
      limits: { ...LIMITS, ...options.limits },
      rules: { rules: new Map(), allowOthers: true },
      comparers: options.comparers ?? new Map(),
      peers: {
        self,
        random: new SeededRandom(7),
        waitingMax: options.waitingMax ?? 1000,
        connect: (address) => engine.connect({ kind: 'tcp', ...splitAddress(address) }, DEFAULT_STREAM_LIMITS),
        report: (facts) => this.reports.push(facts),
      },
    });
    const router = new GrpcRouter({ clock, timers, messageBytesMax: MIB, fallback: this.dataPlane.acceptPeer });
    const absent = { kind: 'absent', message: 'control is a test' } as const;
    servePeers(
      router,
      { self, load: async () => absent, copy: () => absent, unload: () => {}, explain: async () => [], diff: async () => [] },
      clock,
    );
    this.#listener = new Listener({ engine, limits: DEFAULT_STREAM_LIMITS, accept: this.dataPlane.accept });
    this.#peerListener = new Listener({ engine, limits: DEFAULT_STREAM_LIMITS, accept: router.accept });
    // Connects with the first call, when the port is known.
    this.#connection = lazily(() => engine.connect({ kind: 'tcp', host: '127.0.0.1', port: this.port }, DEFAULT_STREAM_LIMITS));
    this.client = new GrpcClient(this.#connection, { clock, timers, authority: name, messageBytesMax: 64 * MIB });
  }

  /** A node whose ports are open and whose runtime is up. */
  static async start(name: string, options: PeerNodeOptions = {}): Promise<PeerNode> {
    const self = { protocol: PEER_PROTOCOL, cluster: 'test', instance: instanceId(name), incarnation: '1', features: [] };
    const node = new PeerNode(name, mkdtempSync(join(tmpdir(), 'mesh-peer-')), options, { ...self, ...options.self });
    await node.runtime.listen();
    for (const listener of [node.#listener, node.#peerListener])
      await listener.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
    node.#link.control.send({ kind: 'route-snapshot', epoch: 1, version: 0, last: true, parts: NOTHING });
    node.runtimeUp();
    await node.settle();
    return node;
  }

  get port(): number {
    return this.#listener.port;
  }

  /** How others reach it. */
  get asPeer(): PeerRoute {
    return { instance: this.instance, incarnation: '1', address: `127.0.0.1:${this.#peerListener.port}`, draining: false };
  }

  /** Control: the runtime is there. */
  runtimeUp(epoch = 1): void {
    const target = this.#options.runtimeAt ?? ({ kind: 'unix', path: this.#runtimePath } as const);
    const methods = new Map(Object.entries(this.#options.methods ?? {}));
    this.#link.control.send({ kind: 'runtime-up', access: { epoch, target, methods, anyMethod: true } });
  }

  /** Control: the runtime is gone. */
  runtimeDown(): void {
    this.#link.control.send({ kind: 'runtime-down', restarting: true, message: 'the runtime ended' });
  }

  /** Lets messages between control and data plane arrive. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Control: a slot of a loaded copy that serves. */
  serve(key: string): SlotRef {
    this.runtime.loaded.add(key);
    const slot = { index: this.#slots, generation: 1 };
    this.#slots += 1;
    this.counters.open(slot, this.#clock.wallMs());
    return slot;
  }

  /** Control: how to reach other nodes; those of `gone` are no more. */
  knows(peers: readonly PeerRoute[], gone: readonly string[] = []): Promise<void> {
    return this.#delta({ ...NOTHING, peers }, { ...NOTHING, peers: gone.map(instanceId) });
  }

  /** Control: where the copies of a model are; claimed at `at`, long ago unless given. */
  async route(key: string, local: SlotRef | null, remote: readonly string[] = [], at: EpochMs = epochMs(1)): Promise<void> {
    const copies = remote.map((name) => ({ instance: instanceId(name), sinceMs: at }));
    const model: ModelRoute = { key: modelKey(key), family: null, version: null, local, remote: copies, retry: 'safe' };
    await this.#delta({ ...NOTHING, models: [model] }, NOTHING);
  }

  /** Control: the answer to a question that was left open. */
  located(request: number, key: string, outcome: Located): Promise<void> {
    this.#link.control.send({ kind: 'located', request, model: modelKey(key) as ModelKey, outcome });
    return this.settle();
  }

  /** What the data plane said to control, of one kind. */
  heard<Kind extends ToControl['kind']>(kind: Kind): Extract<ToControl, { kind: Kind }>[] {
    return this.said.filter((message): message is Extract<ToControl, { kind: Kind }> => message.kind === kind);
  }

  /** Records of calls that failed or were repeated. */
  get records(): readonly CallRecord[] {
    return this.heard('call-ended').map(({ record }) => record);
  }

  /** What the data plane tells control when somebody asks for the copies that it chose. */
  async explain(query: Partial<ChoiceQuery> = {}, limit = 1000): Promise<readonly CallChoice[]> {
    const request = this.heard('explained').length + 1;
    this.#link.control.send({ kind: 'explain', request, query: { model: null, requestId: null, ...query }, limit });
    await this.settle();
    const answer = this.heard('explained').find((message) => message.request === request);
    if (answer === undefined) throw new Error('the data plane does not answer');
    return answer.choices;
  }

  /** Resolves once so many shadows are over, or were none. */
  shadowsOver(count: number): Promise<readonly ShadowFacts[]> {
    return new Promise((resolve) => {
      this.onShadow = () => {
        if (this.shadowed.length >= count) resolve(this.shadowed);
      };
      this.onShadow();
    });
  }

  /** Calls of this node that are at another. */
  callsAt(other: PeerNode): number {
    return this.dataPlane.plane.peers?.inFlight(other.instance) ?? 0;
  }

  /** Ends as a process that is killed: everything breaks at once. */
  async kill(): Promise<void> {
    this.#connection.close();
    await Promise.all([this.#listener, this.#peerListener].map((listener) => listener.close(this.#clock, durationMs(0))));
    this.dataPlane.close();
    await this.runtime.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #delta(put: typeof NOTHING | object, remove: typeof NOTHING | object): Promise<void> {
    const from = this.#version;
    this.#version += 1;
    const parts = { ...NOTHING, ...put };
    this.#link.control.send({
      kind: 'route-delta',
      epoch: 1,
      from,
      to: this.#version,
      put: parts,
      remove: { ...NOTHING, ...remove },
    });
    await this.settle();
  }

  #hear(message: ToControl): void {
    this.said.push(message);
    if (message.kind === 'look-up') {
      const { request } = message;
      const answer = (): void => this.#link.control.send({ kind: 'looked-up', request });
      this.lookUp(message.names).then(answer, answer);
    }
    if (message.kind !== 'locate') return;
    const outcome = this.locate(message);
    if (outcome !== undefined)
      this.#link.control.send({ kind: 'located', request: message.request, model: message.model, outcome });
  }
}

/** A connection that is made when it is first needed. */
function lazily(connect: () => ClientConnection): ClientConnection {
  let made: ClientConnection | undefined;
  const connection = (): ClientConnection => {
    made ??= connect();
    return made;
  };
  return {
    get state() {
      return connection().state;
    },
    onState: undefined,
    open: (...call) => connection().open(...call),
    connect: () => connection().connect(),
    ping: (answered) => connection().ping(answered),
    close: () => made?.close(),
  };
}

/** Nodes that know each other, under the names given; `await using` ends them all. */
export class PeerMesh implements AsyncDisposable {
  readonly nodes: readonly PeerNode[];

  private constructor(nodes: readonly PeerNode[]) {
    this.nodes = nodes;
  }

  static async of(names: readonly string[], options: (name: string) => PeerNodeOptions = () => ({})): Promise<PeerMesh> {
    const nodes = await Promise.all(names.map((name) => PeerNode.start(name, options(name))));
    for (const node of nodes) await node.knows(nodes.filter((other) => other !== node).map(({ asPeer }) => asPeer));
    return new PeerMesh(nodes);
  }

  /** The node of that place. */
  at(index: number): PeerNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill().catch(() => {})));
  }
}
