import { durationMs, epochMs, type InstanceId, instanceId, MeshError, modelKey } from '@modelmesh/core';
import { type CacheConfig, DEFAULT_CACHE_CONFIG } from '@modelmesh/core/cache';
import type { ModelRecord } from '@modelmesh/core/records';
import { Scope } from '@modelmesh/core/scope';
import { FakeClock } from '@modelmesh/core/testing';
import type { MirrorDiff } from '@modelmesh/core/traffic';
import { registryLayout, schemaKey } from '@modelmesh/wire/registry';
import { type Kv, openRegistry } from '../../kv/index.ts';
import {
  type ArmCount,
  allocateCounters,
  createInProcessLink,
  type EndpointRoute,
  type InProcessLink,
  type LocateAsk,
  type Located,
  SlotCounters,
  type SlotRef,
  type ToDataPlane,
} from '../../link/index.ts';
import type { PeerAddress, Peers } from '../../peer/index.ts';
import { abortable } from '../placing/index.ts';
import { ALONE, type ControlSetup, type RunningControl, startControl } from '../start-control.ts';
import { FakeRuntime } from './fake-runtime.ts';

const LAYOUT = registryLayout({ root: '', prefix: 'mm', service: 'test' });
const STEP_MS = 500;
/** Nodes that ask each other for more loads than this ask without end. */
const PEER_LOADS_MAX = 10_000;

/** What a test may want otherwise of one node. */
export interface RigNodeOptions
  extends Partial<
    Pick<
      ControlSetup,
      | 'labels'
      | 'zone'
      | 'constraints'
      | 'scaling'
      | 'readOnly'
      | 'incarnation'
      | 'expressionsOf'
      | 'policyAbilities'
      | 'random'
      | 'strategyPeriodMs'
      | 'weightsPlugins'
    >
  > {
  readonly cache?: Partial<CacheConfig>;
  /** Memory of its runtime in MiB; each model takes one. */
  readonly capacityMib?: number;
  /** Puts something between its control and the store. */
  readonly kv?: (kv: Kv) => Kv;
}

/** Control of one node of a {@link MeshRig}; its data plane is the test's to play. */
export class RigNode {
  readonly id: InstanceId;
  readonly incarnation: string;
  readonly runtime = new FakeRuntime();
  readonly counters: SlotCounters;
  readonly told: ToDataPlane[] = [];
  /** Its data plane hangs: it takes no route table over. */
  hangs = false;
  readonly running: RunningControl;
  readonly scope: Scope;
  /** What the data plane says of shadows. */
  diffs: readonly MirrorDiff[] = [];
  readonly #rig: MeshRig;
  readonly #link: InProcessLink;
  #requests = 0;

  constructor(
    rig: MeshRig,
    parts: Pick<RigNode, 'id' | 'incarnation' | 'runtime' | 'counters' | 'running' | 'scope'> & { readonly link: InProcessLink },
  ) {
    this.#rig = rig;
    this.#link = parts.link;
    this.id = parts.id;
    this.incarnation = parts.incarnation;
    this.runtime = parts.runtime;
    this.counters = parts.counters;
    this.running = parts.running;
    this.scope = parts.scope;
    parts.link.dataPlane.onMessage = (message) => {
      this.told.push(message);
      if (message.kind === 'route-snapshot' && message.last) this.#acknowledge(message.epoch, message.version);
      if (message.kind === 'route-delta') this.#acknowledge(message.epoch, message.to);
      if (message.kind === 'diff') parts.link.dataPlane.send({ kind: 'diffed', request: message.request, diffs: this.diffs });
      if (message.kind !== 'explain') return;
      parts.link.dataPlane.send({ kind: 'explained', request: message.request, choices: [] });
    };
    parts.link.dataPlane.send({ kind: 'snapshot-wanted' });
  }

  #acknowledge(epoch: number, version: number): void {
    if (!this.hangs) this.#link.dataPlane.send({ kind: 'ack', epoch, version });
  }

  /** The route of an endpoint as its data plane was told it last. */
  endpointRoute(id: string): EndpointRoute | undefined {
    const parts = this.told.flatMap((message) => {
      if (message.kind === 'route-snapshot') return [message.parts];
      return message.kind === 'route-delta' ? [message.put] : [];
    });
    return parts.flatMap(({ endpoints }) => endpoints).findLast((route) => route.id === id);
  }

  /** Asks where a call can go, and lets the answer come. */
  async locate(
    model: string,
    ask: LocateAsk = { kind: 'anywhere' },
    exclude: readonly string[] = [],
    refused: Readonly<Record<string, number | null>> = {},
  ): Promise<Located | undefined> {
    const request = this.ask(model, ask, exclude, refused);
    await this.#rig.settle();
    return this.answerTo(request);
  }

  /** Asks where a call can go; the number of the question. */
  ask(
    model: string,
    ask: LocateAsk = { kind: 'anywhere' },
    exclude: readonly string[] = [],
    refused: Readonly<Record<string, number | null>> = {},
  ): number {
    this.#requests += 1;
    this.#link.dataPlane.send({
      kind: 'locate',
      request: this.#requests,
      model: modelKey(model),
      lastUsedMs: this.#rig.clock.wallMs(),
      ask,
      exclude: exclude.map(instanceId),
      refused: Object.entries(refused).map(([id, sinceMs]) => ({
        instance: instanceId(id),
        sinceMs: sinceMs === null ? null : epochMs(sinceMs),
      })),
    });
    return this.#requests;
  }

  /** The answer to a question; `undefined` as long as there is none. */
  answerTo(request: number): Located | undefined {
    for (const message of this.told) if (message.kind === 'located' && message.request === request) return message.outcome;
    return undefined;
  }

  /** The data plane does not reach a peer any more, or reaches it again. */
  async reaches(peer: Pick<RigNode, 'id' | 'incarnation'>, reachable: boolean): Promise<void> {
    this.#link.dataPlane.send({ kind: 'peer-state', instance: peer.id, incarnation: peer.incarnation, reachable });
    await this.#rig.settle();
  }

  /** Its workers counted calls for strategies. */
  counts(counts: readonly ArmCount[]): void {
    this.#link.dataPlane.send({ kind: 'arms', counts });
  }

  /** A call enters the copy; ends with what is returned. */
  call(slot: SlotRef): (tookMs: number) => void {
    if (!this.counters.enter(0, slot, this.#rig.clock.wallMs())) throw new Error('the copy does not serve');
    return (tookMs) => {
      this.counters.leave(0, slot, true, tookMs);
    };
  }

  record(model: string): ModelRecord | undefined {
    return this.running.control.model(model)?.record;
  }

  ensure(model: string, sync = true) {
    return this.running.control.ensureLoaded(model, this.#rig.clock.wallMs(), sync, new AbortController().signal);
  }
}

/** Production control of several nodes over one store and under one fake clock, without a data plane and without sockets. */
export class MeshRig {
  readonly clock: FakeClock;
  readonly kv: Kv;
  readonly nodes = new Map<string, RigNode>();
  /** Nodes that nobody reaches. */
  readonly unreachable = new Set<string>();
  /** Loads that nodes asked each other for. */
  peerLoads = 0;
  readonly #failures: unknown[] = [];

  private constructor(clock: FakeClock, kv: Kv) {
    this.clock = clock;
    this.kv = kv;
  }

  /** A mesh whose nodes are up and know each other. */
  static async of(names: readonly string[], options: RigNodeOptions = {}): Promise<MeshRig> {
    const rig = await MeshRig.empty();
    for (const name of names) await rig.add(name, options);
    await rig.after(3000);
    return rig;
  }

  /** A mesh without nodes. */
  static async empty(): Promise<MeshRig> {
    const clock = new FakeClock();
    return new MeshRig(clock, await openRegistry('memory', { location: '', clock, schemaKey: schemaKey(LAYOUT) }));
  }

  /** A node joins, and its runtime is up. */
  async add(name: string, options: RigNodeOptions = {}): Promise<RigNode> {
    const { cache, capacityMib, kv, ...others } = options;
    const id = instanceId(name);
    const memory = allocateCounters(1, 256);
    const link = createInProcessLink({ clone: true });
    const scope = new Scope(name, ({ error }) => this.#failures.push(error));
    const runtime = new FakeRuntime();
    if (capacityMib !== undefined) runtime.capacityBytes = capacityMib * 1024 * 1024;
    const running = await startControl({
      ...ALONE,
      instance: id,
      incarnation: name,
      peerAddress: `${name}:8033`,
      peers: this.#peersOf(id),
      location: name,
      zone: '',
      labels: new Set(),
      defaultEndpointOwner: '',
      cache: { ...DEFAULT_CACHE_CONFIG, copiesMax: 256, ...cache },
      clock: this.clock,
      scope,
      kv: kv?.(this.kv) ?? this.kv,
      layout: LAYOUT,
      runtime,
      counters: memory,
      link: link.control,
      metrics: { cacheMetric: () => {} },
      ...others,
    });
    const node = new RigNode(this, {
      id,
      incarnation: options.incarnation ?? name,
      runtime,
      counters: new SlotCounters(memory),
      running,
      scope,
      link,
    });
    this.nodes.set(name, node);
    runtime.comesUp();
    await this.settle();
    return node;
  }

  node(name: string): RigNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  /** Registers models that nobody wants yet. */
  async register(...models: readonly string[]): Promise<void> {
    const [first] = this.nodes.values();
    if (first === undefined) throw new Error('the mesh has no node');
    const info = { type: 'onnx', path: 'p', encKey: '{}' };
    const lastUsedMs = epochMs(0);
    const { signal } = new AbortController();
    for (const modelId of models)
      await first.running.control.registerModel({ modelId, info, loadNow: false, sync: false, lastUsedMs }, signal);
    await this.settle();
  }

  /** Names of the nodes whose runtime holds the model. */
  loadedAt(model: string): readonly string[] {
    return [...this.nodes].flatMap(([name, { runtime }]) => (runtime.loaded.has(model) ? [name] : []));
  }

  /** Loads of the model that were begun, over all nodes. */
  loadsOf(model: string): number {
    return [...this.nodes.values()].reduce(
      (sum, { runtime }) => sum + runtime.loads.filter((load) => load.model.key === model).length,
      0,
    );
  }

  /** Lets everything that is under way at this instant come to its end. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 12; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(0);
    }
  }

  /** Lets time pass in steps that are shorter than whatever must happen in between. */
  async after(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.clock.advance(Math.min(STEP_MS, left));
      await this.settle();
    }
  }

  /** Records of a table that stand in the store. */
  async stored(table: string): Promise<number> {
    const page = await this.kv.range(`/mm/test/${table}/`, { limit: 1000 });
    return page.kind === 'compacted' ? Number.NaN : page.entries.length;
  }

  /** The node leaves in order. */
  async remove(name: string): Promise<void> {
    const { running, scope } = this.node(name);
    await running.close();
    await scope.close();
    this.nodes.delete(name);
  }

  /** The node is gone without a word. */
  async kill(name: string): Promise<void> {
    this.unreachable.add(name);
    await this.node(name).scope.close();
    this.nodes.delete(name);
  }

  /** Ends control of all nodes and checks that no loop failed. */
  async close(): Promise<void> {
    for (const { running, scope } of this.nodes.values()) {
      await running.close();
      await scope.close();
    }
    await this.kv.close();
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  #peersOf(from: InstanceId): Peers {
    const at = ({ instance }: PeerAddress): RigNode => {
      const node = this.nodes.get(instance);
      if (node === undefined || this.unreachable.has(instance) || this.unreachable.has(from))
        throw new MeshError('unavailable', `${instance} cannot be reached`);
      return node;
    };
    return {
      hello: async (peer) => {
        const { clock } = this;
        const { id, incarnation } = at(peer);
        if (incarnation !== peer.incarnation) throw new MeshError('unavailable', 'another life answers there');
        const protocol = { min: 1, max: 1 };
        const hello = { protocol, cluster: 'test', instance: id, incarnation, features: [], wallMs: clock.wallMs() };
        return { hello, protocol: 1, skewMs: 0, roundTripMs: durationMs(1) };
      },
      load: async (peer, load, signal) => {
        this.peerLoads += 1;
        if (this.peerLoads > PEER_LOADS_MAX) throw new MeshError('overloaded', 'nodes ask each other for loads without end');
        // Whoever asked may give up; what was begun there goes on.
        return abortable(at(peer).running.peerAnswers.load(from, load, signal), signal);
      },
      copy: async (peer, model) => at(peer).running.peerAnswers.copy(from, model),
      unload: async (peer, model) => at(peer).running.peerAnswers.unload(from, model),
      explain: (peer, query, signal) => at(peer).running.peerAnswers.explain(query, signal),
      diff: (peer, endpoint, signal) => at(peer).running.peerAnswers.diff(endpoint, signal),
      close: () => {},
    };
  }
}
