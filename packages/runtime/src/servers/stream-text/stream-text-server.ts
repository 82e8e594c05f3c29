import { type Clock, durationMs, MeshError, type Timer } from '@modelmesh/core';
import { ModelBook } from '../model-book/index.ts';
import { acceptOip, type InferSink, type InferTicket, type ModelMetadata, OIP_METHODS, type OipEngine } from '../oip/index.ts';
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
import {
  elementTypeOfOrt,
  feedsOf,
  planInferResponse,
  readInferRequest,
  type Signature,
  type TensorSpec,
} from '../tensors/index.ts';

const MODEL_BYTES = 1024 * 1024;
/** A word that fails the generation where it stands. */
const FAIL_WORD = '<fail>';
/** What a path begins with whose model does not load. */
const FAIL_PATH = 'fail ';

/** How a model of this server behaves, as its path says. */
interface TextModel {
  readonly pauseMs: number;
  /** What its texts begin with, a space included; empty for none. */
  readonly tag: string;
}

/** A slash in front is what a manifest's absolute path begins with. */
function parseTextPath(path: string): TextModel {
  const tag = /(?:^|; )tag (\w{1,64})$/.exec(path)?.[1];
  return { pauseMs: Number(/^\/?pause (\d{1,6})(?:;|$)/.exec(path)?.[1] ?? 0), tag: tag === undefined ? '' : `${tag} ` };
}

const text = elementTypeOfOrt('string');
const spec = (name: string): TensorSpec => {
  if (text === undefined) throw new MeshError('internal', 'the table of element types has no text');
  return { name, type: text, shape: [1] };
};
const SIGNATURE: Signature = { inputs: [spec('text_input')], outputs: [spec('text_output')] };

/**
 * A server of models that generate text, for tests of streaming: a stream answers `text_input` with its words, one message each, a single
 * inference with all of them at once. A model's path may say how long it pauses before each word (`pause 20`), with which word its texts
 * begin (`tag alto`, both: `pause 20; tag alto`), or that it does not load (`fail why`); the word `<fail>` fails the generation.
 */
export class StreamTextServer implements ModelServer, OipEngine {
  readonly name = 'modelmesh-stream-text';
  readonly version = '1';
  readonly facts: ServerFacts;
  readonly #clock: Clock;
  readonly #models: ModelBook<TextModel>;

  constructor(clock: Clock, facts: Partial<ServerFacts> = {}) {
    this.#clock = clock;
    this.facts = {
      capacityBytes: 1024 ** 3,
      loadingConcurrencyMax: 4,
      loadTimeoutMs: 60_000,
      defaultModelBytes: MODEL_BYTES,
      version: this.version,
      methods: OIP_METHODS,
      allowsAnyMethod: false,
      ...facts,
    };
    this.#models = new ModelBook({
      load: ({ modelPath }) => {
        if (modelPath.startsWith(FAIL_PATH))
          return Promise.reject(new MeshError('load-failed', modelPath.slice(FAIL_PATH.length)));
        return Promise.resolve(parseTextPath(modelPath));
      },
      unload: () => Promise.resolve(),
    });
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  prepare(): Promise<PreparedModel> {
    return Promise.resolve({ predictedBytes: MODEL_BYTES, filesBytes: 0 });
  }

  predict(): Promise<number> {
    return Promise.resolve(MODEL_BYTES);
  }

  async load(request: ModelRequest, signal: AbortSignal): Promise<number> {
    await this.#models.load(request, signal);
    return MODEL_BYTES;
  }

  unload(modelId: string): Promise<void> {
    return this.#models.unload(modelId);
  }

  purge(): Promise<void> {
    return this.#models.purge();
  }

  size(modelId: string): number {
    this.#model(modelId);
    return MODEL_BYTES;
  }

  usage(modelIds: readonly string[]): readonly ModelUsage[] {
    const ids = modelIds.length === 0 ? this.#models.loadedIds() : modelIds.filter((id) => this.#models.loaded(id) !== undefined);
    return ids.map((modelId) => ({ modelId, measuredBytes: MODEL_BYTES, peakBytes: MODEL_BYTES }));
  }

  processUsage(): Promise<ProcessUsage> {
    return Promise.resolve({ baseBytes: 0, privateBytes: this.#models.loadedIds().length * MODEL_BYTES });
  }

  releaseFiles(modelId: string): Promise<void> {
    if (!this.#models.isKnown(modelId)) return Promise.resolve();
    return Promise.reject(new MeshError('failed-precondition', `the model ${modelId} is loaded; unload it first`));
  }

  accept(call: InferenceCall): CallHandler {
    return acceptOip(this, call);
  }

  isEmpty(): boolean {
    return this.#models.isEmpty();
  }

  rest(): void {}

  close(): Promise<void> {
    return this.purge();
  }

  metadata(modelId: string): ModelMetadata | undefined {
    if (this.#models.loaded(modelId) === undefined) return undefined;
    const tensor = (name: string) => ({ name, datatype: 'BYTES', shape: [1] });
    return { platform: 'modelmesh_stream_text', inputs: [tensor('text_input')], outputs: [tensor('text_output')] };
  }

  infer(modelId: string, request: readonly Uint8Array[], _byteCount: number, sink: InferSink): InferTicket {
    const { tag } = this.#model(modelId);
    const { name, id, input } = readText(request, tag);
    const failing = wordsOf(input).indexOf(FAIL_WORD);
    if (failing >= 0) throw failure(failing);
    sink.answered(respond(name || modelId, id, input));
    return { cancel: () => undefined };
  }

  inferStream(modelId: string, request: readonly Uint8Array[], sink: InferSink & { done(): void }): InferTicket {
    const { pauseMs, tag } = this.#model(modelId);
    const { name, id, input } = readText(request, tag);
    const words = wordsOf(input);
    let at = 0;
    let timer: Timer | undefined;
    const step = (): void => {
      const word = words[at];
      if (word === undefined) {
        sink.done();
        return;
      }
      if (word.trim() === FAIL_WORD) {
        sink.failed(failure(at));
        return;
      }
      at++;
      sink.answered(respond(name || modelId, id, word));
      timer = this.#clock.after(durationMs(pauseMs), step);
    };
    timer = this.#clock.after(durationMs(pauseMs), step);
    return { cancel: () => timer?.cancel() };
  }

  #model(modelId: string): TextModel {
    const model = this.#models.loaded(modelId);
    if (model === undefined) throw new MeshError('model-not-found', `the model ${modelId} is not loaded`);
    return model;
  }
}

/** Words with the spaces before them: joined, they are the text again. */
function wordsOf(input: string): readonly string[] {
  return input.match(/\s*\S+/g) ?? [];
}

function readText(chunks: readonly Uint8Array[], tag: string): { name: string; id: string; input: string } {
  const bytes = Uint8Array.from(Buffer.concat(chunks));
  const request = readInferRequest(bytes, 0, bytes.length);
  const [feed] = feedsOf(request, SIGNATURE, bytes);
  return { name: request.modelName, id: request.id, input: `${tag}${String(feed?.data[0] ?? '')}` };
}

function respond(modelName: string, id: string, output: string): Uint8Array {
  const plan = planInferResponse(modelName, id, [{ spec: spec('text_output'), dims: [1], data: [output] }]);
  const response = Buffer.alloc(plan.byteCount);
  plan.write(response, 0);
  return response;
}

function failure(at: number): MeshError {
  return new MeshError('internal', `generation failed at word ${at}`);
}
