import { type Clock, durationMs, sleep } from '@modelmesh/core';
import {
  type CallHandler,
  type InferenceCall,
  type ModelRequest,
  type ModelServer,
  type ModelUsage,
  NullServer,
  type PreparedModel,
  type ProcessUsage,
  type ServerFacts,
} from '@modelmesh/runtime/servers';

/** How far a model is in the runtime, from its own point of view. */
type CopyPhase = 'absent' | 'loading' | 'loaded' | 'unloading';

/** What a runtime saw of its loads, unloads and calls. */
export interface Seen {
  readonly loads: number;
  readonly unloads: number;
  readonly calls: number;
  /** Calls that came for a model whose unload had begun, or that was not loaded: a sentence for each. */
  readonly strayCalls: readonly string[];
  /** Unloads that began while calls of their model were being answered. */
  readonly cutCalls: readonly string[];
}

/** How long an unload takes, in milliseconds: a call that comes too late would meet it. */
const UNLOAD_MS = 10;

/** The null server, which notes in which order things reach it. */
export class RecordingServer implements ModelServer {
  readonly facts: ServerFacts;
  readonly #clock: Clock;
  readonly #inner: NullServer;
  readonly #phases = new Map<string, CopyPhase>();
  readonly #inFlight = new Map<string, number>();
  readonly #strayCalls: string[] = [];
  readonly #cutCalls: string[] = [];
  #sequence = 0;
  #loads = 0;
  #unloads = 0;
  #calls = 0;

  constructor(clock: Clock, facts: Partial<ServerFacts>) {
    this.#clock = clock;
    this.#inner = new NullServer(clock, facts);
    this.facts = this.#inner.facts;
  }

  get seen(): Seen {
    const [loads, unloads, calls] = [this.#loads, this.#unloads, this.#calls];
    return { loads, unloads, calls, strayCalls: this.#strayCalls, cutCalls: this.#cutCalls };
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  prepare(request: ModelRequest): Promise<PreparedModel> {
    return this.#inner.prepare(request);
  }

  predict(request: ModelRequest): Promise<number> {
    return this.#inner.predict(request);
  }

  async load(request: ModelRequest, signal: AbortSignal): Promise<number> {
    const { modelId } = request;
    this.#sequence += 1;
    this.#loads += 1;
    this.#phases.set(modelId, 'loading');
    const size = await this.#inner.load(request, signal);
    this.#sequence += 1;
    this.#phases.set(modelId, 'loaded');
    return size;
  }

  async unload(modelId: string): Promise<void> {
    this.#sequence += 1;
    this.#unloads += 1;
    const inFlight = this.#inFlight.get(modelId) ?? 0;
    if (inFlight > 0) this.#cutCalls.push(`${this.#sequence}: ${inFlight} calls of ${modelId} are being answered`);
    this.#phases.set(modelId, 'unloading');
    await sleep(this.#clock, durationMs(UNLOAD_MS), new AbortController().signal);
    await this.#inner.unload(modelId);
    this.#phases.set(modelId, 'absent');
  }

  purge(): Promise<void> {
    this.#phases.clear();
    return this.#inner.purge();
  }

  size(modelId: string): number {
    return this.#inner.size(modelId);
  }

  usage(modelIds: readonly string[]): readonly ModelUsage[] {
    return this.#inner.usage(modelIds);
  }

  processUsage(): Promise<ProcessUsage> {
    return this.#inner.processUsage();
  }

  releaseFiles(modelId: string): Promise<void> {
    return this.#inner.releaseFiles(modelId);
  }

  accept(call: InferenceCall): CallHandler {
    const modelId = call.headers.get('mm-model-id') ?? '';
    this.#sequence += 1;
    this.#calls += 1;
    const phase = this.#phases.get(modelId) ?? 'absent';
    if (phase !== 'loaded') this.#strayCalls.push(`${this.#sequence}: a call of ${modelId}, which is ${phase}`);
    this.#inFlight.set(modelId, (this.#inFlight.get(modelId) ?? 0) + 1);
    let isOver = false;
    const over = (): void => {
      if (!isOver) this.#inFlight.set(modelId, (this.#inFlight.get(modelId) ?? 1) - 1);
      isOver = true;
    };
    const watched: InferenceCall = {
      path: call.path,
      headers: call.headers,
      send: (message) => call.send(message),
      finish: (trailers) => {
        over();
        call.finish(trailers);
      },
      fail: (error) => {
        over();
        call.fail(error);
      },
      failWithStatus: (...status) => {
        over();
        call.failWithStatus(...status);
      },
    };
    const inner = this.#inner.accept(watched);
    return {
      onMessage: (message, byteCount) => inner.onMessage(message, byteCount),
      onEnd: () => inner.onEnd(),
      onCancel: () => {
        over();
        inner.onCancel();
      },
    };
  }

  isEmpty(): boolean {
    return this.#inner.isEmpty();
  }

  rest(): void {
    this.#inner.rest();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
