import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, endpointId, epochMs } from '@modelmesh/core';
import { SeededRandom } from '@modelmesh/core/testing';
import { DiffBook, NOTHING_COMPARED } from '@modelmesh/core/traffic';
import { MeshRig } from './testing/index.ts';

const THREE = ['a', 'b', 'c'];

describe('how shadows compare', () => {
  it('is told by whichever node is asked, of the calls of all; a node that does not answer is named', async () => {
    const rig = await MeshRig.of(THREE);
    const end = { code: 0, tookMs: durationMs(1) };
    for (const [at, name] of THREE.entries()) {
      const book = new DiffBook(new SeededRandom(at));
      const pair = { live: end, shadow: end, comparison: NOTHING_COMPARED, incomparable: null };
      const origin = { segment: name === 'c' ? 'eu' : null, requestId: null, atMs: epochMs(1) };
      for (let pairs = 0; pairs <= at; pairs++)
        book.add({ endpoint: endpointId('fraud'), revision: 2, mirror: 'next' }, pair, origin);
      rig.node(name).diffs = book.of(endpointId('fraud'));
    }
    const asked = async (name: string) => {
      const answer = rig.node(name).running.control.diffMesh('fraud', new AbortController().signal);
      await rig.settle();
      const { mirrors, unanswered } = await answer;
      const [mirror] = mirrors;
      const pairs = mirror?.segments.map(({ segment, summary }) => [segment, summary.pairs] as const);
      return { mirrors: mirrors.length, pairs: new Map(pairs), unanswered };
    };
    const all = new Map<string | null, number>([
      [null, 3],
      ['eu', 3],
    ]);
    for (const name of THREE) assert.deepEqual(await asked(name), { mirrors: 1, pairs: all, unanswered: [] }, name);
    rig.unreachable.add('c');
    assert.deepEqual(await asked('a'), { mirrors: 1, pairs: new Map([[null, 3]]), unanswered: ['c'] });
    rig.unreachable.clear();
    await rig.close();
  });
});
