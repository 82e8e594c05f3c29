import { MeshError, type MeshErrorKind } from '@modelmesh/core';

/** How the elements of a datatype are read from and written to JSON; `none` has no JSON form and travels as binary only. */
export type JsonForm = 'boolean' | 'integer' | 'integer64' | 'float' | 'text' | 'none';

/** Field of `InferTensorContents` that carries a datatype outside raw contents, with its field number; spec `kserve.md` §4.4. */
export const CONTENTS_FIELDS = {
  bool_contents: 1,
  int_contents: 2,
  int64_contents: 3,
  uint_contents: 4,
  uint64_contents: 5,
  fp32_contents: 6,
  fp64_contents: 7,
  bytes_contents: 8,
} as const;
/** Name of a field of `InferTensorContents`. */
export type ContentsField = keyof typeof CONTENTS_FIELDS;

/** What is fixed about a tensor datatype. */
export interface DatatypeTraits {
  /** Bytes of one element; `null` where elements carry their own length. */
  readonly byteSize: number | null;
  readonly json: JsonForm;
  readonly contents: ContentsField | null;
  /** Range of the integers; absent elsewhere. */
  readonly min?: bigint;
  readonly max?: bigint;
}

const signed = (bits: bigint) => ({ min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n });
const unsigned = (bits: bigint) => ({ min: 0n, max: (1n << bits) - 1n });

/** The datatypes of the Open Inference Protocol; spec `kserve.md` §4.3. */
export const DATATYPES = {
  BOOL: { byteSize: 1, json: 'boolean', contents: 'bool_contents' },
  UINT8: { byteSize: 1, json: 'integer', contents: 'uint_contents', ...unsigned(8n) },
  UINT16: { byteSize: 2, json: 'integer', contents: 'uint_contents', ...unsigned(16n) },
  UINT32: { byteSize: 4, json: 'integer', contents: 'uint_contents', ...unsigned(32n) },
  UINT64: { byteSize: 8, json: 'integer64', contents: 'uint64_contents', ...unsigned(64n) },
  INT8: { byteSize: 1, json: 'integer', contents: 'int_contents', ...signed(8n) },
  INT16: { byteSize: 2, json: 'integer', contents: 'int_contents', ...signed(16n) },
  INT32: { byteSize: 4, json: 'integer', contents: 'int_contents', ...signed(32n) },
  INT64: { byteSize: 8, json: 'integer64', contents: 'int64_contents', ...signed(64n) },
  FP16: { byteSize: 2, json: 'none', contents: null },
  BF16: { byteSize: 2, json: 'none', contents: null },
  FP32: { byteSize: 4, json: 'float', contents: 'fp32_contents' },
  FP64: { byteSize: 8, json: 'float', contents: 'fp64_contents' },
  BYTES: { byteSize: null, json: 'text', contents: 'bytes_contents' },
} as const satisfies Record<string, DatatypeTraits>;

/** Name of a tensor datatype as it stands on the wire. */
export type Datatype = keyof typeof DATATYPES;

/** What is fixed about `datatype`. */
export const traitsOf = (datatype: Datatype): DatatypeTraits => DATATYPES[datatype];

/** Tells whether `name` is a datatype; names are upper case on the wire. */
export const isDatatype = (name: string): name is Datatype => Object.hasOwn(DATATYPES, name);

/** The datatype called `name`. @throws {MeshError} of `kind`, naming the tensor and the datatypes there are. */
export function datatypeOf(name: string, tensor: string, kind: MeshErrorKind = 'invalid-argument'): Datatype {
  if (isDatatype(name)) return name;
  const known = Object.keys(DATATYPES).join(', ');
  throw new MeshError(kind, `${tensor}: unknown datatype ${JSON.stringify(name)}; expected one of ${known}`);
}
