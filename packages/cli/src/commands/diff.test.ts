import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DiffSampleView, SegmentDiffView } from '@modelmesh/sdk/client';
import { EXIT } from '../index.ts';
import { FakeWorld, fakeMesh } from '../testing/index.ts';

const TIMES = { meanMs: 1, p50Ms: 1, p99Ms: 2.5 };
const SEGMENT: SegmentDiffView = {
  ...{ segment: null, pairs: 1001, bothOk: 1000, liveOnly: 1, shadowOnly: 0, bothFailed: 0, compared: 1000, incomparable: 0 },
  ...{ equal: 999, flipped: 1, rows: 1000, flips: 1, elements: 2000, differing: 2, largestDifference: 0.123456 },
  ...{ topKAgreement: 0.9995, cosineMean: null, cosineLeast: null, live: TIMES, shadow: { ...TIMES, p99Ms: 25 } },
  dropped: { 'queue-full': 3, 'no-free-room': 4 },
};
const SAMPLE: DiffSampleView = {
  ...{ kind: 'flip', at: '2026-01-02T03:04:05.000Z', requestId: 'r-1', segment: 'eu', because: 'the class is another one' },
  ...{ liveCode: 0, shadowCode: 0, liveMs: 1.2, shadowMs: 12 },
} as const;
const MIRROR = {
  mirror: 'next',
  revision: 7,
  segments: [SEGMENT, { ...SEGMENT, segment: 'eu', compared: 0 }],
  samples: [SAMPLE],
};

test('the sums of each shadow are a table, and pairs that differ another one', async () => {
  await using mesh = await fakeMesh({
    'GET /api/v1/endpoints/fraud/diff': { json: { endpoint: 'fraud', mirrors: [MIRROR], unanswered: ['n2'] } },
    'GET /api/v1/endpoints/calm/diff': { json: { endpoint: 'calm', mirrors: [], unanswered: [] } },
  });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  assert.equal(await world.run('diff', 'fraud'), EXIT.done, world.err);
  assert.deepEqual(
    world.out.split('\n').map((line) => line.split(/ {2,}/)),
    [
      [
        'SHADOW',
        'REVISION',
        'SEGMENT',
        'PAIRS',
        'EQUAL',
        'FLIPPED',
        'LARGEST',
        'TOP-K',
        'COSINE',
        'LIVE-ONLY',
        'SHADOW-ONLY',
        'P99',
        'DROPPED',
      ],
      ['next', '7', '-', '1001', '99.9%', '1', '0.1235', '0.9995', '-', '1', '0', '2.5ms → 25ms', '7'],
      ['next', '7', 'eu', '1001', '-', '1', '-', '0.9995', '-', '1', '0', '2.5ms → 25ms', '7'],
      [''],
    ],
  );
  assert.match(world.err, /no answer from n2/);
  assert.equal(await world.run('diff', 'fraud', '--samples'), EXIT.done);
  assert.match(world.out, /2026-01-02T03:04:05.000Z +next +7 +eu +flip +r-1 +1.2ms → 12ms +the class is another one/);
  assert.equal(await world.run('diff', 'fraud', '-o', 'json'), EXIT.done);
  assert.deepEqual(JSON.parse(world.out), [MIRROR]);
  assert.equal(await world.run('diff', 'calm'), EXIT.done);
  assert.equal(world.out, '');
  assert.match(world.err, /no call of the endpoint was mirrored/);
});
