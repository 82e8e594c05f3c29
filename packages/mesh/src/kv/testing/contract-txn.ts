import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KV_KEY_BYTES_MAX, KV_OPERATIONS_MAX, KV_TXN_BYTES_MAX, type KvOperation } from '../port.ts';
import type { WithStore } from './contract.ts';
import { commit, list, ofKind, put, remove } from './writing.ts';

/** Transactions: conditions, atomicity, revisions, limits. */
export function txnContract(withStore: WithStore): void {
  describe('transactions', () => {
    conditions(withStore);
    races(withStore);
    revisions(withStore);
    limits(withStore);
  });
}

function conditions(withStore: WithStore): void {
  it(
    'write only over the revision that was read, and show the newer entry otherwise',
    withStore(async ({ kv }) => {
      const first = await commit(kv, [put('a', '1')]);
      const second = await commit(kv, [put('a', '2')], [{ kind: 'unchanged', key: 'a', modRevision: first }]);
      const late = await kv.txn({
        conditions: [{ kind: 'unchanged', key: 'a', modRevision: first }],
        operations: [put('a', '3')],
      });
      const current = [{ key: 'a', value: '2', createRevision: first, modRevision: second }];
      assert.deepEqual(late, { kind: 'conflict', revision: second, current });
      assert.equal((await kv.get('a')).entry?.value, '2');
    }),
  );
  it(
    'guard by absence and by presence',
    withStore(async ({ kv }) => {
      await commit(kv, [put('a', '1')], [{ kind: 'absent', key: 'a' }]);
      assert.equal((await kv.txn({ conditions: [{ kind: 'absent', key: 'a' }], operations: [put('a', '2')] })).kind, 'conflict');
      const missing = await kv.txn({ conditions: [{ kind: 'present', key: 'b' }], operations: [put('b', '2')] });
      assert.deepEqual(missing.kind === 'conflict' && missing.current, [null]);
      await commit(kv, [put('b', '1')], [{ kind: 'present', key: 'a' }]);
      await commit(kv, [remove('a')]);
      await commit(kv, [put('a', '3')], [{ kind: 'absent', key: 'a' }]);
    }),
  );
  it(
    'do not take a deleted and recreated key for the one that was read',
    withStore(async ({ kv }) => {
      const modRevision = await commit(kv, [put('a', 'same')]);
      await commit(kv, [remove('a')]);
      const again = await commit(kv, [put('a', 'same')]);
      const outcome = await kv.txn({ conditions: [{ kind: 'unchanged', key: 'a', modRevision }], operations: [remove('a')] });
      assert.equal(outcome.kind, 'conflict');
      assert.equal((await kv.get('a')).entry?.createRevision, again);
    }),
  );
  it(
    'change all keys or none',
    withStore(async ({ kv }) => {
      const modRevision = await commit(kv, [put('model', '1'), put('endpoint', '1')]);
      const outcome = await kv.txn({
        conditions: [
          { kind: 'unchanged', key: 'model', modRevision },
          { kind: 'absent', key: 'endpoint' },
        ],
        operations: [put('model', '2'), put('new', '2'), remove('endpoint')],
      });
      assert.deepEqual(outcome.kind === 'conflict' && outcome.current.map((entry) => entry?.key), ['model', 'endpoint']);
      assert.deepEqual((await list(kv, '')).pairs, [
        ['endpoint', '1'],
        ['model', '1'],
      ]);
    }),
  );
}

function races(withStore: WithStore): void {
  it(
    'let exactly one of many concurrent writers win each revision',
    withStore(async ({ kv }) => {
      await commit(kv, [put('counter', '0')]);
      let conflicts = 0;
      const increment = async (): Promise<void> => {
        for (;;) {
          const { entry } = await kv.get('counter');
          if (entry === null) return assert.fail();
          const outcome = await kv.txn({
            conditions: [{ kind: 'unchanged', key: 'counter', modRevision: entry.modRevision }],
            operations: [put('counter', String(Number(entry.value) + 1))],
          });
          if (outcome.kind === 'committed') return;
          conflicts += 1;
        }
      };
      await Promise.all(Array.from({ length: 32 }, increment));
      assert.equal((await kv.get('counter')).entry?.value, '32');
      assert.ok(conflicts > 0, 'the writers did not meet');
    }),
  );
}

function revisions(withStore: WithStore): void {
  it(
    'raise the revision by each change, and only by a change',
    withStore(async ({ kv }) => {
      const before = (await kv.get('a')).revision;
      const first = await commit(kv, [put('a', '1'), put('b', '1')]);
      assert.ok(first > before);
      const second = await commit(kv, [put('a', '1')]);
      assert.ok(second > first, 'writing the same value is a change');
      assert.equal(await commit(kv, [remove('never-there')]), second);
      assert.equal(await commit(kv, [], [{ kind: 'present', key: 'a' }]), second);
      await kv.txn({ conditions: [{ kind: 'absent', key: 'a' }], operations: [put('b', '2')] });
      assert.equal((await kv.get('a')).revision, second);
      const { entry } = await kv.get('b');
      assert.deepEqual(entry, { key: 'b', value: '1', createRevision: first, modRevision: first });
    }),
  );
}

function limits(withStore: WithStore): void {
  const operations = (count: number): KvOperation[] => Array.from({ length: count }, (_, index) => put(`key-${index}`, ''));
  it(
    `hold up to ${KV_OPERATIONS_MAX} operations and as many conditions`,
    withStore(async ({ kv }) => {
      const absences = operations(KV_OPERATIONS_MAX).map(({ key }) => ({ kind: 'absent' as const, key }));
      await commit(kv, operations(KV_OPERATIONS_MAX), absences);
      await assert.rejects(kv.txn({ conditions: [], operations: operations(KV_OPERATIONS_MAX + 1) }), ofKind('invalid-argument'));
      const tooMany = { conditions: [...absences, { kind: 'absent' as const, key: 'x' }], operations: [] };
      await assert.rejects(kv.txn(tooMany), ofKind('invalid-argument', new RegExp(`${KV_OPERATIONS_MAX + 1} conditions`)));
    }),
  );
  it(
    'refuse the same key in two operations',
    withStore(async ({ kv }) => {
      await assert.rejects(
        kv.txn({ conditions: [], operations: [put('a', '1'), remove('a')] }),
        ofKind('invalid-argument', /"a"/),
      );
    }),
  );
  it(
    'take values up to the limit of bytes and refuse longer ones without effect',
    withStore(async ({ kv }) => {
      const longest = 'é'.repeat((KV_TXN_BYTES_MAX - 2) / 2);
      await commit(kv, [put('kk', longest)]);
      assert.equal((await kv.get('kk')).entry?.value, longest);
      await assert.rejects(
        kv.txn({ conditions: [], operations: [put('kk', `${longest}x`)] }),
        ofKind('invalid-argument', new RegExp(`${KV_TXN_BYTES_MAX + 1} bytes`)),
      );
      assert.equal((await kv.get('kk')).entry?.value, longest);
    }),
  );
  it(
    'take keys of any well-formed text up to the limit',
    withStore(async ({ kv }) => {
      const { revision: start } = await kv.get('a');
      const keys = ['/tas-runtime/x y/ü\0%_*', '\u{1f600}\uffff', 'k'.repeat(KV_KEY_BYTES_MAX), 'é'.repeat(KV_KEY_BYTES_MAX / 2)];
      for (const key of keys) {
        await commit(kv, [put(key, `\0${key}\0`)]);
        assert.equal((await kv.get(key)).entry?.value, `\0${key}\0`);
      }
      assert.equal((await list(kv, '')).pairs.length, keys.length);
      for (const bad of ['', 'k'.repeat(KV_KEY_BYTES_MAX + 1), 'é'.repeat(KV_KEY_BYTES_MAX / 2 + 1), '\ud800']) {
        await assert.rejects(kv.txn({ conditions: [], operations: [put(bad, '')] }), ofKind('invalid-argument'));
        await assert.rejects(kv.get(bad), ofKind('invalid-argument'));
      }
      await assert.rejects(
        kv.txn({ conditions: [], operations: [put('a', '\udfff')] }),
        ofKind('invalid-argument', /well-formed/),
      );
      assert.equal((await kv.get('a')).revision, start + keys.length);
    }),
  );
}
