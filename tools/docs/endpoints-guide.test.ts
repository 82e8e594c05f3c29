import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { UnitHasher } from '@modelmesh/core/traffic';
import { ROOT } from '../run-steps.ts';

test('the hash of sticky units is what the guide says: every vector of it', () => {
  const guide = readFileSync(`${ROOT}/docs/guides/endpoints.md`, 'utf8');
  const rows = [...guide.matchAll(/^\| `(.*)` \| `(.*)` \| `([0-9a-f]{16})` \| (\d+) \|$/gm)];
  assert.ok(rows.length >= 5, `${rows.length} vectors`);
  for (const [, salt = '', unit = '', hash, slot] of rows) {
    const hasher = new UnitHasher(salt);
    assert.deepEqual([hasher.hex(unit), hasher.slot(unit)], [hash, Number(slot)], `${salt} ${unit}`);
  }
});
