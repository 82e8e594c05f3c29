import { decodeInferResponse, type InferResponse, readShape } from './infer-message.ts';
import { WireReader } from './wire-reader.ts';

/** Name, datatype and shape of an input or output; -1 stands for a dimension that varies. The datatype is kept as the runtime wrote it. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

/** What a runtime says of a model; spec `kserve.md` §4.3. */
export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  /** Empty where the runtime does not know the signature. */
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  readonly properties: ReadonlyMap<string, string>;
}

const MODEL = { name: 1, versions: 2, platform: 3, inputs: 4, outputs: 5, properties: 6 } as const;
const TENSOR = { name: 1, datatype: 2, shape: 3 } as const;
const ENTRY = { key: 1, value: 2 } as const;
const STREAM = { errorMessage: 1, inferResponse: 2 } as const;

/** Reads a `ModelMetadataResponse`. @throws {MeshError} `internal` if the runtime's answer is malformed. */
export function decodeModelMetadata(bytes: Uint8Array): ModelMetadata {
  const reader = new WireReader(bytes, 'internal');
  const versions: string[] = [];
  const inputs: TensorMetadata[] = [];
  const outputs: TensorMetadata[] = [];
  const properties = new Map<string, string>();
  let name = '';
  let platform = '';
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === MODEL.name) name = reader.string();
    else if (field === MODEL.versions) versions.push(reader.string());
    else if (field === MODEL.platform) platform = reader.string();
    else if (field === MODEL.inputs) inputs.push(readTensorMetadata(reader));
    else if (field === MODEL.outputs) outputs.push(readTensorMetadata(reader));
    else if (field === MODEL.properties) readProperty(reader, properties);
    else reader.skip();
  }
  return { name, versions, platform, inputs, outputs, properties };
}

function readTensorMetadata(reader: WireReader): TensorMetadata {
  let name = '';
  let datatype = '';
  const shape: number[] = [];
  reader.message((field) => {
    if (field === TENSOR.name) name = reader.string();
    else if (field === TENSOR.datatype) datatype = reader.string();
    else if (field === TENSOR.shape) readShape(reader, shape);
    else reader.skip();
  });
  return { name, datatype, shape };
}

function readProperty(reader: WireReader, properties: Map<string, string>): void {
  let key = '';
  let value = '';
  reader.message((field) => {
    if (field === ENTRY.key) key = reader.string();
    else if (field === ENTRY.value) value = reader.string();
    else reader.skip();
  });
  properties.set(key, value);
}

/** One message of `ModelStreamInfer`: an answer, or the sentence of an error that concerns one request and leaves the stream open. */
export type StreamInferResponse =
  | { readonly kind: 'answer'; readonly response: InferResponse }
  | { readonly kind: 'error'; readonly message: string };

/** Reads a `ModelStreamInferResponse`. @throws {MeshError} `internal` if the runtime's answer is malformed. */
export function decodeStreamInferResponse(bytes: Uint8Array): StreamInferResponse {
  const reader = new WireReader(bytes, 'internal');
  let message = '';
  let answer: Uint8Array = new Uint8Array(0);
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === STREAM.errorMessage) message = reader.string();
    else if (field === STREAM.inferResponse) answer = reader.slice();
    else reader.skip();
  }
  return message === '' ? { kind: 'answer', response: decodeInferResponse(answer) } : { kind: 'error', message };
}
