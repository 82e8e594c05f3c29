/** Elements of a tensor in row-major order. */
export type Elements =
  | { readonly kind: 'float'; readonly values: ArrayLike<number> }
  /** Integers of up to 32 bits, and booleans as 0 and 1. */
  | { readonly kind: 'integer'; readonly values: ArrayLike<number> }
  | { readonly kind: 'integer64'; readonly values: ArrayLike<bigint> }
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] };

/** One output of an answer. */
export interface AnswerTensor {
  readonly name: string;
  /** As the Open Inference Protocol names it. */
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly elements: Elements;
}

/** One message of an answer. */
export interface AnswerMessage {
  readonly bytes: Uint8Array;
  /** Decoded when asked for. @throws {MeshError} where the message is none of the Open Inference Protocol, or broken. */
  tensors(): readonly AnswerTensor[];
}

/** Elements of a tensor. */
export const lengthOfElements = ({ values }: Elements): number => values.length;
