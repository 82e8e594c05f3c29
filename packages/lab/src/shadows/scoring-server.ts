import type { Clock } from '@modelmesh/core';
import {
  type CallHandler,
  type InferenceCall,
  type ModelRequest,
  NullServer,
  type ServerFacts,
} from '@modelmesh/runtime/servers';
import { tensor } from '@modelmesh/sdk/client';
import { decodeInferRequest, encodeInferResponse } from '@modelmesh/wire/oip';

const LIKELY = 0.75;

/**
 * The null server, whose models score: a request's id is its number, and its answer two scores, the second the higher. A model that flips gives
 * the first the higher for each number that its interval divides. Delays stand in the model's path, as ever.
 */
export class ScoringServer extends NullServer {
  /** By model: the class of each so many-th answer is another one. */
  readonly flipEvery = new Map<string, number>();
  /** Calls of each model that were run. */
  readonly calls = new Map<string, number>();
  readonly loads: string[] = [];
  readonly unloads: string[] = [];

  constructor(clock: Clock, facts: Partial<ServerFacts>) {
    super(clock, facts);
  }

  override load(request: ModelRequest, signal: AbortSignal): Promise<number> {
    this.loads.push(request.modelId);
    return super.load(request, signal);
  }

  override unload(modelId: string): Promise<void> {
    this.unloads.push(modelId);
    return super.unload(modelId);
  }

  override accept(call: InferenceCall): CallHandler {
    const model = call.headers.get('mm-model-id') ?? '';
    this.calls.set(model, (this.calls.get(model) ?? 0) + 1);
    return super.accept({
      path: call.path,
      headers: call.headers,
      send: (message) => call.send(this.#answer(model, Buffer.concat(message))),
      finish: (trailers) => call.finish(trailers),
      fail: (error) => call.fail(error),
      failWithStatus: (...status) => call.failWithStatus(...status),
    });
  }

  #answer(model: string, request: Uint8Array): readonly Uint8Array[] {
    const { modelName, id, parameters } = decodeInferRequest(request);
    const interval = this.flipEvery.get(model) ?? 0;
    const flips = interval > 0 && Number(id) % interval === 0;
    const scores = flips ? [LIKELY, 1 - LIKELY] : [1 - LIKELY, LIKELY];
    const output = tensor('scores', 'FP32', [1, 2], Float32Array.from(scores));
    return encodeInferResponse({ modelName, modelVersion: '', id, parameters, outputs: [output] });
  }
}
