import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { revision } from '@modelmesh/core';
import { KV_RANGE_LIMIT_MAX } from '../port.ts';
import type { ContractOptions, WithStore } from './contract.ts';
import { commit, list, ofKind, put, remove } from './writing.ts';

/** Single reads and ranges. */
export function readsContract(withStore: WithStore, options: ContractOptions): void {
  describe('reads', () => {
    it(
      'show what was acknowledged before, with the revisions of creation and change',
      withStore(async ({ kv }) => {
        assert.equal((await kv.get('a')).entry, null);
        const created = await commit(kv, [put('a', '1')]);
        const changed = await commit(kv, [put('a', '2')]);
        assert.deepEqual(await kv.get('a'), {
          revision: changed,
          entry: { key: 'a', value: '2', createRevision: created, modRevision: changed },
        });
        const removed = await commit(kv, [remove('a')]);
        assert.deepEqual(await kv.get('a'), { revision: removed, entry: null });
      }),
    );
    ranges(withStore);
    it(
      'say that a revision is no longer kept',
      { skip: options.historyLimits },
      withStore(
        async ({ kv }) => {
          const early = await commit(kv, [put('a', '0'), put('stays', 's')]);
          for (let count = 0; count < 20; count++) await commit(kv, [count % 2 === 0 ? remove('a') : put('a', String(count))]);
          const gone = await kv.range('', { limit: 10, revision: early });
          assert.equal(gone.kind, 'compacted');
          const oldest = gone.kind === 'compacted' ? gone.oldest : assert.fail();
          assert.equal((await kv.range('', { limit: 10, revision: oldest })).kind, 'page');
          assert.deepEqual((await list(kv, '')).pairs, [
            ['a', '19'],
            ['stays', 's'],
          ]);
        },
        { revisionsMax: 4, bytesMax: 1_000_000 },
      ),
    );
    it(
      'say so where the bound of the bytes was passed, and go on with what is current',
      { skip: options.historyLimits },
      withStore(
        async ({ kv }) => {
          const early = await commit(kv, [put('a', 'x'.repeat(1000))]);
          for (let count = 0; count < 10; count++) await commit(kv, [put('a', 'y'.repeat(1000))]);
          assert.equal((await kv.range('', { limit: 10, revision: early })).kind, 'compacted');
          assert.equal((await kv.get('a')).entry?.value, 'y'.repeat(1000));
        },
        { revisionsMax: 1000, bytesMax: 4000 },
      ),
    );
  });
}

function ranges(withStore: WithStore): void {
  it(
    'list the keys under a prefix in the order of their UTF-8 bytes',
    withStore(async ({ kv }) => {
      const ordered = ['p', 'p\0', 'p/a', 'p/a/b', 'p/é', 'p/\uffff', 'p/\u{10000}', 'p/\u{10ffff}', 'p\u{10ffff}'];
      await commit(
        kv,
        [...ordered.toReversed(), 'o', 'q', '\u{10ffff}'].map((key) => put(key, key)),
      );
      const keys = async (prefix: string, limit: number) => (await list(kv, prefix, limit)).pairs.map(([key]) => key);
      assert.deepEqual(await keys('p', 100), ordered);
      assert.deepEqual(await keys('p', 1), ordered);
      assert.deepEqual(await keys('p/', 2), ordered.slice(2, 8));
      assert.deepEqual(await keys('p/\u{10ffff}', 2), ['p/\u{10ffff}']);
      assert.deepEqual(await keys('', 4), ['o', ...ordered, 'q', '\u{10ffff}']);
      assert.deepEqual(await keys('nothing', 4), []);
    }),
  );
  it(
    'page at the revision of the first page while writes go on',
    withStore(async ({ kv }) => {
      await commit(
        kv,
        Array.from({ length: 10 }, (_, index) => put(`k${index}`, 'old')),
      );
      const first = await kv.range('k', { limit: 3 });
      assert.ok(first.kind === 'page' && first.more);
      await commit(kv, [put('k3', 'new'), put('k35', 'new'), remove('k4'), put('k0', 'new')]);
      await commit(kv, [put('k4', 'again')]);
      const rest = await kv.range('k', { limit: 100, after: 'k2', revision: first.revision });
      assert.ok(rest.kind === 'page' && !rest.more);
      assert.deepEqual(
        rest.entries.map(({ key, value }) => `${key} ${value}`),
        [3, 4, 5, 6, 7, 8, 9].map((index) => `k${index} old`),
      );
      assert.equal(rest.revision, first.revision);
      assert.deepEqual((await list(kv, 'k3')).pairs, [
        ['k3', 'new'],
        ['k35', 'new'],
      ]);
    }),
  );
  it(
    'cut a page short before it grows without bound',
    withStore(async ({ kv }) => {
      for (const key of ['a', 'b', 'c', 'd', 'e']) await commit(kv, [put(key, key.repeat(1_400_000))]);
      const page = await kv.range('', { limit: 100 });
      assert.ok(page.kind === 'page' && page.more && page.entries.length === 3);
      assert.deepEqual(
        (await list(kv, '', 100)).pairs.map(([key]) => key),
        ['a', 'b', 'c', 'd', 'e'],
      );
    }),
  );
  it(
    'refuse an impossible limit, prefix or revision',
    withStore(async ({ kv }) => {
      const { revision: now } = await kv.get('a');
      for (const limit of [0, -1, 1.5, KV_RANGE_LIMIT_MAX + 1]) {
        await assert.rejects(kv.range('', { limit }), ofKind('invalid-argument', /limit/));
      }
      await assert.rejects(kv.range('\ud800', { limit: 1 }), ofKind('invalid-argument'));
      await assert.rejects(kv.range('', { limit: 1, revision: revision(now + 99) }), ofKind('invalid-argument', /future/));
    }),
  );
}
