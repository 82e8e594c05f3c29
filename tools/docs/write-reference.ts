/** Writes the pages of the reference that are made from the code: `node --conditions=mesh-source tools/docs/write-reference.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { referencePages } from './reference-pages.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
for (const [path, make] of Object.entries(referencePages)) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), make());
}
