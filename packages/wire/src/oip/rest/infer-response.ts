import { MeshError } from '@modelmesh/core';
import { JsonWriter } from '../json/index.ts';
import { writeParameters } from '../parameter.ts';
import type { InferResponse } from '../proto/index.ts';
import { ElementPrinter, elementCount, type Tensor } from '../tensor/index.ts';
import { BINARY_CONTENT_TYPE, JSON_CONTENT_TYPE } from './binary-section.ts';
import type { AnswerForm } from './infer-request.ts';

/** A body ready to be sent, in chunks. */
export interface RestBody {
  readonly contentType: string;
  /** Value of `Inference-Header-Content-Length`; absent without binary tensors. */
  readonly headerLength: number | undefined;
  readonly chunks: readonly Uint8Array[];
  /** Bytes of all chunks. */
  readonly byteLength: number;
}

/** What the answer repeats of the question. */
export interface RestInferResponseOptions {
  /** The name that was asked for. */
  readonly modelName: string;
  /** Takes the place of the runtime's `model_version`. */
  readonly modelVersion?: string | undefined;
  /** The request's id, for runtimes that do not echo it; empty: none. */
  readonly id?: string;
  readonly answer: AnswerForm;
}

/** Letters of a likely number with its comma, to size the first chunk. */
const ELEMENT_BYTES_GUESS = 12;
const FRAME_BYTES_GUESS = 256;

/**
 * Writes the body of a V2 infer response: selects and orders the outputs asked for, numbers at their shortest, `data` flat in row-major order,
 * NaN and infinities as the strings `"NaN"`, `"Infinity"`, `"-Infinity"`. Binary outputs follow the JSON as the runtime's own bytes.
 * Empty `id` and `model_version` are left out.
 *
 * @throws {MeshError} `invalid-argument`: an output that the model does not have, FP16/BF16 or BYTES that are not UTF-8 asked for as JSON.
 */
export function encodeRestInferResponse(response: InferResponse, options: RestInferResponseOptions): RestBody {
  const outputs = selectOutputs(response, options.answer);
  const writer = new JsonWriter(expectedBytes(outputs));
  writer.raw('{"model_name":');
  writer.string(options.modelName);
  const version = options.modelVersion ?? response.modelVersion;
  if (version !== '') {
    writer.raw(',"model_version":');
    writer.string(version);
  }
  const id = response.id === '' ? (options.id ?? '') : response.id;
  if (id !== '') {
    writer.raw(',"id":');
    writer.string(id);
  }
  if (response.parameters.size > 0) {
    writer.raw(',"parameters":');
    writeParameters(writer, response.parameters);
  }
  writer.raw(',"outputs":[');
  outputs.forEach((output, index) => {
    if (index > 0) writer.raw(',');
    writeOutput(writer, output);
  });
  writer.raw(']}');
  const json = writer.finish();
  return bodyOf(
    json,
    outputs.filter((output) => output.binary).map((output) => output.tensor.data),
  );
}

interface AnsweredOutput {
  readonly tensor: Tensor;
  readonly binary: boolean;
}

function selectOutputs(response: InferResponse, answer: AnswerForm): AnsweredOutput[] {
  if (answer.outputs.length === 0) return response.outputs.map((tensor) => ({ tensor, binary: answer.binaryByDefault }));
  return answer.outputs.map(({ name, binary }) => {
    const tensor = response.outputs.find((output) => output.name === name);
    if (tensor !== undefined) return { tensor, binary };
    const known = response.outputs.map((output) => JSON.stringify(output.name)).join(', ');
    throw new MeshError(
      'invalid-argument',
      `unexpected inference output ${JSON.stringify(name)}; the model answered with ${known || 'none'}`,
    );
  });
}

function writeOutput(writer: JsonWriter, { tensor, binary }: AnsweredOutput): void {
  writer.raw('{"name":');
  writer.string(tensor.name);
  writer.raw(`,"datatype":"${tensor.datatype}","shape":[${tensor.shape.join(',')}]`);
  const parameters = binary ? new Map(tensor.parameters).set('binary_data_size', BigInt(tensor.data.length)) : tensor.parameters;
  if (parameters.size > 0) {
    writer.raw(',"parameters":');
    writeParameters(writer, parameters);
  }
  if (!binary) {
    writer.raw(',"data":[');
    new ElementPrinter(tensor, 'refuse').print(writer, elementCount(tensor.shape, tensor.name));
    writer.raw(']');
  }
  writer.raw('}');
}

function expectedBytes(outputs: readonly AnsweredOutput[]): number {
  let bytes = FRAME_BYTES_GUESS;
  for (const { tensor, binary } of outputs) {
    bytes += FRAME_BYTES_GUESS;
    if (!binary)
      bytes += tensor.datatype === 'BYTES' ? tensor.data.length : elementCount(tensor.shape, tensor.name) * ELEMENT_BYTES_GUESS;
  }
  return bytes;
}

function bodyOf(json: readonly Uint8Array[], binary: readonly Uint8Array[]): RestBody {
  const jsonBytes = lengthOf(json);
  if (binary.length === 0)
    return { contentType: JSON_CONTENT_TYPE, headerLength: undefined, chunks: json, byteLength: jsonBytes };
  const filled = binary.filter((data) => data.length > 0);
  const chunks = [...json, ...filled];
  return { contentType: BINARY_CONTENT_TYPE, headerLength: jsonBytes, chunks, byteLength: jsonBytes + lengthOf(filled) };
}

/** Bytes of all chunks. */
export function lengthOf(chunks: readonly Uint8Array[]): number {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return length;
}
