import type { ModelFacts } from './facts.ts';

/** What an empty session takes: graph, allocator, kernels' registry entries. Measured with onnxruntime-node 1.30.0. */
export const SESSION_BYTES = 80 * 1024;

/** What one node takes beside its weights: kernel, arguments, execution plan. Measured as above. */
export const NODE_BYTES = 3 * 1024;

/** Tree ensembles keep what their attributes list in structures this many times as large: 7.5 to 8 times, measured as above. */
export const ATTRIBUTE_FACTOR = 8;

/** Columns of a packed matrix come in blocks of this many. */
const PACKED_COLUMNS = 16;

/**
 * Predicts the memory of one session from the model's structure: the weights, the padding of matrices that kernels pack for vectors, and
 * what every session and node costs.
 */
export function predictSessionBytes(facts: ModelFacts): number {
  let bytes = SESSION_BYTES + facts.nodeCount * NODE_BYTES + facts.weightBytes + (ATTRIBUTE_FACTOR - 1) * facts.attributeBytes;
  for (const { byteCount, columns } of facts.matrices) {
    const packed = Math.ceil(columns / PACKED_COLUMNS) * PACKED_COLUMNS;
    if (columns > 0) bytes += byteCount * (packed / columns - 1);
  }
  return Math.ceil(bytes);
}
