import { type Bytes, bytes, durationMs, MeshError, type ModelKey } from '@modelmesh/core';
import type { LoadedModel, Runtime, RuntimeModel, RuntimeReady, RuntimeState, RuntimeUsage } from '../../runtime/index.ts';

const MIB = 1024 * 1024;

/** A load that the runtime was asked for and has not answered. */
export interface PendingLoad {
  readonly model: RuntimeModel;
  readonly signal: AbortSignal;
  done(): void;
  fails(error: MeshError): void;
}

/** A runtime that is the test's to play. Unless `holds` says otherwise it loads and unloads at once. */
export class FakeRuntime implements Runtime {
  onState: (state: RuntimeState) => void = () => {};
  state: RuntimeState = { kind: 'starting' };
  holds = false;
  /** Calls that it runs at a time in a model, if it limits them. */
  concurrency: number | null = null;
  capacityBytes = 1024 * MIB;
  /** What it says of any model before the load; null: it cannot tell. */
  predicts: Bytes | null = null;
  /** What it measures, if it does. */
  measures: RuntimeUsage | null = null;
  readonly loads: PendingLoad[] = [];
  readonly loaded = new Set<string>();
  readonly unloads: string[] = [];
  readonly recycles: string[] = [];
  /** Models whose files it was to give back, and how it does that. */
  readonly releases: string[] = [];
  release: (model: string) => Promise<void> = async () => {};
  #epoch = 0;

  /** A new life: nothing is loaded. */
  comesUp(): void {
    this.#epoch += 1;
    this.loaded.clear();
    const facts: RuntimeReady = {
      epoch: this.#epoch,
      capacityBytes: bytes(this.capacityBytes),
      loadingConcurrency: 2,
      loadTimeoutMs: durationMs(30_000),
      defaultModelBytes: bytes(MIB),
      version: 'fake',
      methods: new Map(),
      anyMethod: true,
      inference: { kind: 'unix', path: '/fake' },
    };
    this.becomes({ kind: 'ready', facts });
  }

  /** Its life ends; with it every load under way, as a broken connection does. */
  dies(): void {
    for (const load of this.loads.splice(0)) load.fails(new MeshError('unavailable', 'the connection was lost'));
    this.becomes({ kind: 'lost', message: 'the runtime ended (signal SIGKILL)' });
  }

  becomes(state: RuntimeState): void {
    this.state = state;
    this.onState(state);
  }

  /** The load of `model` that was asked for last. */
  loadOf(model: string): PendingLoad {
    const load = this.loads.findLast((pending) => pending.model.key === model);
    if (load === undefined) throw new Error(`no load of ${model} was asked for`);
    return load;
  }

  start(): void {}

  async predictBytes(): Promise<Bytes | null> {
    return this.predicts;
  }

  load(model: RuntimeModel, signal: AbortSignal): Promise<LoadedModel> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.loaded.add(model.key);
        resolve({ bytes: bytes(MIB), concurrency: this.concurrency });
      };
      this.loads.push({ model, signal, done, fails: reject });
      signal.addEventListener('abort', () => reject(new MeshError('cancelled', 'the load was cancelled')));
      if (!this.holds) done();
    });
  }

  async unload(key: ModelKey): Promise<void> {
    this.unloads.push(key);
    this.loaded.delete(key);
  }

  async modelBytes(): Promise<null> {
    return null;
  }

  async usage(): Promise<RuntimeUsage | null> {
    return this.measures;
  }

  releaseFiles(key: ModelKey): Promise<void> {
    this.releases.push(key);
    return this.release(key);
  }

  async recycle(reason: string): Promise<void> {
    this.recycles.push(reason);
  }

  async close(): Promise<void> {}
}
