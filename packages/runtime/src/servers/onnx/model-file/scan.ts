import { open } from 'node:fs/promises';
import { MeshError } from '@modelmesh/core';
import { diskError } from '../../../storage/index.ts';
import { ByteWindow, malformed } from './byte-window.ts';
import type { ModelFacts } from './facts.ts';
import { GraphScan } from './graph-scan.ts';

/**
 * Reads the structure of an ONNX file, skipping weights without reading them from disk.
 *
 * @throws {MeshError} `invalid-argument` if the file is not ONNX, `not-found` or as the disk fails.
 */
export async function scanModelFile(path: string): Promise<ModelFacts> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      return scanModel(new ByteWindow(file.fd, size));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw naming(diskError(error, path), path);
  }
}

/** What is wrong within a file is said by position; people need the file too. */
function naming(error: MeshError, path: string): MeshError {
  if (error.kind !== 'invalid-argument' || error.message.includes(path)) return error;
  return new MeshError(error.kind, `${error.message} (${path})`, { cause: error });
}

function scanModel(window: ByteWindow): ModelFacts {
  const end = window.fileBytes;
  const graph = new GraphScan(window);
  let irVersion = 0;
  let producer = '';
  let graphs = 0;
  while (window.position < end) {
    const tag = window.varint(end);
    switch (tag) {
      case (1 << 3) | 0:
        irVersion = window.varint(end);
        break;
      case (2 << 3) | 2:
        producer = window.text(window.lengthEnd(end), 256);
        break;
      case (7 << 3) | 2:
        graphs++;
        graph.read(window.lengthEnd(end), true);
        break;
      case (25 << 3) | 2:
        graph.readFunction(window.lengthEnd(end));
        break;
      default:
        window.skip(tag & 7, end);
    }
  }
  if (graphs === 0) throw malformed(end, 'there is no graph');
  return { fileBytes: end, irVersion, producer, ...graph.facts() };
}
