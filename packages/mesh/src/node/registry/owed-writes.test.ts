import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_NAMESPACE, epochMs, instanceId, modelKey } from '@modelmesh/core';
import {
  type ModelRecord,
  newModelRecord,
  withCopyClaimed,
  withCopyWithdrawn,
  withFailure,
  withLastUsed,
  withoutFailureOf,
} from '@modelmesh/core/records';
import fc from 'fast-check';
import { type OwedWrites, owedWith, pay, SAME_FAILURE_MS, type Statement } from './owed-writes.ts';

const HERE = instanceId('here');
const THERE = instanceId('there');
const failure = (n: number) => ({ atMs: epochMs(n), message: `failure ${n}` });

const record: ModelRecord = withFailure(
  withCopyClaimed(
    newModelRecord({
      key: modelKey('m'),
      namespace: DEFAULT_NAMESPACE,
      type: 't',
      path: 'p',
      encKey: '',
      lastUsedMs: epochMs(1),
      createdAtMs: epochMs(1),
      generation: 1,
    }),
    THERE,
    epochMs(5),
  ),
  instanceId('elsewhere'),
  failure(6),
);

const statements = fc.oneof(
  fc.nat(9).map((n): Statement => ({ kind: 'withdrawn', lastUsedMs: epochMs(n) })),
  fc.constant<Statement>({ kind: 'not-failed' }),
  fc.nat(9).map((n): Statement => ({ kind: 'failed', failure: failure(n) })),
);

/** What the registry would hold had it taken the write. */
function written(before: ModelRecord, statement: Statement): ModelRecord {
  switch (statement.kind) {
    case 'withdrawn':
      return withLastUsed(withCopyWithdrawn(before, HERE), statement.lastUsedMs);
    case 'failed':
      return withFailure(before, HERE, statement.failure);
    case 'not-failed':
      return withoutFailureOf(before, HERE);
  }
}

describe('writes that the registry did not take', () => {
  it('come to the same as if each had been written, however many they are, and touch nobody else', () => {
    const start = fc.constantFrom(record, withCopyClaimed(record, HERE, epochMs(7)), withFailure(record, HERE, failure(8)));
    fc.assert(
      fc.property(start, fc.array(statements, { minLength: 1, maxLength: 6 }), (before, said) => {
        let owed: OwedWrites | undefined;
        for (const statement of said) owed = owedWith(owed, statement);
        assert.ok(owed !== undefined);
        assert.deepEqual(pay(before, HERE, owed), said.reduce(written, before));
      }),
    );
  });

  it('write nothing where the record says so already', () => {
    assert.equal(pay(record, HERE, owedWith(undefined, { kind: 'withdrawn', lastUsedMs: record.lastUsedMs })), record);
    assert.equal(pay(record, HERE, owedWith(undefined, { kind: 'not-failed' })), record);
  });

  it('are none for a failure that was said a moment ago, and one once it is old or another', () => {
    const said = withFailure(record, HERE, failure(0));
    const again = (atMs: number, message: string): ModelRecord =>
      pay(said, HERE, owedWith(undefined, { kind: 'failed', failure: { atMs: epochMs(atMs), message } }));
    assert.equal(again(SAME_FAILURE_MS - 1, 'failure 0'), said);
    assert.equal(again(SAME_FAILURE_MS, 'failure 0').failures.get(HERE)?.atMs, SAME_FAILURE_MS);
    assert.equal(again(1, 'failure 1').failures.get(HERE)?.message, 'failure 1');
  });
});
