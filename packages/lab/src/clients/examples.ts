import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { NodeProcess } from '../node-process/index.ts';

/** The folder of the example models. */
export const EXAMPLES = fileURLToPath(new URL('../../../../examples/models/', import.meta.url));

/** Names of the folders that hold an example model. */
export const exampleNames = (): readonly string[] => readdirSync(EXAMPLES).toSorted();

/** Posts JSON to a path of a node. @throws if it does not succeed */
export type PostJson = (path: string, json: string) => Promise<void>;

/** Applies the manifest of every example model to a node, in plaintext unless told otherwise. */
export async function applyExamples(node: NodeProcess, post: PostJson = postTo(node)): Promise<void> {
  for (const name of exampleNames()) {
    const manifest = parse(readFileSync(join(EXAMPLES, name, 'model.yaml'), 'utf8')) as { spec: { storage: { uri: string } } };
    manifest.spec.storage.uri = `file://${join(EXAMPLES, name, manifest.spec.storage.uri)}`;
    await post('/api/v1/apply', JSON.stringify(manifest));
  }
}

const postTo =
  ({ url }: NodeProcess): PostJson =>
  async (path, body) => {
    const response = await fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  };
