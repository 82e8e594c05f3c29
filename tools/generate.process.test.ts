import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const fresh = mkdtempSync(join(tmpdir(), 'generated-'));
after(() => rmSync(fresh, { recursive: true, force: true }));

/** Every file below a folder by its path. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((file) => join(file.parentPath, file.name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]));
}

it('Generating again gives the code that is kept, so neither protos nor generator changed without it', () => {
  execFileSync(process.execPath, [join(root, 'tools/generate.ts'), '--output', fresh], { stdio: ['ignore', 'pipe', 'pipe'] });
  const kept = contents(join(root, 'packages/wire/src/gen'));
  assert.ok(Object.keys(kept).length > 5);
  assert.deepEqual(contents(fresh), kept);
});
