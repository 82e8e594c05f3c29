import { durationMs, type InstanceId, instanceId, sizeUnits } from '@modelmesh/core';
import { type CacheConfig, DEFAULT_CACHE_CONFIG } from '@modelmesh/core/cache';
import { Scope } from '@modelmesh/core/scope';
import { GrpcRouter } from '@modelmesh/grpc/call';
import { type ClientConnection, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { allowAll } from '@modelmesh/mesh/authz';
import { DataPlane, type DataPlaneLimits } from '@modelmesh/mesh/dataplane';
import { allocateCounters, type CounterMemory, createInProcessLink, SlotCounters } from '@modelmesh/mesh/link';
import { ALONE, type NodeEvent, type RunningControl, startControl } from '@modelmesh/mesh/node';
import { type Introduction, StreamPeers, servePeers, splitAddress } from '@modelmesh/mesh/peer';
import { PEER_PROTOCOL } from '@modelmesh/wire/peer';
import { Actor, ActorClock, type World } from '../engine/index.ts';
import { type Endpoint, type Network, SimEngine, type SimListener } from '../network/index.ts';
import type { SimKv, SimRegistry } from '../registry/index.ts';
import { type RuntimeMoods, type RuntimeWitness, SimRuntime } from '../runtime/index.ts';
import type { ModelSpec, NodeSpec } from '../scenario/index.ts';

const KIB = 1024;
/** Slots of a node: few, so that running out of them happens. */
const SLOTS = 64;

const LIMITS: DataPlaneLimits = {
  messageBytesMax: 4 * KIB * KIB,
  replayBytesPerCallMax: 256 * KIB,
  replayBytesMax: 1024 * KIB,
  openingBytesMax: 1024 * KIB,
  inflateRatioMax: 256,
  waitingCallsPerModelMax: 1000,
  waitingCallsMax: 4000,
  runtimeWaitersMax: 1000,
  multiParallelism: 4,
  unaryTimeoutMs: durationMs(300_000),
};

/** Production's times, but for those that are longer than a scenario. */
export const SIMULATED_CACHE: CacheConfig = {
  ...DEFAULT_CACHE_CONFIG,
  copiesMax: SLOTS,
  spaceWaitMs: durationMs(60_000),
  drainGraceMs: durationMs(15_000),
  failureExpiryMs: durationMs(20_000),
  leakMaxUnits: sizeUnits(8192),
};

/** After a drain begins, streams that are still open have so long to end. */
const SHUTDOWN_GRACE_MS = 10_000;
const SHUTDOWN_LOOK_MS = 100;
/** Before that, copies are moved elsewhere for so long. */
const MIGRATION_MS = 8000;

/** What the lives of nodes share. */
export interface Surroundings {
  readonly world: World;
  readonly network: Network;
  readonly registry: SimRegistry;
  readonly models: ReadonlyMap<string, ModelSpec>;
  readonly witness: RuntimeWitness;
  onNodeEvent(life: NodeLife, event: NodeEvent): void;
}

/** Where a life stands. */
export type LifePhase = 'starting' | 'serving' | 'leaving' | 'over';

/** One life of one node: production's control and data plane on simulated ports, from start to end. */
export class NodeLife {
  readonly spec: NodeSpec;
  readonly instance: InstanceId;
  readonly endpoint: Endpoint;
  readonly clock: ActorClock;
  readonly runtime: SimRuntime;
  readonly kv: SimKv;
  readonly dataPlane: DataPlane;
  readonly timers: TimerWheel;
  readonly counters: SlotCounters;
  readonly scope: Scope;
  phase: LifePhase = 'starting';
  running: RunningControl | undefined;
  readonly #around: Surroundings;
  readonly #memory: CounterMemory;
  readonly #link = createInProcessLink();
  readonly #peers: StreamPeers;
  readonly #self: Introduction;
  #peerListener: SimListener | undefined;
  #listener: SimListener | undefined;

  constructor(around: Surroundings, spec: NodeSpec, life: number, id: string, moods: RuntimeMoods) {
    const { world, network, registry } = around;
    this.#around = around;
    this.spec = spec;
    this.instance = instanceId(id);
    const actor = new Actor(`${id}#${life}`);
    this.endpoint = { actor, host: spec.id };
    this.clock = new ActorClock(world, actor, spec);
    this.scope = new Scope('node', ({ task, error }) =>
      world.violate('no loop of a node fails', `${actor.name} ${task}: ${error}`),
    );
    this.kv = registry.connect(this.endpoint);
    this.#memory = allocateCounters(1, SLOTS);
    this.counters = new SlotCounters(this.#memory);
    this.timers = new TimerWheel(this.clock);
    this.runtime = new SimRuntime({ ...around, node: this.endpoint, spec: spec.runtime, moods });
    const engine = new SimEngine(network, this.endpoint, this.clock);
    this.#self = {
      protocol: PEER_PROTOCOL,
      cluster: 'simulated',
      instance: this.instance,
      incarnation: `${id}.${life}`,
      features: [],
    };
    const self = this.#self;
    const connect = (address: string): ClientConnection =>
      engine.connect({ kind: 'tcp', ...splitAddress(address) }, DEFAULT_STREAM_LIMITS);
    this.#peers = new StreamPeers({ self, clock: this.clock, timers: this.timers, connect });
    this.dataPlane = new DataPlane({
      worker: 0,
      instance: this.instance,
      clock: this.clock,
      timers: this.timers,
      engine,
      runtimeLimits: DEFAULT_STREAM_LIMITS,
      counters: this.#memory,
      link: this.#link.dataPlane,
      metrics: { call: () => {}, attempt: () => {}, cacheMiss: () => {} },
      authorizer: allowAll,
      limits: LIMITS,
      rules: { rules: new Map(), allowOthers: true },
      random: world.random(`variants ${actor.name}`),
      peers: {
        self,
        random: world.random(`peers ${actor.name}`),
        waitingMax: 1000,
        connect,
      },
    });
  }

  get actor(): Actor {
    return this.endpoint.actor;
  }

  /** Where clients call it. */
  get address(): string {
    return `${this.spec.id}:8033`;
  }

  /** Where other nodes reach it. */
  get peerAddress(): string {
    return `${this.spec.id}:8034`;
  }

  /** Starts as the program does: control first, then the port. Rejects when it cannot; then the process ends. */
  async start(): Promise<void> {
    const { network, registry } = this.#around;
    this.running = await startControl({
      ...ALONE,
      incarnation: this.#self.incarnation,
      peerAddress: this.peerAddress,
      peers: this.#peers,
      instance: this.instance,
      location: this.spec.id,
      zone: this.spec.zone,
      labels: new Set(),
      defaultEndpointOwner: '',
      cache: SIMULATED_CACHE,
      clock: this.clock,
      scope: this.scope,
      kv: this.kv,
      layout: registry.layout,
      runtime: this.runtime,
      counters: this.#memory,
      link: this.#link.control,
      metrics: { cacheMetric: () => {} },
    });
    this.running.control.subscribe(0, (event) => this.#around.onNodeEvent(this, event));
    this.dataPlane.start();
    const { clock, timers, dataPlane } = this;
    const router = new GrpcRouter({ clock, timers, messageBytesMax: LIMITS.messageBytesMax, fallback: dataPlane.acceptPeer });
    servePeers(router, { self: this.#self, ...this.running.peerAnswers }, clock);
    this.#peerListener = network.listen(this.peerAddress, this.endpoint, router.accept);
    this.#listener = network.listen(this.address, this.endpoint, this.dataPlane.accept);
    this.phase = 'serving';
  }

  /** Leaves as the program does on SIGTERM. */
  async close(): Promise<void> {
    this.phase = 'leaving';
    await this.running?.leave(durationMs(MIGRATION_MS));
    await Promise.all([this.#leave(this.address, this.#listener), this.#leave(this.peerAddress, this.#peerListener)]);
    this.dataPlane.close();
    await this.running?.close();
    this.#peers.close();
    await this.runtime.close();
    await this.scope.close();
    await this.kv.close();
  }

  /** Ends without a word: nothing of it happens any more. */
  kill(silent: boolean): void {
    const { world, network, registry } = this.#around;
    this.phase = 'over';
    this.runtime.nodeEnded();
    world.kill(this.actor);
    registry.processEnded(this.actor);
    network.processEnded(this.actor, silent);
  }

  /** Takes nothing new at the port, and lets what is under way end within the grace. */
  async #leave(address: string, listener: SimListener | undefined): Promise<void> {
    if (listener === undefined) return;
    listener.draining = true;
    for (const lane of [...listener.lanes]) lane.drain();
    const untilMs = this.clock.monotonicMs() + SHUTDOWN_GRACE_MS;
    while (listener.lanes.size > 0 && this.clock.monotonicMs() < untilMs) {
      await new Promise<void>((resolve) => this.clock.after(durationMs(SHUTDOWN_LOOK_MS), resolve));
    }
    for (const lane of [...listener.lanes]) lane.destroy();
    this.#around.network.unlisten(address, listener);
  }
}
