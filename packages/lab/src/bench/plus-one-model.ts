import { onnxModel } from '@modelmesh/runtime/testing';

/** An ONNX model that costs next to nothing and answers as much as it is given: `y = x + 1` over any number of floats. */
export function plusOneModel(): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'x', type: 'float', shape: ['n'] }],
    outputs: [{ name: 'y', type: 'float', shape: ['n'] }],
    initializers: [{ name: 'one', type: 'float', dims: [1], raw: new Uint8Array(Float32Array.of(1).buffer) }],
    nodes: [{ op: 'Add', inputs: ['x', 'one'], outputs: ['y'] }],
  });
}
