import { createRequire } from 'node:module';
import { MeshError } from '@modelmesh/core';

/** The module of ONNX Runtime. */
export type Ort = typeof import('onnxruntime-node');

/**
 * Loads ONNX Runtime into this thread. Its binding does not know Float16Array and reads nothing from one; without that global its JavaScript
 * side takes 16-bit floats as Uint16Array, which it handles. This thread runs nothing else, so the global is not missed.
 *
 * @throws {MeshError} `failed-precondition` when the optional package is missing or has no binary for this machine.
 */
export function loadOrt(): Ort {
  Reflect.deleteProperty(globalThis, 'Float16Array');
  try {
    return createRequire(import.meta.url)('onnxruntime-node') as Ort;
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new MeshError(
      'failed-precondition',
      `ONNX models need the package onnxruntime-node (npm install onnxruntime-node), which cannot be used on ${process.platform}-${process.arch}: ${why}`,
      { cause: error },
    );
  }
}
