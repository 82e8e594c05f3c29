import { MeshError, type MeshErrorKind } from '@modelmesh/core';
import type { Parameters, ParameterValue } from '../parameter.ts';
import { checkRawData, datatypeOf, type Tensor, traitsOf } from '../tensor/index.ts';
import { readParameterEntry, writeParameterFields } from './parameter-fields.ts';
import { type ContentsSpan, rawFromContents } from './typed-contents.ts';
import { LENGTH_DELIMITED, WireReader } from './wire-reader.ts';
import { SLICE_BYTES_MIN, WireWriter } from './wire-writer.ts';

/** An output that a request asks for. */
export interface RequestedOutput {
  readonly name: string;
  readonly parameters: Parameters;
}

/** What `ModelInferRequest` says. */
export interface InferRequest {
  readonly modelName: string;
  /** Empty where the request names none. */
  readonly modelVersion: string;
  /** Empty where the caller gave none. */
  readonly id: string;
  readonly parameters: Parameters;
  readonly inputs: readonly Tensor[];
  /** Empty: all outputs. */
  readonly outputs: readonly RequestedOutput[];
}

/** What `ModelInferResponse` says. */
export interface InferResponse {
  readonly modelName: string;
  /** Empty for a model without versions. */
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly outputs: readonly Tensor[];
}

/** The most tensors that one message may hold. */
export const TENSORS_MAX = 1024;

const HEAD_BYTES_GUESS = 128;
const TENSOR_BYTES_GUESS = 96;

/** Fields that request and response share; spec `kserve.md` §4.4. */
const MODEL_NAME = 1;
const MODEL_VERSION = 2;
const ID = 3;
const PARAMETERS = 4;
const TENSORS = 5;
const REQUEST = { requestedOutputs: 6, raw: 7 } as const;
const RESPONSE = { raw: 6 } as const;
/** Fields of `InferInputTensor` and `InferOutputTensor`. */
const TENSOR = { name: 1, datatype: 2, shape: 3, parameters: 4, contents: 5 } as const;
const REQUESTED_OUTPUT = { name: 1, parameters: 2 } as const;

/** Writes a `ModelInferRequest` with raw contents. Large tensors become chunks of their own, the caller's bytes, not copied. */
export function encodeInferRequest(request: InferRequest): Uint8Array[] {
  const writer = new WireWriter(likelyBytes(request.inputs));
  writeHead(writer, request);
  for (const input of request.inputs) writeTensor(writer, input);
  for (const output of request.outputs) {
    const mark = writer.begin(REQUEST.requestedOutputs);
    writer.string(REQUESTED_OUTPUT.name, output.name);
    writeParameterFields(writer, REQUESTED_OUTPUT.parameters, output.parameters);
    writer.finish(mark);
  }
  for (const input of request.inputs) writer.bytes(REQUEST.raw, input.data);
  return writer.chunks();
}

/** Writes a `ModelInferResponse` with raw contents, as {@link encodeInferRequest} does. */
export function encodeInferResponse(response: InferResponse): Uint8Array[] {
  const writer = new WireWriter(likelyBytes(response.outputs));
  writeHead(writer, response);
  for (const output of response.outputs) writeTensor(writer, output);
  for (const output of response.outputs) writer.bytes(RESPONSE.raw, output.data);
  return writer.chunks();
}

/** What a message without much besides its tensors takes, apart from those that are not copied. */
function likelyBytes(tensors: readonly Tensor[]): number {
  let total = HEAD_BYTES_GUESS;
  for (const { data } of tensors) total += TENSOR_BYTES_GUESS + (data.length < SLICE_BYTES_MIN ? data.length : 0);
  return total;
}

function writeHead(writer: WireWriter, message: InferRequest | InferResponse): void {
  writer.string(MODEL_NAME, message.modelName);
  writer.string(MODEL_VERSION, message.modelVersion);
  writer.string(ID, message.id);
  writeParameterFields(writer, PARAMETERS, message.parameters);
}

function writeTensor(writer: WireWriter, tensor: Tensor): void {
  const mark = writer.begin(TENSORS);
  writer.string(TENSOR.name, tensor.name);
  writer.string(TENSOR.datatype, tensor.datatype);
  writer.packed(TENSOR.shape, tensor.shape);
  writeParameterFields(writer, TENSOR.parameters, tensor.parameters);
  writer.finish(mark);
}

/**
 * Reads a `ModelInferRequest`; tensor data are slices of `bytes` wherever the message holds them in raw form.
 *
 * @throws {MeshError} `invalid-argument`: malformed, raw and typed contents together, their numbers differ, wrong length or typed field,
 * unknown datatype, repeated input or output name; spec `kserve.md` §6.5, 3, 4, 13–15.
 */
export function decodeInferRequest(bytes: Uint8Array): InferRequest {
  const reader = new WireReader(bytes, 'invalid-argument');
  const draft = new MessageDraft('input', REQUEST.raw);
  const outputs: RequestedOutput[] = [];
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === REQUEST.requestedOutputs) outputs.push(readRequestedOutput(reader));
    else draft.read(reader, field);
    if (outputs.length > TENSORS_MAX) reader.fail(`more than ${TENSORS_MAX} outputs`);
  }
  refuseRepeated(outputs, 'output', reader.kind);
  return { ...draft.head(), inputs: draft.tensors(reader), outputs };
}

/**
 * Reads a `ModelInferResponse`, raw or typed, as {@link decodeInferRequest} does.
 *
 * @throws {MeshError} `internal`: the runtime's answer breaks the protocol.
 */
export function decodeInferResponse(bytes: Uint8Array): InferResponse {
  const reader = new WireReader(bytes, 'internal');
  const draft = new MessageDraft('output', RESPONSE.raw);
  for (let field = reader.field(); field !== 0; field = reader.field()) draft.read(reader, field);
  return { ...draft.head(), outputs: draft.tensors(reader) };
}

function readRequestedOutput(reader: WireReader): RequestedOutput {
  let name = '';
  const parameters = new Map<string, ParameterValue>();
  reader.message((field) => {
    if (field === REQUESTED_OUTPUT.name) name = reader.string();
    else if (field === REQUESTED_OUTPUT.parameters) readParameterEntry(reader, parameters);
    else reader.skip();
  });
  return { name, parameters };
}

/** @throws {MeshError} of `kind` if two carry one name. */
export function refuseRepeated(named: readonly { readonly name: string }[], what: string, kind: MeshErrorKind): void {
  const seen = new Set<string>();
  for (const { name } of named) {
    if (seen.has(name)) throw new MeshError(kind, `${what} ${JSON.stringify(name)} is given twice`);
    seen.add(name);
  }
}

interface TensorDraft {
  name: string;
  datatype: string;
  shape: number[];
  parameters: Map<string, ParameterValue>;
  contents: ContentsSpan | undefined;
}

/** What has been read of a message: tensors and their raw contents meet only at its end. */
class MessageDraft {
  readonly #what: 'input' | 'output';
  readonly #rawField: number;
  readonly #tensors: TensorDraft[] = [];
  readonly #raw: Uint8Array[] = [];
  readonly #parameters = new Map<string, ParameterValue>();
  #modelName = '';
  #modelVersion = '';
  #id = '';

  constructor(what: 'input' | 'output', rawField: number) {
    this.#what = what;
    this.#rawField = rawField;
  }

  read(reader: WireReader, field: number): void {
    if (field === this.#rawField) this.#raw.push(reader.slice());
    else if (field === TENSORS) this.#tensors.push(readTensor(reader));
    else if (field === MODEL_NAME) this.#modelName = reader.string();
    else if (field === MODEL_VERSION) this.#modelVersion = reader.string();
    else if (field === ID) this.#id = reader.string();
    else if (field === PARAMETERS) readParameterEntry(reader, this.#parameters);
    else reader.skip();
    if (this.#tensors.length > TENSORS_MAX || this.#raw.length > TENSORS_MAX) reader.fail(`more than ${TENSORS_MAX} tensors`);
  }

  head(): Omit<InferResponse, 'outputs'> {
    return { modelName: this.#modelName, modelVersion: this.#modelVersion, id: this.#id, parameters: this.#parameters };
  }

  tensors(reader: WireReader): Tensor[] {
    const isRaw = this.#raw.length > 0;
    if (isRaw && this.#raw.length !== this.#tensors.length) {
      const counts = `${this.#tensors.length} ${this.#what}s, but ${this.#raw.length} raw_${this.#what}_contents`;
      throw new MeshError(reader.kind, `the message holds ${counts}; there must be one for each`);
    }
    refuseRepeated(this.#tensors, this.#what, reader.kind);
    return this.#tensors.map((draft, index) => this.#tensor(reader, draft, isRaw ? this.#raw[index] : undefined));
  }

  #tensor(reader: WireReader, draft: TensorDraft, raw: Uint8Array | undefined): Tensor {
    const label = `${this.#what} ${JSON.stringify(draft.name)}`;
    if (raw !== undefined && draft.contents !== undefined && draft.contents.end > draft.contents.start) {
      throw new MeshError(
        reader.kind,
        `${label} has typed contents beside raw_${this.#what}_contents; only one of both is allowed`,
      );
    }
    const datatype = datatypeOf(draft.datatype, label, reader.kind);
    if (raw === undefined && traitsOf(datatype).contents === null) {
      throw new MeshError(reader.kind, `${label}: ${datatype} travels in raw_${this.#what}_contents only`);
    }
    const data =
      raw ?? (draft.contents === undefined ? new Uint8Array(0) : rawFromContents(reader, draft.contents, datatype, label));
    const tensor: Tensor = { name: draft.name, datatype, shape: draft.shape, parameters: draft.parameters, data };
    checkRawData(tensor, label, reader.kind);
    return tensor;
  }
}

function readTensor(reader: WireReader): TensorDraft {
  const draft: TensorDraft = { name: '', datatype: '', shape: [], parameters: new Map(), contents: undefined };
  reader.message((field) => {
    if (field === TENSOR.name) draft.name = reader.string();
    else if (field === TENSOR.datatype) draft.datatype = reader.string();
    else if (field === TENSOR.shape) readShape(reader, draft.shape);
    else if (field === TENSOR.parameters) readParameterEntry(reader, draft.parameters);
    else if (field === TENSOR.contents) {
      const end = reader.lengthEnd();
      draft.contents = { start: reader.pos, end };
      reader.pos = end;
    } else reader.skip();
  });
  return draft;
}

/** Dimensions come packed or one by one. How many there may be is checked with the tensor. */
export function readShape(reader: WireReader, shape: number[]): void {
  if (reader.wireType !== LENGTH_DELIMITED) {
    reader.expect(0);
    shape.push(reader.dimension());
    return;
  }
  const outer = reader.end;
  reader.end = reader.lengthEnd();
  while (reader.pos < reader.end) shape.push(reader.dimension());
  reader.end = outer;
}
