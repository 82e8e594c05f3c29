import { assertNever } from '@modelmesh/core';
import type { AnswerTensor, Elements } from '@modelmesh/core/traffic';
import { endOfBytesElement, type Tensor } from '@modelmesh/wire/oip';

/** An output as comparers see it. Its data was checked when it was decoded. */
export const answerTensor = (tensor: Tensor): AnswerTensor => ({
  name: tensor.name,
  datatype: tensor.datatype,
  shape: tensor.shape,
  elements: elementsOf(tensor),
});

function elementsOf({ datatype, data }: Tensor): Elements {
  // A copy, so that it is aligned.
  const { buffer } = new Uint8Array(data);
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
      return { kind: 'integer', values: new Uint8Array(buffer) };
    case 'UINT16':
      return { kind: 'integer', values: new Uint16Array(buffer) };
    case 'UINT32':
      return { kind: 'integer', values: new Uint32Array(buffer) };
    case 'INT8':
      return { kind: 'integer', values: new Int8Array(buffer) };
    case 'INT16':
      return { kind: 'integer', values: new Int16Array(buffer) };
    case 'INT32':
      return { kind: 'integer', values: new Int32Array(buffer) };
    case 'UINT64':
      return { kind: 'integer64', values: new BigUint64Array(buffer) };
    case 'INT64':
      return { kind: 'integer64', values: new BigInt64Array(buffer) };
    case 'FP16':
      return { kind: 'float', values: new Float16Array(buffer) };
    case 'BF16':
      return { kind: 'float', values: fromBrainFloats(new Uint16Array(buffer)) };
    case 'FP32':
      return { kind: 'float', values: new Float32Array(buffer) };
    case 'FP64':
      return { kind: 'float', values: new Float64Array(buffer) };
    case 'BYTES':
      return { kind: 'bytes', values: byteStrings(data) };
    default:
      return assertNever(datatype);
  }
}

/** A bfloat16 is the upper half of a float32. */
function fromBrainFloats(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let at = 0; at < halves.length; at++) bits[at] = (halves[at] as number) << 16;
  return new Float32Array(bits.buffer);
}

function byteStrings(data: Uint8Array): Uint8Array[] {
  const elements: Uint8Array[] = [];
  for (let at = 0; at < data.length; ) {
    const end = endOfBytesElement(data, at);
    elements.push(data.subarray(at + 4, end));
    at = end;
  }
  return elements;
}
