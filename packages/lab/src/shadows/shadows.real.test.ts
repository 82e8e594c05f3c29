import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runGrpcLoad } from '../load/index.ts';
import { ShadowMesh } from './index.ts';

const CALLS = 50_000;
const FLIP_EVERY = 1000;

describe('50 000 calls that are mirrored', () => {
  it('show each of the fifty whose class is another one, and no other', { timeout: 300_000 }, async (t) => {
    await using mesh = await ShadowMesh.start({ room: 100, flags: { 'limits-shadow-queue-max': '1000000' } });
    mesh.server.flipEvery.set('shadow', FLIP_EVERY);
    await mesh.register('live');
    await mesh.register('shadow');
    await mesh.applyEndpoint(100);
    using link = mesh.node.connect();
    let number = 0;
    const result = await runGrpcLoad({
      connections: [link.connection],
      streamsPerConnection: 8,
      end: { kind: 'calls', count: CALLS },
      next: () => {
        number += 1;
        return mesh.request(number);
      },
    });
    result.assertAllRight();
    const { diff, sums, dropped } = await mesh.settled(CALLS);
    t.diagnostic(`${result.perSecond.toFixed(0)} live calls a second; ${JSON.stringify(sums)}`);
    assert.deepEqual([sums.pairs, dropped], [CALLS, 0]);
    assert.deepEqual(
      [sums.flips, sums.flipped, sums.equal],
      [CALLS / FLIP_EVERY, CALLS / FLIP_EVERY, CALLS - CALLS / FLIP_EVERY],
    );
    assert.ok(diff.samples.length > 0 && diff.samples.every(({ kind }) => kind === 'flip'));
  });
});
