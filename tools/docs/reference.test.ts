import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { referencePages } from './reference-pages.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the reference', () => {
  for (const [path, make] of Object.entries(referencePages)) {
    it(`says in ${path} what the code says; tools/docs/write-reference.ts rewrites it`, () => {
      assert.equal(readFileSync(join(root, path), 'utf8'), make());
    });
  }
});
