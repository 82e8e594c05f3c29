import { MeshError } from '@modelmesh/core';
import type { InferenceSession, OnnxValue } from 'onnxruntime-node';
import {
  type ElementArray,
  elementTypeOfOrt,
  feedsOf,
  type OutputTensor,
  type PlannedResponse,
  planInferResponse,
  readInferRequest,
  type Signature,
  type TensorSpec,
  wantedOutputs,
} from '../../tensors/index.ts';
import type { Ort } from './ort.ts';
import { loadError, runError } from './ort-errors.ts';
import type { SessionModel } from './protocol.ts';

/** One intra-op thread: many models share few cores; no arena: what a run frees goes back to the system. */
const SESSION_OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  enableCpuMemArena: false,
  enableMemPattern: false,
  graphOptimizationLevel: 'all',
  logSeverityLevel: 4,
} as const satisfies InferenceSession.SessionOptions;

/** A loaded model in this thread. */
export class ModelSession {
  readonly signature: Signature;
  readonly #ort: Ort;
  readonly #session: InferenceSession;
  readonly #modelId: string;
  readonly #hasOpenDimensions: boolean;

  private constructor(ort: Ort, session: InferenceSession, modelId: string, signature: Signature) {
    this.#ort = ort;
    this.#modelId = modelId;
    this.#session = session;
    this.signature = signature;
    this.#hasOpenDimensions = signature.inputs.some((input) => input.shape === null || input.shape.includes(-1));
  }

  /** Loads a model file. @throws {MeshError} that says what is wrong with the file. */
  static async load(ort: Ort, { modelId, path, unshaped }: SessionModel): Promise<ModelSession> {
    try {
      const session = await ort.InferenceSession.create(path, SESSION_OPTIONS);
      try {
        return new ModelSession(ort, session, modelId, signatureOf(session, unshaped));
      } catch (error) {
        await session.release();
        throw error;
      }
    } catch (error) {
      throw loadError(error, path);
    }
  }

  /** Answers the ModelInferRequest in `bytes[start, end)`. @throws {MeshError} */
  async run(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): Promise<PlannedResponse> {
    const request = readInferRequest(bytes, start, end);
    const wanted = wantedOutputs(request, this.signature);
    const feeds: Record<string, OnnxValue> = {};
    for (const feed of feedsOf(request, this.signature, bytes)) {
      feeds[feed.name] = new this.#ort.Tensor(feed.type.ort, feed.data as Uint8Array, feed.dims);
    }
    const fetches = wanted.map((output) => output.name);
    let results: InferenceSession.OnnxValueMapType;
    try {
      results = await this.#session.run(feeds, fetches);
    } catch (error) {
      throw runError(error, this.#hasOpenDimensions);
    }
    return planInferResponse(
      // The name that the caller used; a call that names its model in its header alone is answered under the model's own.
      request.modelName === '' ? this.#modelId : request.modelName,
      request.id,
      wanted.map((spec) => outputOf(spec, results[spec.name])),
    );
  }

  /** Gives the model's memory back. */
  async release(): Promise<void> {
    await this.#session.release();
  }
}

function outputOf(spec: TensorSpec, value: OnnxValue | undefined): OutputTensor {
  if (value === undefined) throw new MeshError('internal', `the model gave no output "${spec.name}"`);
  return { spec, dims: value.dims, data: value.data as ElementArray | readonly string[] };
}

/** Outputs that are not tensors, such as the maps of a classifier's probabilities, are left out: the protocol has no form for them. */
function signatureOf(session: InferenceSession, unshaped: ReadonlySet<string>): Signature {
  const inputs = session.inputMetadata.map((meta) => {
    const spec = specOf(meta, unshaped);
    if (spec === undefined)
      throw new MeshError('invalid-argument', `the input "${meta.name}" is ${kindOf(meta)}, which cannot be sent`);
    return spec;
  });
  const outputs = session.outputMetadata.map((meta) => specOf(meta, unshaped)).filter((spec) => spec !== undefined);
  if (outputs.length === 0) {
    const kinds = session.outputMetadata.map((meta) => `"${meta.name}" is ${kindOf(meta)}`).join(', ');
    throw new MeshError('invalid-argument', `the model has no output that is a tensor of a known type: ${kinds}`);
  }
  return { inputs, outputs };
}

function specOf(meta: InferenceSession.ValueMetadata, unshaped: ReadonlySet<string>): TensorSpec | undefined {
  if (!meta.isTensor) return undefined;
  const type = elementTypeOfOrt(meta.type);
  if (type === undefined) return undefined;
  const shape = unshaped.has(meta.name) ? null : meta.shape.map((dim) => (typeof dim === 'number' ? dim : -1));
  return { name: meta.name, type, shape };
}

function kindOf(meta: InferenceSession.ValueMetadata): string {
  return meta.isTensor ? `a tensor of ${meta.type}` : 'a sequence or map';
}
