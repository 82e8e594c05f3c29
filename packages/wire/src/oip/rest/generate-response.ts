import { Buffer } from 'node:buffer';
import { JsonWriter } from '../json/index.ts';
import { writeParameterValue } from '../parameter.ts';
import type { InferResponse } from '../proto/index.ts';
import { ElementPrinter, elementCount, type Tensor } from '../tensor/index.ts';
import { errorBody } from './bodies.ts';

/** Content type of `generate_stream`. */
export const EVENT_STREAM_CONTENT_TYPE = 'text/event-stream; charset=utf-8';

/** What the answer repeats of the question. */
export interface GenerateResponseOptions {
  /** The name that was asked for. */
  readonly modelName: string;
  /** Takes the place of the runtime's `model_version`. */
  readonly modelVersion?: string | undefined;
  /** The request's id, for runtimes that do not echo it. */
  readonly id?: string;
}

const MODEL_NAME = 'model_name';
const MODEL_VERSION = 'model_version';
const ID = 'id';
const FRAME_BYTES_GUESS = 256;

/**
 * Writes an infer response as the flat object of the generate extension: `model_name`, `model_version`, `id`, then each output and parameter under
 * its own name, an output of one element as that element and any other as a flat list. A parameter gives way to an output of its name.
 *
 * @throws {MeshError} `invalid-argument` for outputs that JSON cannot carry.
 */
export function encodeGenerateResponse(response: InferResponse, options: GenerateResponseOptions): Uint8Array[] {
  const size = response.outputs.reduce((bytes, { data }) => bytes + data.length * 2, FRAME_BYTES_GUESS);
  const writer = new JsonWriter(size);
  const written = new Set([MODEL_NAME, MODEL_VERSION, ID]);
  writer.raw(`{"${MODEL_NAME}":`);
  writer.string(options.modelName);
  const version = options.modelVersion ?? response.modelVersion;
  if (version !== '') writeMember(writer, MODEL_VERSION, version);
  const id = response.id === '' ? (options.id ?? '') : response.id;
  if (id !== '') writeMember(writer, ID, id);
  for (const output of response.outputs) {
    if (written.has(output.name)) continue;
    written.add(output.name);
    writer.raw(',');
    writer.string(output.name);
    writer.raw(':');
    writeOutput(writer, output);
  }
  for (const [key, value] of response.parameters) {
    if (written.has(key)) continue;
    writer.raw(',');
    writer.string(key);
    writer.raw(':');
    writeParameterValue(writer, value);
  }
  writer.raw('}');
  return writer.finish();
}

function writeMember(writer: JsonWriter, key: string, value: string): void {
  writer.raw(`,"${key}":`);
  writer.string(value);
}

function writeOutput(writer: JsonWriter, output: Tensor): void {
  const count = elementCount(output.shape, output.name);
  if (count !== 1) writer.raw('[');
  new ElementPrinter(output, 'refuse').print(writer, count);
  if (count !== 1) writer.raw(']');
}

const EVENT_BEGIN: Uint8Array = Buffer.from('data: ');
const EVENT_END: Uint8Array = Buffer.from('\n\n');

/** One server-sent event that carries a JSON document; our JSON never holds a line feed, so one `data` line is enough. */
export const serverSentEvent = (json: readonly Uint8Array[]): Uint8Array[] => [EVENT_BEGIN, ...json, EVENT_END];

/** An error within a stream that has begun: its status is sent, so the sentence goes in-band; spec `kserve.md` §6.5, 33. */
export const serverSentError = (message: string): Uint8Array[] => serverSentEvent([errorBody(message)]);
