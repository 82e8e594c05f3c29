import { MeshError } from '@modelmesh/core';

/** Field numbers that lead to a string: all but the last name embedded messages. Made by {@link fieldPath}. */
export type FieldPath = readonly [number, ...number[]];

/** The most field numbers of one path. */
export const FIELD_PATH_DEPTH_MAX = 16;

const FIELD_NUMBER_MAX = 2 ** 29 - 1;

/** Checks a path from a configuration or a runtime. @throws {MeshError} `invalid-argument` if it is empty, too deep or no field numbers. */
export function fieldPath(numbers: readonly number[]): FieldPath {
  const [first, ...rest] = numbers;
  if (first === undefined || numbers.length > FIELD_PATH_DEPTH_MAX) {
    throw new MeshError('invalid-argument', `a field path has 1 to ${FIELD_PATH_DEPTH_MAX} numbers, got ${numbers.length}`);
  }
  for (const number of numbers) {
    if (!Number.isInteger(number) || number < 1 || number > FIELD_NUMBER_MAX) {
      throw new MeshError('invalid-argument', `a field number is a whole number from 1 to ${FIELD_NUMBER_MAX}, got ${number}`);
    }
  }
  return [first, ...rest];
}
