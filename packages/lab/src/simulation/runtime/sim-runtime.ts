import { type Bytes, bytes, durationMs, MeshError, type ModelKey } from '@modelmesh/core';
import type { AcceptStream } from '@modelmesh/grpc/stream';
import type { LoadedModel, Runtime, RuntimeModel, RuntimeReady, RuntimeState, RuntimeUsage } from '@modelmesh/mesh/runtime';
import { Actor, type Chance, type World } from '../engine/index.ts';
import type { Endpoint, Network, SimListener } from '../network/index.ts';
import type { ModelSpec, RuntimeSpec } from '../scenario/index.ts';
import { type RuntimeAnswers, RuntimeCall } from './runtime-call.ts';
import { type Artifact, RuntimeMemory } from './runtime-memory.ts';
import type { RuntimeMoods } from './runtime-moods.ts';

/** What is told of a runtime to those who watch it. */
export interface RuntimeWitness {
  loadBegan(runtime: SimRuntime, model: string, artifact: string): void;
  loadEnded(runtime: SimRuntime, model: string, loaded: boolean): void;
  /** Before anything of it is done. */
  unloadBegan(runtime: SimRuntime, model: string): void;
  /** A call arrived whole; `loaded`: what it is answered by, `null` where the model is not there. */
  callBegan(runtime: SimRuntime, callId: string, model: string, loaded: Artifact | null): void;
  /** The answer leaves it. */
  callAnswered(runtime: SimRuntime, callId: string): void;
}

/** Between node and runtime, one way, in milliseconds. */
const WAY_MS = 0.1;
/** How soon an unload is done, and after what time one that hangs is given up by the node. */
const UNLOAD_MS = 5;
const HANG_MS = 20_000;
const MIB = 1024 * 1024;

/** One request of the node that has not been answered. */
interface Pending {
  fail(error: MeshError): void;
}

/** The runtime of one node: production's runtime port in front, and a process that loads, serves, leaks, lies and dies behind. */
export class SimRuntime implements Runtime, RuntimeAnswers {
  onState: (state: RuntimeState) => void = () => {};
  state: RuntimeState = { kind: 'starting' };
  readonly moods: RuntimeMoods;
  readonly memory: RuntimeMemory;
  readonly node: Endpoint;
  readonly world: World;
  readonly #network: Network;
  readonly #spec: RuntimeSpec;
  readonly #models: ReadonlyMap<string, ModelSpec>;
  readonly #witness: RuntimeWitness;
  readonly #random: Chance;
  readonly #pending = new Set<Pending>();
  #process: Endpoint | undefined;
  #listener: SimListener | undefined;
  #epoch = 0;
  #closed = false;

  constructor(parts: {
    readonly world: World;
    readonly network: Network;
    readonly node: Endpoint;
    readonly spec: RuntimeSpec;
    readonly models: ReadonlyMap<string, ModelSpec>;
    readonly moods: RuntimeMoods;
    readonly witness: RuntimeWitness;
  }) {
    this.world = parts.world;
    this.#network = parts.network;
    this.node = parts.node;
    this.#spec = parts.spec;
    this.#models = parts.models;
    this.#witness = parts.witness;
    this.moods = parts.moods;
    this.memory = new RuntimeMemory(parts.spec);
    this.#random = parts.world.random(`runtime ${parts.node.actor.name}`);
  }

  /** Lives of the process so far. */
  get epoch(): number {
    return this.#epoch;
  }

  start(): void {
    this.#startProcess(this.#spec.startMs);
  }

  /** The process ends, and is started again after `backMs`. */
  dies(backMs: number, message = 'the runtime ended (signal SIGKILL)'): void {
    if (this.#process === undefined || this.#closed) return;
    this.#endProcess();
    this.world.in(this.node.actor, WAY_MS, 'runtime lost', () => {
      for (const pending of [...this.#pending])
        pending.fail(new MeshError('unavailable', 'the connection to the runtime was lost'));
      this.#become({ kind: 'lost', message });
      this.#startProcess(backMs);
    });
  }

  /** It forgets a model without a word. */
  loses(model: string): void {
    this.memory.drop(model);
  }

  async predictBytes(model: RuntimeModel): Promise<Bytes | null> {
    const spec = this.#models.get(model.key);
    return this.#ask(`predict ${model.key}`, WAY_MS, () =>
      this.#spec.predicts === 0 || spec === undefined ? null : bytes(Math.round(spec.sizeMiB * MIB * this.#spec.predicts)),
    );
  }

  load(model: RuntimeModel, signal: AbortSignal): Promise<LoadedModel> {
    const spec = this.#models.get(model.key);
    const runtime = this.#process?.actor;
    if (runtime === undefined || this.state.kind !== 'ready')
      return Promise.reject(new MeshError('unavailable', 'the runtime is away'));
    if (spec === undefined) return Promise.reject(new MeshError('load-failed', `NOT_FOUND: no such model ${model.key}`));
    const { world, node } = this;
    const loadMs = spec.loadMs * (0.75 + 0.5 * this.#random.unit()) * this.moods.loadFactor;
    const refused = spec.broken || this.#random.unit() < this.moods.refusedLoads;
    return new Promise((resolve, reject) => {
      const pending = this.#pend(reject);
      this.#witness.loadBegan(this, model.key, model.path);
      const loading = this.memory.begin(model.key, model.path);
      const done = world.in(runtime, loadMs, `load ${model.key}`, () => {
        const loaded = !refused && !signal.aborted;
        if (loaded) this.memory.loaded(loading, spec);
        else this.memory.gaveUp(loading);
        this.#witness.loadEnded(this, model.key, loaded);
        world.in(node.actor, WAY_MS, `loaded ${model.key}`, () => {
          if (!this.#pending.delete(pending)) return;
          if (loaded) resolve({ bytes: this.#sizeOf(spec), concurrency: null });
          else reject(new MeshError('load-failed', `INTERNAL: the model ${model.key} cannot be loaded`));
        });
      });
      signal.addEventListener('abort', () => {
        if (!this.#pending.delete(pending)) return;
        done.cancel();
        this.memory.gaveUp(loading);
        this.#witness.loadEnded(this, model.key, false);
        reject(new MeshError('cancelled', 'the load was cancelled'));
      });
    });
  }

  unload(key: ModelKey): Promise<void> {
    this.#witness.unloadBegan(this, key);
    const fails = this.#random.unit() < this.moods.failingUnloads;
    if (this.moods.hangingUnloads) {
      return this.#ask(`unload of ${key} that hangs`, HANG_MS, () => {
        throw new MeshError('unavailable', 'the runtime did not unload the model in time');
      });
    }
    return this.#ask(`unload ${key}`, UNLOAD_MS, () => {
      if (fails) throw new MeshError('load-failed', 'INTERNAL: the model cannot be unloaded');
      this.memory.unload(key);
    });
  }

  async modelBytes(key: ModelKey): Promise<Bytes | null> {
    const spec = this.#models.get(key);
    return this.#ask(`size of ${key}`, WAY_MS, () => (spec === undefined ? null : this.#sizeOf(spec)));
  }

  usage(): Promise<RuntimeUsage | null> {
    return this.#ask('usage', WAY_MS, () => (this.#spec.measures ? this.memory.usage() : null));
  }

  async releaseFiles(): Promise<void> {}

  async recycle(reason: string): Promise<void> {
    this.dies(this.#spec.startMs, `the runtime is recycled: ${reason}`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#process !== undefined) this.#endProcess();
    for (const pending of [...this.#pending]) pending.fail(new MeshError('unavailable', 'the runtime was closed'));
  }

  /** The node is gone, and the runtime with it. */
  nodeEnded(): void {
    this.#closed = true;
    if (this.#process !== undefined) this.#endProcess();
  }

  inferMs(model: string): number {
    return (this.#models.get(model)?.inferMs ?? 1) * (0.75 + 0.5 * this.#random.unit());
  }

  answersUnavailable(): boolean {
    return this.#random.unit() < this.moods.unavailableAnswers;
  }

  callBegan(callId: string, model: string): Artifact | null {
    const loaded = this.memory.artifactOf(model);
    this.#witness.callBegan(this, callId, model, loaded);
    return loaded;
  }

  callAnswered(callId: string): void {
    this.#witness.callAnswered(this, callId);
  }

  #startProcess(afterMs: number): void {
    const { world, node } = this;
    world.in(node.actor, afterMs, 'runtime started', () => {
      if (this.#closed || this.#process !== undefined) return;
      this.#epoch += 1;
      const process: Endpoint = { actor: new Actor(`${node.actor.name} runtime ${this.#epoch}`), host: node.host };
      this.#process = process;
      this.memory.clear();
      const accept: AcceptStream = (stream, headers, end) => new RuntimeCall(this, process.actor, stream, headers, end);
      this.#listener = this.#network.listen(this.#address, process, accept);
      this.#become({ kind: 'ready', facts: this.#facts() });
    });
  }

  #endProcess(): void {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    this.world.kill(process.actor);
    this.#network.processEnded(process.actor, false);
    if (this.#listener !== undefined) this.#network.unlisten(this.#address, this.#listener);
    this.memory.clear();
  }

  get #address(): string {
    return `/simulated/${this.node.actor.name}/runtime`;
  }

  #facts(): RuntimeReady {
    const { capacityMiB, loadingConcurrency, loadTimeoutMs, defaultModelMiB } = this.#spec;
    return {
      epoch: this.#epoch,
      capacityBytes: bytes(capacityMiB * MIB),
      loadingConcurrency,
      loadTimeoutMs: durationMs(loadTimeoutMs),
      defaultModelBytes: bytes(defaultModelMiB * MIB),
      version: 'simulated',
      methods: new Map(),
      anyMethod: true,
      inference: { kind: 'unix', path: this.#address },
    };
  }

  #become(state: RuntimeState): void {
    this.state = state;
    this.onState(state);
  }

  #sizeOf(spec: ModelSpec): Bytes | null {
    return this.#spec.says === 0 ? null : bytes(Math.round(spec.sizeMiB * MIB * this.#spec.says));
  }

  #pend(reject: (error: MeshError) => void): Pending {
    const pending: Pending = {
      fail: (error) => {
        if (this.#pending.delete(pending)) reject(error);
      },
    };
    this.#pending.add(pending);
    return pending;
  }

  #ask<Answer>(what: string, afterMs: number, answer: () => Answer): Promise<Answer> {
    const process = this.#process?.actor;
    if (process === undefined) return Promise.reject(new MeshError('unavailable', 'the runtime is away'));
    const { world, node } = this;
    return new Promise((resolve, reject) => {
      const pending = this.#pend(reject);
      world.in(process, afterMs, what, () => {
        let told: () => void;
        try {
          const value = answer();
          told = () => resolve(value);
        } catch (error) {
          told = () => reject(error);
        }
        world.in(node.actor, WAY_MS, `answer ${what}`, () => {
          if (this.#pending.delete(pending)) told();
        });
      });
    });
  }
}
