import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runGrpcLoad } from '../load/index.ts';
import { freeFolder, scrape } from '../node-process/index.ts';
import { ShadowMesh } from './index.ts';

/** A comparer that finds one element and a difference in each pair of answers with an output. */
const OWN_COMPARER = `export default {
  plugin: 'comparer',
  name: 'first-output',
  compare: (live, shadow) => ({
    equal: live.tensors()[0].name !== shadow.tensors()[0].name,
    because: 'a plug-in says so',
    elements: 1,
    differing: 1,
    largestDifference: 0,
    rows: 0,
    flips: 0,
    topK: null,
    cosine: null,
  }),
};
`;
const ROOM = 12;
const CALLS = 400;
const FLIP_EVERY = 50;

/** Calls one after the other in a few lanes, numbered from 1. */
async function callEndpoint(mesh: ShadowMesh, calls: number, lanes = 8): Promise<void> {
  using link = mesh.node.connect();
  let number = 0;
  const result = await runGrpcLoad({
    connections: [link.connection],
    streamsPerConnection: lanes,
    end: { kind: 'calls', count: calls },
    next: () => {
      number += 1;
      return mesh.request(number);
    },
  });
  result.assertAllRight();
}

async function callModel(mesh: ShadowMesh, model: string): Promise<void> {
  using link = mesh.node.connect();
  const next = () => mesh.request(1, model);
  const result = await runGrpcLoad({
    connections: [link.connection],
    streamsPerConnection: 1,
    end: { kind: 'calls', count: 1 },
    next,
  });
  result.assertAllRight();
}

describe('shadows of a real node', () => {
  for (const workers of [1, 2])
    it(`find every class that flips, and nothing else, in what callers of ${workers} workers get by gRPC and REST`, {
      timeout: 120_000,
    }, async (t) => {
      await using mesh = await ShadowMesh.start({
        room: 100,
        flags: { workers: `${workers}`, 'limits-shadow-queue-max': '100000' },
      });
      mesh.server.flipEvery.set('shadow', FLIP_EVERY);
      await mesh.register('live');
      await mesh.register('shadow');
      await mesh.applyEndpoint(100, { topK: 1 });
      await callEndpoint(mesh, CALLS);
      const { diff, sums, dropped } = await mesh.settled(CALLS);
      t.diagnostic(JSON.stringify(sums));
      assert.deepEqual([sums.pairs, dropped, sums.bothOk], [CALLS, 0, CALLS]);
      assert.deepEqual(
        [sums.flips, sums.flipped, sums.equal],
        [CALLS / FLIP_EVERY, CALLS / FLIP_EVERY, CALLS - CALLS / FLIP_EVERY],
      );
      assert.equal(sums.topKAgreement, 1 - 1 / FLIP_EVERY);
      assert.ok(diff.samples.every(({ kind, because }) => kind === 'flip' && because.includes('scores')));

      const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [1] }];
      const answer = await fetch(`${mesh.node.url}/v2/models/fraud/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id: `${FLIP_EVERY}`, inputs }),
      });
      assert.equal(answer.status, 200, await answer.text());
      const after = await mesh.settled(CALLS + 1);
      assert.equal(after.sums.flips, CALLS / FLIP_EVERY + 1, 'a body of REST is found out as a message of gRPC is');
      const series = await scrape(mesh.node);
      assert.equal(series.get('mesh_shadow_calls_total{endpoint="fraud",mirror="shadow",outcome="flip"}'), after.sums.flipped);
    });

  for (const workers of [1, 2])
    it(`are compared by the comparer of a plug-in, with ${workers} workers`, { timeout: 120_000 }, async () => {
      await using folder = await freeFolder();
      const plugin = join(folder.path, 'comparer.mjs');
      await writeFile(plugin, OWN_COMPARER);
      await using mesh = await ShadowMesh.start({ room: 100, flags: { workers: `${workers}`, plugins: plugin } });
      await mesh.register('live');
      await mesh.register('shadow');
      await mesh.applyEndpoint(100, { comparer: 'first-output' });
      await callEndpoint(mesh, 20);
      const { sums } = await mesh.settled(20);
      assert.deepEqual([sums.compared, sums.incomparable, sums.elements, sums.equal], [20, 0, 20, 0]);
    });

  it('push no live copy out, and are told of what they did not get', { timeout: 120_000 }, async (t) => {
    await using mesh = await ShadowMesh.start({ room: ROOM });
    await mesh.register('live');
    await mesh.register('shadow');
    await mesh.applyEndpoint(100);
    await callModel(mesh, 'live');
    // Others fill what is left, until there is no room for one more.
    const others: string[] = [];
    for (let at = 0; mesh.server.unloads.length === 0; at++) {
      others.push(`other-${at}`);
      await mesh.register(`other-${at}`);
      await callModel(mesh, `other-${at}`);
    }
    const [victim] = mesh.server.unloads;
    t.diagnostic(`${others.length + 1} models beside ${victim}, which went for the last one`);
    await callModel(mesh, 'live');
    const unloads = mesh.server.unloads.length;
    await callEndpoint(mesh, CALLS);
    const { sums, dropped } = await mesh.settled(CALLS);
    assert.deepEqual([sums.pairs, dropped], [0, CALLS]);
    assert.deepEqual(Object.keys(sums.dropped), ['no-free-room']);
    assert.equal(mesh.server.unloads.length, unloads, 'nobody went for the shadow');
    assert.equal(mesh.server.loads.includes('shadow'), false);
    const series = await scrape(mesh.node);
    assert.equal(series.get('mesh_shadow_calls_total{endpoint="fraud",mirror="shadow",outcome="dropped-no-free-room"}'), CALLS);
  });

  it('have copies that go first, however many calls they got', { timeout: 120_000 }, async () => {
    await using mesh = await ShadowMesh.start({ room: ROOM });
    await mesh.register('live');
    await mesh.register('shadow');
    await mesh.applyEndpoint(100);
    await callEndpoint(mesh, CALLS);
    const { sums } = await mesh.settled(CALLS);
    assert.ok(sums.pairs > 0);
    assert.deepEqual(mesh.server.loads, ['live', 'shadow']);
    for (let at = 0; mesh.server.unloads.length === 0; at++) {
      await mesh.register(`other-${at}`);
      await callModel(mesh, `other-${at}`);
    }
    assert.deepEqual(mesh.server.unloads, ['shadow'], 'of all that were loaded, the first ones called long before');
    assert.equal((await mesh.rest.model('live')).status, 'LOADED');
  });
});
