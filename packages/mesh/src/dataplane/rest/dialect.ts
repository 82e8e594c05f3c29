import {
  type AnswerForm,
  decodeGenerateRequest,
  decodeRestInferRequest,
  encodeGenerateResponse,
  encodeRestInferResponse,
  type InferRequest,
  type InferResponse,
  JSON_CONTENT_TYPE,
  type JsonLimits,
  lengthOf,
  type ModelMetadata,
  type RestBody,
} from '@modelmesh/wire/oip';
import type { GrpcCode } from '@modelmesh/wire/status';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { decodePredictRequest, encodePredictResponse, type PredictForm } from '@modelmesh/wire/v1';

/** What of a request stands outside its body. */
export interface Question {
  /** The name that the runtime knows the model by: its key. */
  readonly modelName: string;
  readonly headerLength: string | undefined;
  /** `undefined` where the dialect does not ask for it, or the runtime has none. */
  readonly metadata: ModelMetadata | undefined;
  readonly limits: JsonLimits;
}

/** What an answer repeats of the question. */
export interface AnswerNames {
  /** The name that was asked for. */
  readonly modelName: string;
  readonly modelVersion: string | undefined;
  readonly id: string;
}

/** How much of a model's metadata is needed to read a request. */
export type MetadataNeed =
  | 'none'
  /** Used where the runtime has it. */
  | 'if-known'
  | 'always';

/** What differs between the protocols whose requests end in one `ModelInfer`. `Memo`: what reading leaves for the answer. */
export interface Dialect<Memo> {
  readonly binary: boolean;
  readonly metadata: MetadataNeed;
  /** @throws {MeshError} that names what is wrong with the body. */
  decode(body: Uint8Array, question: Question): { readonly request: InferRequest; readonly memo: Memo };
  /** @throws {MeshError} for an answer that the protocol cannot carry. */
  encode(response: InferResponse, memo: Memo, names: AnswerNames): RestBody;
  /** A better status for what a runtime answered; `undefined`: the usual one. */
  readonly httpOf?: (code: GrpcCode) => number | undefined;
}

const jsonBody = (chunks: readonly Uint8Array[]): RestBody => ({
  contentType: JSON_CONTENT_TYPE,
  headerLength: undefined,
  chunks,
  byteLength: lengthOf(chunks),
});

const NO_METADATA: ModelMetadata = { name: '', versions: [], platform: '', inputs: [], outputs: [], properties: new Map() };

/** `POST /v2/models/{m}/infer`; spec `kserve.md` §4.3 and §4.5. */
export const V2_INFER: Dialect<AnswerForm> = {
  binary: true,
  metadata: 'none',
  decode(body, { modelName, headerLength, limits }) {
    const { request, answer } = decodeRestInferRequest(body, { modelName, headerLength, limits });
    return { request, memo: answer };
  },
  encode: (response, answer, names) => encodeRestInferResponse(response, { ...names, answer }),
};

/** `POST /v1/models/{m}:predict`; spec `kserve.md` §4.2. */
export const V1_PREDICT: Dialect<PredictForm> = {
  binary: false,
  metadata: 'always',
  decode(body, { modelName, metadata = NO_METADATA, limits }) {
    const { request, form } = decodePredictRequest(body, { modelName, metadata, limits });
    return { request, memo: form };
  },
  encode: (response, form) => jsonBody(encodePredictResponse(response, form)),
};

/** Reads the body of both generate routes. */
export const decodeGenerate = (body: Uint8Array, { modelName, metadata = NO_METADATA, limits }: Question): InferRequest =>
  decodeGenerateRequest(body, { modelName, inputs: metadata.inputs, limits });

/** `POST /v2/models/{m}/generate`; spec `kserve.md` §4.8. */
export const GENERATE: Dialect<undefined> = {
  binary: false,
  metadata: 'if-known',
  decode: (body, question) => ({ request: decodeGenerate(body, question), memo: undefined }),
  encode: (response, _memo, names) => jsonBody(encodeGenerateResponse(response, names)),
  // A model that answers in streams only: the caller has to ask otherwise (spec `kserve.md` §6.5, 33).
  httpOf: (code) => (code === GRPC_CODE.UNIMPLEMENTED ? 400 : undefined),
};
