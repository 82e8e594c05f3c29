import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GENERATED_WIDTH, generateModel } from '@modelmesh/runtime/testing';
import type { NodeProcess } from '../node-process/index.ts';

/** A generated model in a file, with what is needed to ask it and to know its answer. */
export interface ModelFile {
  readonly path: string;
  readonly uri: string;
  readonly sha256: string;
  readonly byteCount: number;
  answer(row: readonly number[]): readonly number[];
}

/** One row that every generated model takes; whole numbers, so that answers are exact. */
export const ROW: readonly number[] = Array.from({ length: GENERATED_WIDTH }, (_, i) => (i % 7) - 3);

/** Writes a generated model below `folder`; equal seeds and sizes give equal files. */
export function writeModel(folder: string, name: string, seed: number, weightBytes = 4096): ModelFile {
  const model = generateModel({ seed, weightBytes });
  const path = join(folder, `${name}.onnx`);
  const bytes = Buffer.concat(model.chunks);
  writeFileSync(path, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { path, uri: `file://${path}`, sha256, byteCount: model.byteCount, answer: (row) => model.answer(row) };
}

/** The parts of a Model manifest that suites vary. */
export interface ModelWishes {
  readonly storage: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** Applies the manifest of one model under its plain key. @throws with the node's answer unless it was taken. */
export async function applyModel(node: NodeProcess, name: string, { storage, spec = {} }: ModelWishes): Promise<void> {
  const manifest = {
    apiVersion: 'modelmesh.io/v1alpha1',
    kind: 'Model',
    metadata: { name },
    spec: { format: { name: 'onnx' }, storage, ...spec },
  };
  const response = await fetch(`${node.url}/api/v1/apply`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(manifest),
  });
  if (!response.ok) throw new Error(`${name} was not applied: ${await response.text()}`);
}
