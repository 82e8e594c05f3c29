/** A typed array over bytes that ONNX Runtime can read. */
export type ElementArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** Name of a tensor type in ONNX Runtime's JavaScript API. */
export type OrtType =
  | 'float32'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'string'
  | 'bool'
  | 'float16'
  | 'float64'
  | 'uint32'
  | 'uint64';

/** One type of elements: its name on both sides and how its bytes are seen. */
export interface ElementType {
  readonly ort: OrtType;
  /** Name in the Open Inference Protocol; spec `kserve.md` §4.3. */
  readonly datatype: string;
  /** Bytes of one element; 0 for BYTES, whose elements carry their own length. */
  readonly byteSize: number;
  /** Field of InferTensorContents that may carry it; 0 where only raw contents can. */
  readonly contentsField: number;
  /** Sees `count` elements in place; `offset` must be a multiple of the size. */
  readonly view: (buffer: ArrayBuffer, offset: number, count: number) => ElementArray;
}

const bytesView = (buffer: ArrayBuffer, offset: number, count: number): Uint8Array => new Uint8Array(buffer, offset, count);

const TYPES: readonly ElementType[] = [
  { ort: 'bool', datatype: 'BOOL', byteSize: 1, contentsField: 1, view: bytesView },
  { ort: 'uint8', datatype: 'UINT8', byteSize: 1, contentsField: 4, view: bytesView },
  { ort: 'uint16', datatype: 'UINT16', byteSize: 2, contentsField: 4, view: (b, o, n) => new Uint16Array(b, o, n) },
  { ort: 'uint32', datatype: 'UINT32', byteSize: 4, contentsField: 4, view: (b, o, n) => new Uint32Array(b, o, n) },
  { ort: 'uint64', datatype: 'UINT64', byteSize: 8, contentsField: 5, view: (b, o, n) => new BigUint64Array(b, o, n) },
  { ort: 'int8', datatype: 'INT8', byteSize: 1, contentsField: 2, view: (b, o, n) => new Int8Array(b, o, n) },
  { ort: 'int16', datatype: 'INT16', byteSize: 2, contentsField: 2, view: (b, o, n) => new Int16Array(b, o, n) },
  { ort: 'int32', datatype: 'INT32', byteSize: 4, contentsField: 2, view: (b, o, n) => new Int32Array(b, o, n) },
  { ort: 'int64', datatype: 'INT64', byteSize: 8, contentsField: 3, view: (b, o, n) => new BigInt64Array(b, o, n) },
  { ort: 'float16', datatype: 'FP16', byteSize: 2, contentsField: 0, view: (b, o, n) => new Uint16Array(b, o, n) },
  { ort: 'float32', datatype: 'FP32', byteSize: 4, contentsField: 6, view: (b, o, n) => new Float32Array(b, o, n) },
  { ort: 'float64', datatype: 'FP64', byteSize: 8, contentsField: 7, view: (b, o, n) => new Float64Array(b, o, n) },
  { ort: 'string', datatype: 'BYTES', byteSize: 0, contentsField: 8, view: bytesView },
];

const BY_ORT = new Map(TYPES.map((type) => [type.ort as string, type]));

/** The type that ONNX Runtime calls `name`, or undefined for one that the protocol cannot carry, such as int4. */
export function elementTypeOfOrt(name: string): ElementType | undefined {
  return BY_ORT.get(name);
}

/** All types, for tests that go through them. */
export const ELEMENT_TYPES: readonly ElementType[] = TYPES;

/** Names of the fields of InferTensorContents by their number; spec `kserve.md` §4.4. */
export const CONTENTS_FIELD_NAMES: readonly string[] = [
  'raw_input_contents',
  'bool_contents',
  'int_contents',
  'int64_contents',
  'uint_contents',
  'uint64_contents',
  'fp32_contents',
  'fp64_contents',
  'bytes_contents',
];
