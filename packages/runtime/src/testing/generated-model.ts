import { type OnnxModelSpec, onnxModelChunks } from './onnx-model.ts';

/** Features of one row that every generated model takes and gives. */
export const GENERATED_WIDTH = 16;

/** Hidden columns come in blocks of this size, so that packing for a processor's vectors adds no padding. */
const HIDDEN_BLOCK = 16;

const BLOCK_BYTES = HIDDEN_BLOCK * 2 * GENERATED_WIDTH * 4;

/** What makes one generated model different from another. */
export interface GeneratedModelOptions {
  /** Bytes of weights, rounded down to a multiple of 2 KiB; at least 2 KiB. */
  readonly weightBytes: number;
  /** Decides the weights: equal seeds and sizes give equal models. A whole number below 2^31. */
  readonly seed: number;
}

/**
 * A model `y = (x · W) · V + b` over rows of {@link GENERATED_WIDTH} floats named `x` and `y`.
 *
 * Weights are whole numbers between −3 and 3, so for small whole inputs every partial sum is exact in 32-bit floats and the answer does not
 * depend on the order in which a processor adds.
 */
export interface GeneratedModel {
  /** The ONNX file as chunks; write them one after the other. */
  readonly chunks: readonly Uint8Array[];
  readonly byteCount: number;
  /** The exact answer for one row of {@link GENERATED_WIDTH} whole numbers between −3 and 3. */
  answer(row: readonly number[]): readonly number[];
}

/** Makes one model of a wanted size. @throws {RangeError} if the size is below 2 KiB. */
export function generateModel(options: GeneratedModelOptions): GeneratedModel {
  const hidden = HIDDEN_BLOCK * Math.floor(options.weightBytes / BLOCK_BYTES);
  if (hidden < 1) throw new RangeError(`weightBytes must be at least ${BLOCK_BYTES}, got ${options.weightBytes}`);
  const next = wholeNumbers(options.seed);
  const fill = (length: number): Float32Array => {
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) values[i] = next();
    return values;
  };
  const into = fill(GENERATED_WIDTH * hidden);
  const back = fill(hidden * GENERATED_WIDTH);
  const bias = fill(GENERATED_WIDTH);
  const chunks = onnxModelChunks(modelSpec(hidden, into, back, bias));
  return {
    chunks,
    byteCount: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    answer: (row) => multiply(row, hidden, into, back, bias),
  };
}

function modelSpec(hidden: number, into: Float32Array, back: Float32Array, bias: Float32Array): OnnxModelSpec {
  const raw = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer);
  return {
    inputs: [{ name: 'x', type: 'float', shape: ['rows', GENERATED_WIDTH] }],
    outputs: [{ name: 'y', type: 'float', shape: ['rows', GENERATED_WIDTH] }],
    initializers: [
      { name: 'W', type: 'float', dims: [GENERATED_WIDTH, hidden], raw: raw(into) },
      { name: 'V', type: 'float', dims: [hidden, GENERATED_WIDTH], raw: raw(back) },
      { name: 'b', type: 'float', dims: [GENERATED_WIDTH], raw: raw(bias) },
    ],
    nodes: [
      { op: 'MatMul', inputs: ['x', 'W'], outputs: ['h'] },
      { op: 'MatMul', inputs: ['h', 'V'], outputs: ['s'] },
      { op: 'Add', inputs: ['s', 'b'], outputs: ['y'] },
    ],
  };
}

/** Whole numbers from −3 to 3 by a 32-bit linear congruence: portable, and fast enough for 48 MiB. */
function wholeNumbers(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 16) % 7) - 3;
  };
}

function multiply(
  row: readonly number[],
  hidden: number,
  into: Float32Array,
  back: Float32Array,
  bias: Float32Array,
): readonly number[] {
  const sums = Array.from(bias);
  for (let column = 0; column < hidden; column++) {
    let h = 0;
    for (let i = 0; i < GENERATED_WIDTH; i++) h += (row[i] ?? 0) * (into[i * hidden + column] ?? 0);
    for (let o = 0; o < GENERATED_WIDTH; o++) sums[o] = (sums[o] ?? 0) + h * (back[column * GENERATED_WIDTH + o] ?? 0);
  }
  return sums;
}
