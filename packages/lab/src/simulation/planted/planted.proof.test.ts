import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { writeResults } from '../../figures/index.ts';
import { type Hunt, hunt, PLANTED_BUGS, PLANTED_SEEDS_MAX } from './index.ts';

const hunts: Hunt[] = [];

after(() => {
  const bugs = hunts.map(({ name, seed, checker }) => ({ name, seed, checker }));
  writeResults('planted', { seedsMax: PLANTED_SEEDS_MAX, bugs });
});

for (const bug of PLANTED_BUGS) {
  test(`${bug.name} (${bug.breaks}) is caught within ${PLANTED_SEEDS_MAX} seeds`, async (context) => {
    const found = await hunt(bug);
    const { seed, verdict } = found;
    hunts.push(found);
    context.diagnostic(verdict);
    assert.notEqual(seed, null, verdict);
  });
}
