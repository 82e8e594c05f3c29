import assert from 'node:assert/strict';
import type { Revision } from '@modelmesh/core';
import type { Kv, KvCondition, KvOperation, LeaseId } from '../port.ts';

/** A put as an operation. */
export const put = (key: string, value: string, lease?: LeaseId): KvOperation => ({
  kind: 'put',
  key,
  value,
  ...(lease === undefined ? {} : { lease }),
});
/** A deletion as an operation. */
export const remove = (key: string): KvOperation => ({ kind: 'delete', key });

/** Commits, and fails the test where the store does not. @returns the revision */
export async function commit(
  kv: Kv,
  operations: readonly KvOperation[],
  conditions: readonly KvCondition[] = [],
): Promise<Revision> {
  const outcome = await kv.txn({ conditions, operations });
  assert.equal(outcome.kind, 'committed');
  return outcome.kind === 'committed' ? outcome.revision : assert.fail();
}

/** Matches a rejection by the kind of its `MeshError`. */
export const ofKind = (kind: string, text = /./) => ({ name: 'MeshError', kind, message: text });

/** All pages of a prefix at one revision. */
export async function list(kv: Kv, prefix: string, limit = 1000): Promise<{ revision: Revision; pairs: [string, string][] }> {
  let page = await kv.range(prefix, { limit });
  const pairs: [string, string][] = [];
  for (;;) {
    assert.equal(page.kind, 'page');
    if (page.kind !== 'page') assert.fail();
    for (const { key, value } of page.entries) pairs.push([key, value]);
    const last = page.entries.at(-1);
    if (!page.more || last === undefined) return { revision: page.revision, pairs };
    page = await kv.range(prefix, { limit, after: last.key, revision: page.revision });
  }
}
