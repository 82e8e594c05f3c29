import { bytes, type ModelKey } from '@modelmesh/core';
import type { RuntimeUsage } from '@modelmesh/mesh/runtime';
import type { ModelSpec, RuntimeSpec } from '../scenario/index.ts';

const MIB = 1024 * 1024;
/** What the process holds without any model. */
const BASE_BYTES = 64 * MIB;

/** What was loaded under a key: the path that it was registered with. */
export interface Artifact {
  readonly path: string;
}

/** A load that is under way. */
export interface Loading {
  readonly model: string;
  readonly path: string;
}

/** What is in the memory of a runtime, in truth. */
export class RuntimeMemory {
  readonly #spec: RuntimeSpec;
  readonly #loaded = new Map<string, { readonly artifact: Artifact; readonly bytes: number }>();
  readonly #loading = new Set<Loading>();
  #leakedBytes = 0;

  constructor(spec: RuntimeSpec) {
    this.#spec = spec;
  }

  /** Models that are loaded or loading. */
  get models(): number {
    return this.#loaded.size + this.#loading.size;
  }

  /** Bytes of all models, without what leaked. */
  get modelBytes(): number {
    let sum = 0;
    for (const { bytes: size } of this.#loaded.values()) sum += size;
    return sum;
  }

  has(model: string): boolean {
    return this.#loaded.has(model);
  }

  artifactOf(model: string): Artifact | null {
    return this.#loaded.get(model)?.artifact ?? null;
  }

  begin(model: string, path: string): Loading {
    const loading: Loading = { model, path };
    this.#loading.add(loading);
    return loading;
  }

  /** Loads that run at this moment. */
  get loading(): number {
    return this.#loading.size;
  }

  /** Loads of the model that run at this moment. */
  loadsOf(model: string): number {
    let loads = 0;
    for (const loading of this.#loading) if (loading.model === model) loads += 1;
    return loads;
  }

  loaded(loading: Loading, spec: ModelSpec): void {
    if (!this.#loading.delete(loading)) return;
    this.#loaded.set(loading.model, { artifact: { path: loading.path }, bytes: Math.round(spec.sizeMiB * MIB) });
  }

  gaveUp(loading: Loading): void {
    this.#loading.delete(loading);
  }

  unload(model: string): void {
    if (this.#loaded.delete(model)) this.#leakedBytes += this.#spec.leakKiB * 1024;
  }

  /** Gone without anybody having asked for it. */
  drop(model: string): void {
    this.#loaded.delete(model);
  }

  clear(): void {
    this.#loaded.clear();
    this.#loading.clear();
    this.#leakedBytes = 0;
  }

  usage(): RuntimeUsage {
    const models = [...this.#loaded].map(([key, { bytes: size }]) => ({
      key: key as ModelKey,
      bytes: bytes(size),
      peakBytes: bytes(size),
    }));
    return {
      models,
      baseBytes: bytes(BASE_BYTES),
      privateBytes: bytes(BASE_BYTES + this.modelBytes + this.#leakedBytes),
    };
  }
}
