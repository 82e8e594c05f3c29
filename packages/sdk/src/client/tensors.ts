import { MeshError } from '@modelmesh/core';
import {
  appendBytesElement,
  checkRawData,
  type Datatype,
  elementCount,
  endOfBytesElement,
  GrowingBytes,
  NO_PARAMETERS,
  type Tensor,
} from '@modelmesh/wire/oip';

/** The typed array that holds the elements of each datatype; halves of 16 bits as their bits. */
const ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const satisfies Record<Exclude<Datatype, 'BYTES'>, unknown>;

/** Datatypes whose elements have one size. */
export type FixedDatatype = keyof typeof ARRAYS;
/** The typed array of a datatype. */
export type ElementsOf<Type extends FixedDatatype> = InstanceType<(typeof ARRAYS)[Type]>;

/** A tensor of elements of one size, over the memory of `elements`. @throws {MeshError} `invalid-argument` if the shape needs another number. */
export function tensor<Type extends FixedDatatype>(
  name: string,
  datatype: Type,
  shape: readonly number[],
  elements: ElementsOf<Type>,
): Tensor {
  const data = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  return checked({ name, datatype, shape, parameters: NO_PARAMETERS, data });
}

/** A BYTES tensor of texts (as UTF-8) or byte strings. @throws {MeshError} `invalid-argument` if the shape needs another number. */
export function bytesTensor(name: string, shape: readonly number[], elements: readonly (string | Uint8Array)[]): Tensor {
  const into = new GrowingBytes(elements.length * 16);
  for (const element of elements) appendBytesElement(into, typeof element === 'string' ? Buffer.from(element) : element);
  return checked({ name, datatype: 'BYTES', shape, parameters: NO_PARAMETERS, data: into.written() });
}

/** The elements of a tensor whose datatype is known. @throws {MeshError} `invalid-argument` if it has another. */
export function elementsOf<Type extends FixedDatatype>(tensor: Tensor, datatype: Type): ElementsOf<Type> {
  if (tensor.datatype !== datatype) {
    throw new MeshError('invalid-argument', `${tensor.name}: its datatype is ${tensor.datatype}, not ${datatype}`);
  }
  // A copy, so that it is aligned; `slice` of a Buffer would be none.
  const { buffer } = new Uint8Array(tensor.data);
  return new ARRAYS[datatype](buffer) as ElementsOf<Type>;
}

/** The elements of a BYTES tensor, as slices of it. @throws {MeshError} `invalid-argument` for another datatype or cut data. */
export function byteStringsOf(tensor: Tensor): Uint8Array[] {
  if (tensor.datatype !== 'BYTES') {
    throw new MeshError('invalid-argument', `${tensor.name}: its datatype is ${tensor.datatype}, not BYTES`);
  }
  checkRawData(tensor, tensor.name);
  const elements: Uint8Array[] = [];
  for (let at = 0; elements.length < elementCount(tensor.shape, tensor.name); ) {
    const end = endOfBytesElement(tensor.data, at);
    elements.push(tensor.data.subarray(at + 4, end));
    at = end;
  }
  return elements;
}

/** The elements of a BYTES tensor as texts. @throws {MeshError} as {@link byteStringsOf}. */
export const textsOf = (tensor: Tensor): string[] => byteStringsOf(tensor).map((bytes) => Buffer.from(bytes).toString());

function checked(made: Tensor): Tensor {
  checkRawData(made, `input ${JSON.stringify(made.name)}`);
  return made;
}
