/** Bits of one element by TensorProto.DataType; strings are counted by their bytes instead. Source: the public ONNX format. */
const ELEMENT_BITS: Readonly<Record<number, number>> = {
  1: 32, // float
  2: 8, // uint8
  3: 8, // int8
  4: 16, // uint16
  5: 16, // int16
  6: 32, // int32
  7: 64, // int64
  9: 8, // bool
  10: 16, // float16
  11: 64, // double
  12: 32, // uint32
  13: 64, // uint64
  14: 64, // complex64
  15: 128, // complex128
  16: 16, // bfloat16
  17: 8, // float8 forms
  18: 8,
  19: 8,
  20: 8,
  21: 4, // uint4
  22: 4, // int4
};

/** TensorProto.DataType of strings. */
export const STRING_TYPE = 8;

/** Memory that one std::string takes beside its characters. */
const STRING_OVERHEAD_BYTES = 32;

/** Memory of a tensor with these dimensions; `textBytes` are the characters of a string tensor. */
export function tensorBytes(dataType: number, dims: readonly number[], textBytes: number): number {
  const elements = dims.reduce((product, dim) => product * dim, 1);
  if (dataType === STRING_TYPE) return elements * STRING_OVERHEAD_BYTES + textBytes;
  return Math.ceil((elements * (ELEMENT_BITS[dataType] ?? 32)) / 8);
}
