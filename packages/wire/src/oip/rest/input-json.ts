import { MeshError } from '@modelmesh/core';
import { type JsonReader, type ReaderMark, startsNumber } from '../json/index.ts';
import { type ParameterValue, readParameters } from '../parameter.ts';
import {
  appendBytesElement,
  checkDataForm,
  checkRawData,
  type Datatype,
  datatypeOf,
  decodeBase64,
  ElementSink,
  elementCount,
  endOfBytesElement,
  GrowingBytes,
  NestedData,
  type Tensor,
} from '../tensor/index.ts';
import type { BinarySection } from './binary-section.ts';

/** Parameter of an input whose data follows the JSON; spec `kserve.md` §4.5. */
const BINARY_DATA_SIZE = 'binary_data_size';

/** Parameter and values by which ModelMesh's REST proxy takes BYTES as base64; spec `modelmesh-serving.md` §6.3. */
const CONTENT_TYPE = 'content_type';
const BASE64_NAMES: ReadonlySet<ParameterValue> = new Set(['base64', 'b64', 'BASE64', 'B64']);

/** One member of `inputs` as it has been read; its binary data is still to be fetched. */
export interface InputJson {
  readonly label: string;
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly parameters: Map<string, ParameterValue>;
  /** Elements and form of `data`; absent where the data is binary. */
  readonly json: { readonly sink: ElementSink; readonly dimensions: readonly number[] } | undefined;
}

interface Draft {
  name?: string;
  datatype?: string;
  shape?: number[];
  parameters: Map<string, ParameterValue>;
  json?: InputJson['json'];
  /** Where `data` begins that came before its datatype. */
  deferred?: ReaderMark;
}

/** Reads one input. Its members may stand in any order: data before its datatype is stepped over and read at the end. */
export function readInput(reader: JsonReader, index: number): InputJson {
  const draft: Draft = { parameters: new Map() };
  const label = (): string => (draft.name === undefined ? `inputs[${index}]` : `input ${JSON.stringify(draft.name)}`);
  reader.object(`inputs[${index}]`, (key) => {
    if (key === 'name') draft.name = reader.text(`inputs[${index}].name`);
    else if (key === 'datatype') draft.datatype = reader.text(`${label()}: datatype`);
    else if (key === 'shape') draft.shape = readShape(reader, label());
    else if (key === 'parameters') draft.parameters = readParameters(reader, label());
    else if (key === 'data') readOrDefer(reader, draft, label());
    else reader.skip();
  });
  const { name, datatype, shape } = draft;
  if (name === undefined || name === '') throw missing(label(), 'name');
  if (datatype === undefined) throw missing(label(), 'datatype');
  if (shape === undefined) throw missing(label(), 'shape');
  if (draft.deferred !== undefined) {
    const here = reader.mark();
    reader.rewind(draft.deferred);
    draft.json = readData(reader, datatype, shape, label());
    reader.rewind(here);
  }
  return { label: label(), name, datatype: datatypeOf(datatype, label()), shape, parameters: draft.parameters, json: draft.json };
}

const missing = (label: string, member: string): MeshError => new MeshError('invalid-argument', `${label} has no "${member}"`);

/** A shape in a request: non-negative safe integers. -1 stands in metadata only (spec `kserve.md` §6.5, 6). */
function readShape(reader: JsonReader, label: string): number[] {
  const shape: number[] = [];
  reader.array(`${label}: shape`, () => {
    if (!startsNumber(reader.space())) reader.unexpected(`${label}: shape as an array of integers`);
    shape.push(reader.number());
  });
  elementCount(shape, label);
  return shape;
}

function readOrDefer(reader: JsonReader, draft: Draft, label: string): void {
  if (reader.nullHere()) return;
  if (draft.datatype !== undefined) draft.json = readData(reader, draft.datatype, draft.shape, label);
  else {
    draft.deferred = reader.mark();
    reader.skipData();
  }
}

function readData(reader: JsonReader, datatype: string, shape: readonly number[] | undefined, label: string): InputJson['json'] {
  // A shape is only a promise: no more room than what the rest of the body could fill.
  const fits = (reader.bytes.length - reader.pos) >> 1;
  const expected = shape === undefined ? 0 : Math.min(elementCount(shape, label), fits);
  const sink = new ElementSink(datatypeOf(datatype, label), { label, expected });
  const data = new NestedData(sink);
  data.read(reader);
  return { sink, dimensions: data.dimensions() };
}

/** The tensor of an input: its JSON data checked against the shape, or its bytes from the binary section, which is taken in this order. */
export function tensorOf(input: InputJson, binary: BinarySection): Tensor {
  const { label, name, datatype, shape, parameters, json } = input;
  const size = parameters.get(BINARY_DATA_SIZE);
  if (json !== undefined) {
    if (size !== undefined) throw new MeshError('invalid-argument', `${label} has both "data" and ${BINARY_DATA_SIZE}`);
    checkDataForm(json.dimensions, json.sink.count, shape, label);
    const data = json.sink.data();
    const encoded = datatype === 'BYTES' && BASE64_NAMES.has(parameters.get(CONTENT_TYPE) ?? null);
    return { name, datatype, shape, parameters, data: encoded ? decodeElements(data, label) : data };
  }
  if (size === undefined) throw new MeshError('invalid-argument', `${label} has neither "data" nor ${BINARY_DATA_SIZE}`);
  if (typeof size !== 'bigint' || size < 0n || size > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new MeshError('invalid-argument', `${label}: ${BINARY_DATA_SIZE} must be a non-negative integer`);
  }
  const kept = new Map(parameters);
  kept.delete(BINARY_DATA_SIZE); // speaks of the REST body, which the runtime never sees
  const tensor: Tensor = { name, datatype, shape, parameters: kept, data: binary.take(Number(size), label) };
  checkRawData(tensor, label);
  return tensor;
}

function decodeElements(data: Uint8Array, label: string): Uint8Array {
  const decoded = new GrowingBytes(data.length);
  let index = 0;
  for (let at = 0; at < data.length; index++) {
    const end = endOfBytesElement(data, at);
    const content = decodeBase64(new TextDecoder().decode(data.subarray(at + 4, end)));
    if (content === undefined) throw new MeshError('invalid-argument', `${label}: element ${index} of its data is not base64`);
    appendBytesElement(decoded, content);
    at = end;
  }
  return decoded.written();
}
