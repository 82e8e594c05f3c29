import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  KV_OPERATIONS_MAX,
  KV_PENDING_MAX,
  KV_TXN_BYTES_MAX,
  type KvCondition,
  type KvOperation,
  type LeaseId,
} from '../port.ts';
import { ofKind, put, remove } from '../testing/index.ts';
import { CommitQueue, type Pending } from './commit-queue.ts';

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const operation = fc.oneof(
  key.map((at) => put(at, '')),
  key.map(remove),
  key.map((at) => put(at, '', 'lease' as LeaseId)),
);
const condition = fc.record({ kind: fc.constantFrom('present' as const, 'absent' as const), key });
const txn = fc.record({
  conditions: fc.array(condition, { maxLength: 3 }) as fc.Arbitrary<KvCondition[]>,
  operations: fc.uniqueArray(operation, { minLength: 1, maxLength: 3, selector: (one) => one.key }) as fc.Arbitrary<
    KvOperation[]
  >,
});

const tell = (batch: readonly Pending[]): void => {
  for (const { resolve } of batch) resolve({ kind: 'lease-gone', lease: 'told' as LeaseId });
};

describe('what is committed together', () => {
  it('has no key in common that one writes, stays in order, and is everything once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(txn, { maxLength: 20 }), async (txns) => {
        const batches: Pending[][] = [];
        const queue = new CommitQueue(async (batch) => {
          batches.push([...batch]);
          tell(batch);
          return [];
        });
        await Promise.all(txns.map((one) => queue.push(one, 1)));
        assert.deepEqual(
          batches.flat().map((one) => one.txn),
          txns,
        );
        for (const batch of batches) {
          for (const [index, { txn: one }] of batch.entries()) {
            const written = new Set(one.operations.map((each) => each.key));
            const others = batch
              .filter((_, at) => at !== index)
              .flatMap(({ txn: other }) => [...other.operations, ...other.conditions]);
            assert.ok(others.every((each) => !written.has(each.key)));
            if (batch.length > 1) assert.ok(one.operations.every((each) => each.kind === 'delete' || each.lease === undefined));
          }
        }
      }),
    );
  });

  it('stays within the limits of one request', async () => {
    const sizes: number[] = [];
    const queue = new CommitQueue(async (batch) => {
      sizes.push(batch.length);
      tell(batch);
      return [];
    });
    const push = (index: number, byteCount: number) =>
      queue.push({ conditions: [], operations: [put(`k${index}`, '')] }, byteCount);
    await Promise.all(Array.from({ length: KV_OPERATIONS_MAX + 1 }, (_, index) => push(index, 1)));
    assert.deepEqual(sizes.splice(0), [KV_OPERATIONS_MAX, 1]);
    await Promise.all(Array.from({ length: 3 }, (_, index) => push(index, KV_TXN_BYTES_MAX / 2)));
    assert.deepEqual(sizes, [2, 1]);
  });

  it('comes again where it was given back, and is refused where too much waits', async () => {
    let rounds = 0;
    const queue = new CommitQueue(async (batch) => {
      rounds += 1;
      if (rounds === 1) return batch;
      tell(batch);
      return [];
    });
    const waiting = Array.from({ length: KV_PENDING_MAX }, (_, index) =>
      queue.push({ conditions: [], operations: [put(`k${index}`, '')] }, 1),
    );
    await assert.rejects(queue.push({ conditions: [], operations: [put('more', '')] }, 1), ofKind('overloaded'));
    await Promise.all(waiting);
    assert.ok(rounds > 1);
  });
});
