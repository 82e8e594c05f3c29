import { onnxModelChunks } from '@modelmesh/runtime/testing';

/** Rows and columns of the matrices: 2 MiB each, so that they stay in a processor's cache and the work is arithmetic. */
const WIDTH = 768;

/**
 * An ONNX model that computes for long on little memory: `x` of one float scales a matrix, which is multiplied by itself `multiplications` times;
 * `y` is the mean. The result depends on the input, so nothing can be computed when the model is loaded.
 */
export function heavyModel(multiplications: number): Uint8Array {
  const weights = new Float32Array(WIDTH * WIDTH);
  // A rotation by one: powers of it neither grow nor vanish.
  for (let row = 0; row < WIDTH; row++) weights[row * WIDTH + ((row + 1) % WIDTH)] = 1;
  const last = `h${multiplications}`;
  return Buffer.concat(
    onnxModelChunks({
      inputs: [{ name: 'x', type: 'float', shape: [1] }],
      outputs: [{ name: 'y', type: 'float', shape: [1, 1] }],
      initializers: [{ name: 'W', type: 'float', dims: [WIDTH, WIDTH], raw: new Uint8Array(weights.buffer) }],
      nodes: [
        { op: 'Mul', inputs: ['x', 'W'], outputs: ['h0'] },
        ...Array.from({ length: multiplications }, (_, at) => ({
          op: 'MatMul',
          inputs: [`h${at}`, 'W'],
          outputs: [`h${at + 1}`],
        })),
        { op: 'ReduceMean', inputs: [last], outputs: ['y'] },
      ],
    }),
  );
}
