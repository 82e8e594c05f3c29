import { ProtoSlice } from './proto-slice.ts';

/** Tensors and dimensions that one request may name; beyond, it is refused before anything is run. */
export const REQUEST_TENSORS_MAX = 4096;

/** A range of the request's bytes. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** One input as it stands in the request: nothing of its data has been touched. */
export interface RequestInput {
  name: string;
  datatype: string;
  readonly shape: number[];
  /** Where its InferTensorContents stand; several are merged by protobuf's rules, so all are kept. */
  readonly contents: Range[];
}

/** A ModelInferRequest, read on slices; spec `kserve.md` §4.4. */
export interface InferRequest {
  modelName: string;
  id: string;
  readonly inputs: RequestInput[];
  readonly outputs: string[];
  readonly raw: Range[];
}

const LENGTH = 2;

/** Reads `bytes[start, end)`. Parameters and unknown fields are skipped. @throws {MeshError} `invalid-argument` with the byte where it broke. */
export function readInferRequest(bytes: Uint8Array, start: number, end: number): InferRequest {
  const request: InferRequest = { modelName: '', id: '', inputs: [], outputs: [], raw: [] };
  const slice = new ProtoSlice(bytes, start, end);
  for (let tag = slice.tag(); tag !== 0; tag = slice.tag()) {
    switch (tag) {
      case (1 << 3) | LENGTH:
        request.modelName = slice.text();
        break;
      case (3 << 3) | LENGTH:
        request.id = slice.text();
        break;
      case (5 << 3) | LENGTH:
        request.inputs.push(within(slice, readInput));
        break;
      case (6 << 3) | LENGTH:
        request.outputs.push(within(slice, readOutput));
        break;
      case (7 << 3) | LENGTH: {
        const rawEnd = slice.lengthEnd();
        request.raw.push({ start: slice.position, end: rawEnd });
        slice.position = rawEnd;
        break;
      }
      default:
        slice.skip(tag & 7);
    }
    if (request.inputs.length + request.outputs.length + request.raw.length > REQUEST_TENSORS_MAX) {
      throw slice.malformed(`more than ${REQUEST_TENSORS_MAX} tensors are named`);
    }
  }
  return request;
}

/** Reads an embedded message with `read` and goes on behind it. */
function within<T>(slice: ProtoSlice, read: (slice: ProtoSlice) => T): T {
  const outerEnd = slice.end;
  const end = slice.lengthEnd();
  slice.end = end;
  const value = read(slice);
  slice.position = end;
  slice.end = outerEnd;
  return value;
}

function readInput(slice: ProtoSlice): RequestInput {
  const input: RequestInput = { name: '', datatype: '', shape: [], contents: [] };
  for (let tag = slice.tag(); tag !== 0; tag = slice.tag()) {
    switch (tag) {
      case (1 << 3) | LENGTH:
        input.name = slice.text();
        break;
      case (2 << 3) | LENGTH:
        input.datatype = slice.text();
        break;
      case (3 << 3) | LENGTH: {
        const end = slice.lengthEnd();
        while (slice.position < end) input.shape.push(dimension(slice));
        break;
      }
      case (3 << 3) | 0:
        input.shape.push(dimension(slice));
        break;
      case (5 << 3) | LENGTH: {
        const end = slice.lengthEnd();
        input.contents.push({ start: slice.position, end });
        slice.position = end;
        break;
      }
      default:
        slice.skip(tag & 7);
    }
    if (input.shape.length > REQUEST_TENSORS_MAX)
      throw slice.malformed(`a shape has more than ${REQUEST_TENSORS_MAX} dimensions`);
  }
  return input;
}

/** An int64 dimension; every negative one comes out as −1 and is refused with the tensor's name later. */
function dimension(slice: ProtoSlice): number {
  const value = slice.varint();
  return value >= 2 ** 63 ? -1 : value;
}

function readOutput(slice: ProtoSlice): string {
  let name = '';
  for (let tag = slice.tag(); tag !== 0; tag = slice.tag()) {
    if (tag === ((1 << 3) | LENGTH)) name = slice.text();
    else slice.skip(tag & 7);
  }
  return name;
}
