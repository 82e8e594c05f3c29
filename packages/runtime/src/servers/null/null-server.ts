import { type Clock, type DurationMs, durationMs, MeshError, sleep, type Timer } from '@modelmesh/core';
import { GrpcStatusError } from '@modelmesh/grpc/call';
import { ModelBook } from '../model-book/index.ts';
import type {
  CallHandler,
  InferenceCall,
  ModelRequest,
  ModelServer,
  ModelUsage,
  PreparedModel,
  ProcessUsage,
  ServerFacts,
} from '../port.ts';
import { NULL_MODEL_BYTES, type NullModelOptions, parseNullPath, parseStatus } from './path-options.ts';

/** What the null server says of itself unless configured: 8 GiB for models of 1 MiB, 8 loads at once. */
export const NULL_FACTS: ServerFacts = {
  capacityBytes: 8 * 1024 ** 3,
  loadingConcurrencyMax: 8,
  loadTimeoutMs: 60_000,
  defaultModelBytes: NULL_MODEL_BYTES,
  version: 'null',
  methods: { 'inject.Service/Call': [4, 1] },
  allowsAnyMethod: true,
};

/**
 * A server without models, for tests and benchmarks: it answers every message of every method with the message itself. What a model does when it
 * is loaded, and what follows its answers, stands in its path; what an inference does, in the headers `null-fail: CODE message` and `null-trailer`.
 */
export class NullServer implements ModelServer {
  readonly facts: ServerFacts;
  readonly #clock: Clock;
  readonly #models: ModelBook<NullModelOptions>;

  constructor(clock: Clock, facts: Partial<ServerFacts> = {}) {
    this.facts = { ...NULL_FACTS, ...facts };
    this.#clock = clock;
    this.#models = new ModelBook({
      load: async (request, signal) => {
        const options = parseNullPath(request.modelPath);
        if (options.slowMs > 0) await sleep(clock, durationMs(options.slowMs), signal);
        if (options.fail !== undefined) throw new GrpcStatusError(options.fail.code, options.fail.message);
        return options;
      },
      unload: () => Promise.resolve(),
    });
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  prepare(request: ModelRequest): Promise<PreparedModel> {
    return Promise.resolve({ predictedBytes: parseNullPath(request.modelPath).sizeBytes, filesBytes: 0 });
  }

  predict(request: ModelRequest): Promise<number> {
    return Promise.resolve(parseNullPath(request.modelPath).sizeBytes);
  }

  async load(request: ModelRequest, signal: AbortSignal): Promise<number> {
    return (await this.#models.load(request, signal)).sizeBytes;
  }

  unload(modelId: string): Promise<void> {
    return this.#models.unload(modelId);
  }

  purge(): Promise<void> {
    return this.#models.purge();
  }

  size(modelId: string): number {
    const model = this.#models.loaded(modelId);
    if (model === undefined) throw new MeshError('model-not-found', `the model ${modelId} is not loaded`);
    return model.sizeBytes;
  }

  usage(modelIds: readonly string[]): readonly ModelUsage[] {
    const ids = modelIds.length === 0 ? this.#models.loadedIds() : modelIds.filter((id) => this.#models.loaded(id) !== undefined);
    return ids.map((modelId) => ({ modelId, measuredBytes: this.size(modelId), peakBytes: this.size(modelId) }));
  }

  /** It pretends that its memory is what its models say. */
  processUsage(): Promise<ProcessUsage> {
    const privateBytes = this.usage([]).reduce((sum, { measuredBytes }) => sum + measuredBytes, 0);
    return Promise.resolve({ baseBytes: 0, privateBytes });
  }

  releaseFiles(modelId: string): Promise<void> {
    if (!this.#models.isKnown(modelId)) return Promise.resolve();
    return Promise.reject(new MeshError('failed-precondition', `the model ${modelId} is loaded; unload it first`));
  }

  /** A call that names its model in a header must name a loaded one; a call without is echoed. */
  accept(call: InferenceCall): CallHandler {
    const modelId = call.headers.get('mm-model-id');
    const model = modelId === undefined ? undefined : this.#models.loaded(modelId);
    const isMissing = modelId !== undefined && model === undefined;
    const suffix = model === undefined || model.suffix.byteLength === 0 ? [] : [model.suffix];
    const trailer = call.headers.get('null-trailer');
    const trailers = trailer === undefined ? [] : ['null-trailer', trailer];
    const failure = call.headers.get('null-fail');
    const isRefused = isMissing || failure !== undefined;
    const end = (): void => {
      if (isMissing) call.fail(new MeshError('model-not-found', `the model ${modelId} is not loaded`));
      else if (failure === undefined) call.finish(trailers);
      else {
        const { code, message } = parseStatus(failure);
        call.failWithStatus(code, message, trailers);
      }
    };
    const answerMs = isRefused ? 0 : (model?.answerMs ?? 0);
    if (answerMs > 0) return this.#late(call, suffix, durationMs(answerMs), end);
    return {
      onMessage: (message) => {
        if (!isRefused) call.send([...message, ...suffix]);
      },
      onCancel: () => undefined,
      onEnd: end,
    };
  }

  /** Answers everything together, a while after the end of the request. */
  #late(call: InferenceCall, suffix: readonly Uint8Array[], answerMs: DurationMs, end: () => void): CallHandler {
    const answers: (readonly Uint8Array[])[] = [];
    let timer: Timer | undefined;
    return {
      onMessage: (message) => {
        answers.push([...message, ...suffix]);
      },
      onCancel: () => timer?.cancel(),
      onEnd: () => {
        timer = this.#clock.after(answerMs, () => {
          for (const answer of answers) call.send(answer);
          end();
        });
      },
    };
  }

  isEmpty(): boolean {
    return this.#models.isEmpty();
  }

  rest(): void {}

  close(): Promise<void> {
    return this.purge();
  }
}
