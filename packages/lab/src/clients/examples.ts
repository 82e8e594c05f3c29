import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { NodeProcess } from '../node-process/index.ts';

/** The folder of the example models. */
export const EXAMPLES = fileURLToPath(new URL('../../../../examples/models/', import.meta.url));

/** Names of the folders that hold an example model. */
export const exampleNames = (): readonly string[] => readdirSync(EXAMPLES).toSorted();

/** Applies the manifest of every example model to a node. */
export async function applyExamples(node: NodeProcess): Promise<void> {
  for (const name of exampleNames()) {
    const manifest = parse(readFileSync(join(EXAMPLES, name, 'model.yaml'), 'utf8')) as { spec: { storage: { uri: string } } };
    manifest.spec.storage.uri = `file://${join(EXAMPLES, name, manifest.spec.storage.uri)}`;
    const response = await fetch(`${node.url}/api/v1/apply`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(manifest),
    });
    if (!response.ok) throw new Error(`${name} was not applied: ${await response.text()}`);
  }
}
