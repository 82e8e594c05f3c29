import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hunt, PLANTED_BUGS, PLANTED_SEEDS_MAX } from './index.ts';

for (const bug of PLANTED_BUGS) {
  test(`${bug.name} (${bug.breaks}) is caught within ${PLANTED_SEEDS_MAX} seeds`, async (context) => {
    const { seed, verdict } = await hunt(bug);
    context.diagnostic(verdict);
    assert.notEqual(seed, null, verdict);
  });
}
