import type { ElementType } from './element-type.ts';

/** One input or output of a model. */
export interface TensorSpec {
  readonly name: string;
  readonly type: ElementType;
  /** −1 where any size will do; null where even the number of dimensions is open. */
  readonly shape: readonly number[] | null;
}

/** What a model takes and gives. */
export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** A shape as errors show it: `[-1, 4]`, or `any` without a known rank. */
export function shapeText(shape: readonly number[] | null): string {
  return shape === null ? 'any' : `[${shape.join(', ')}]`;
}
