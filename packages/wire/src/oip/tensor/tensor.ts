import { MeshError, type MeshErrorKind } from '@modelmesh/core';
import type { Parameters } from '../parameter.ts';
import { type Datatype, traitsOf } from './datatype.ts';

/** A named array of one datatype. */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Row-major dimensions, none negative; empty for a scalar. Their product is a safe integer. */
  readonly shape: readonly number[];
  readonly parameters: Parameters;
  /** Elements in the protocol's raw form: little-endian, unpadded; BYTES as 4-byte little-endian length + bytes each; BOOL one byte 0 or 1. */
  readonly data: Uint8Array;
}

/** The most dimensions a tensor may have; numpy and ONNX Runtime stop at or below it. */
export const TENSOR_RANK_MAX = 32;

/** A shape as messages show it: `[2,3]`. */
export const showShape = (shape: readonly number[]): string => `[${shape.join(',')}]`;

/**
 * Elements of a tensor of `shape`.
 *
 * @throws {MeshError} of `kind`, naming the tensor, if a dimension is negative (-1 stands in metadata only), no integer, or the product is
 * beyond 2^53.
 */
export function elementCount(shape: readonly number[], tensor: string, kind: MeshErrorKind = 'invalid-argument'): number {
  if (shape.length > TENSOR_RANK_MAX) {
    throw new MeshError(kind, `${tensor}: ${shape.length} dimensions; at most ${TENSOR_RANK_MAX} are accepted`);
  }
  let count = 1;
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) {
      throw new MeshError(kind, `${tensor}: shape ${showShape(shape)} must hold non-negative integers only`);
    }
    count *= dimension;
  }
  if (!Number.isSafeInteger(count)) throw new MeshError(kind, `${tensor}: shape ${showShape(shape)} is too large`);
  return count;
}

/**
 * Checks that raw bytes are what datatype and shape promise: the length, the walk over BYTES elements, and that BOOL holds only 0 and 1.
 *
 * @throws {MeshError} of `kind`, naming the tensor, what was expected and what was found.
 */
export function checkRawData(tensor: Omit<Tensor, 'parameters'>, label: string, kind: MeshErrorKind = 'invalid-argument'): void {
  const count = elementCount(tensor.shape, label, kind);
  const { byteSize } = traitsOf(tensor.datatype);
  const bytes = tensor.data.length;
  if (byteSize === null) {
    checkBytesElements(tensor.data, count, label, kind);
    return;
  }
  if (bytes !== count * byteSize) {
    const expected = `${tensor.datatype} of shape ${showShape(tensor.shape)} needs ${count * byteSize} bytes`;
    throw new MeshError(kind, `${label}: ${expected}, got ${bytes}`);
  }
  if (tensor.datatype !== 'BOOL') return;
  for (let i = 0; i < bytes; i++) {
    if ((tensor.data[i] as number) > 1) {
      throw new MeshError(
        kind,
        `${label}: element ${i} of a BOOL tensor is the byte ${tensor.data[i]}; only 0 and 1 are booleans`,
      );
    }
  }
}

function checkBytesElements(data: Uint8Array, count: number, label: string, kind: MeshErrorKind): void {
  let found = 0;
  for (let at = 0; at < data.length; found++) {
    const end = endOfBytesElement(data, at);
    if (end > data.length)
      throw new MeshError(kind, `${label}: element ${found} of its BYTES data is cut off at byte ${data.length}`);
    at = end;
  }
  if (found !== count) throw new MeshError(kind, `${label}: its shape needs ${count} BYTES elements, its data holds ${found}`);
}

/** Where the BYTES element that begins at `at` ends; beyond the data if its length prefix or content is cut off. */
export function endOfBytesElement(data: Uint8Array, at: number): number {
  if (at + 4 > data.length) return data.length + 1;
  const low = (data[at] as number) | ((data[at + 1] as number) << 8) | ((data[at + 2] as number) << 16);
  return at + 4 + low + (data[at + 3] as number) * 0x1000000;
}
