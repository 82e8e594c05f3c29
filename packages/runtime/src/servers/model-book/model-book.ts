import { assertNever, MeshError, toMeshError } from '@modelmesh/core';
import type { ModelRequest } from '../port.ts';

/** Loads that may be under way at once; the mesh keeps far below it. */
export const LOADS_MAX = 1024;

/** What is done to a model; the book decides when. */
export interface ModelBookActions<Model> {
  /** When `signal` aborts, the promise settles once nothing of the load is left. */
  load(request: ModelRequest, signal: AbortSignal): Promise<Model>;
  unload(modelId: string, model: Model): Promise<void>;
}

type State<Model> =
  | {
      readonly kind: 'loading';
      readonly request: ModelRequest;
      readonly done: Promise<Model>;
      readonly abort: AbortController;
      waiters: number;
    }
  | { readonly kind: 'loaded'; readonly request: ModelRequest; readonly model: Model }
  | { readonly kind: 'unloading'; readonly done: Promise<void> };

/**
 * The life of a server's models by the rules of the runtime contract, spec `modelmesh.md` §1.3: one load for all that ask at once, a load that
 * everyone left leaves nothing behind, an unload waits for what it follows, unknown ids are no error.
 */
export class ModelBook<Model> {
  readonly #actions: ModelBookActions<Model>;
  readonly #states = new Map<string, State<Model>>();
  #loading = 0;

  constructor(actions: ModelBookActions<Model>) {
    this.#actions = actions;
  }

  /** The loaded model, else undefined. */
  loaded(modelId: string): Model | undefined {
    const state = this.#states.get(modelId);
    return state?.kind === 'loaded' ? state.model : undefined;
  }

  /** Ids of all loaded models. */
  loadedIds(): readonly string[] {
    return [...this.#states].filter(([, state]) => state.kind === 'loaded').map(([modelId]) => modelId);
  }

  /** Whether no model is loaded or on its way in or out. */
  isEmpty(): boolean {
    return this.#states.size === 0;
  }

  /** Whether the model is loaded or on its way in or out. */
  isKnown(modelId: string): boolean {
    return this.#states.has(modelId);
  }

  /**
   * The model, loaded if it is not.
   *
   * @throws {MeshError} of the load, `failed-precondition` if the id is loaded from another place, `overloaded` beyond {@link LOADS_MAX}, or the
   * signal's reason.
   */
  async load(request: ModelRequest, signal: AbortSignal): Promise<Model> {
    for (;;) {
      if (signal.aborted) throw toMeshError(signal.reason);
      const state = this.#states.get(request.modelId) ?? this.#begin(request);
      switch (state.kind) {
        case 'loaded':
          checkSamePlace(state.request, request);
          return state.model;
        case 'loading':
          if (state.abort.signal.aborted) await settled(state.done);
          else {
            checkSamePlace(state.request, request);
            return await waitAsOneOf(state, signal);
          }
          break;
        case 'unloading':
          await state.done;
          break;
        default:
          return assertNever(state);
      }
    }
  }

  /** Unloads the model, or stops its load; resolves when nothing of it is left. */
  async unload(modelId: string): Promise<void> {
    for (let state = this.#states.get(modelId); state !== undefined; state = this.#states.get(modelId)) {
      switch (state.kind) {
        case 'loading':
          state.abort.abort(new MeshError('cancelled', `the model ${modelId} was unloaded while it was loading`));
          await settled(state.done);
          break;
        case 'loaded':
          await this.#beginUnload(modelId, state.model);
          return;
        case 'unloading':
          return await state.done;
        default:
          return assertNever(state);
      }
    }
  }

  /** Unloads everything. */
  async purge(): Promise<void> {
    await Promise.all([...this.#states.keys()].map((modelId) => this.unload(modelId)));
  }

  /** The model is gone without having been unloaded. */
  lost(modelId: string): void {
    if (this.#states.get(modelId)?.kind === 'loaded') this.#states.delete(modelId);
  }

  #begin(request: ModelRequest): State<Model> {
    if (this.#loading >= LOADS_MAX) throw new MeshError('overloaded', `${LOADS_MAX} loads are under way; try again later`);
    this.#loading++;
    const abort = new AbortController();
    const state: State<Model> = { kind: 'loading', request, done: this.#run(request, abort.signal), abort, waiters: 0 };
    state.done.catch(() => undefined);
    this.#states.set(request.modelId, state);
    return state;
  }

  async #run(request: ModelRequest, signal: AbortSignal): Promise<Model> {
    const { modelId } = request;
    try {
      const model = await this.#actions.load(request, signal);
      if (!signal.aborted) {
        this.#states.set(modelId, { kind: 'loaded', request, model });
        return model;
      }
      await this.#actions.unload(modelId, model);
      throw toMeshError(signal.reason);
    } catch (error) {
      this.#states.delete(modelId);
      throw toMeshError(error);
    } finally {
      this.#loading--;
    }
  }

  #beginUnload(modelId: string, model: Model): Promise<void> {
    const done = this.#actions.unload(modelId, model).finally(() => this.#states.delete(modelId));
    this.#states.set(modelId, { kind: 'unloading', done });
    return done;
  }
}

function checkSamePlace(known: ModelRequest, asked: ModelRequest): void {
  if (known.modelPath === asked.modelPath && known.modelKey === asked.modelKey) return;
  throw new MeshError(
    'failed-precondition',
    `the model ${known.modelId} is loaded from ${known.modelPath}; unload it before it is loaded from ${asked.modelPath}`,
  );
}

function settled(promise: Promise<unknown>): Promise<void> {
  return promise.then(
    () => undefined,
    () => undefined,
  );
}

/** Waits for a load that others may wait for too; the last one that leaves stops it. */
function waitAsOneOf<Model>(state: Extract<State<Model>, { kind: 'loading' }>, signal: AbortSignal): Promise<Model> {
  state.waiters++;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      if (--state.waiters === 0) state.abort.abort(signal.reason);
      reject(toMeshError(signal.reason));
    };
    signal.addEventListener('abort', leave, { once: true });
    state.done.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
