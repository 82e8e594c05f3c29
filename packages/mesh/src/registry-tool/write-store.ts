import { assertNever, MeshError } from '@modelmesh/core';
import { instancesPrefix, joinKey, type RegistryLayout } from '@modelmesh/wire/registry';
import type { Kv, KvCondition, KvOperation, KvTxn } from '../kv/index.ts';
import { digestOf, listMesh, type PlacedEntry } from './contents.ts';
import type { PlannedWrite, WritePlan } from './plan-writes.ts';
import type { TellProgress } from './tell-progress.ts';

/** Writes of one transaction; below what etcd takes. */
const BATCH_WRITES_MAX = 100;
/** Text of one transaction, in bytes. Each write fits: a store took it before. */
const BATCH_BYTES_MAX = 512 * 1024;
/** Instances that a message names. */
const NAMED_MAX = 5;

/** A mesh in an open store that is written to. */
export interface WriteTarget {
  readonly kv: Kv;
  readonly layout: RegistryLayout;
  /** Whether others may have the store open too. Sessions in one that is ours alone are those of nodes that ended without a word. */
  readonly shared: boolean;
}

/** Ids of the instances that live in a mesh, by their leased records. */
export async function liveInstances(kv: Kv, layout: RegistryLayout): Promise<readonly string[]> {
  const prefix = instancesPrefix(layout);
  const page = await kv.range(prefix, { limit: 1000 });
  if (page.kind === 'compacted') return [];
  return page.entries.flatMap(({ key, lease }) => (lease === undefined ? [] : [key.slice(prefix.length)]));
}

/** Refuses a target that nodes write to. @throws {MeshError} `failed-precondition` that names them and says what to do */
export async function refuseLive({ kv, layout, shared }: WriteTarget): Promise<void> {
  if (!shared) return;
  const ids = await liveInstances(kv, layout);
  if (ids.length === 0) return;
  const named =
    ids.length > NAMED_MAX ? `${ids.slice(0, NAMED_MAX).join(', ')} and ${ids.length - NAMED_MAX} more` : ids.join(', ');
  throw new MeshError(
    'failed-precondition',
    `nodes write to the target (${layout.prefix}/${layout.service}): ${named}; stop them (20 s after a node was killed it is gone), or put the ` +
      'records elsewhere with --to-service',
  );
}

/**
 * Makes the writes of a plan, batch by batch, each whole or not at all and only where the target still is as it was planned.
 *
 * @throws {MeshError} `failed-precondition` where somebody else writes there; `registry-unavailable` as the store says. Batches before stay:
 *   the same command goes on from there
 */
export async function writePlan(target: WriteTarget, { writes }: WritePlan, tell: TellProgress): Promise<void> {
  let done = 0;
  for (const batch of batchesOf(writes)) {
    await refuseLive(target);
    await commit(target.kv, txnOf(batch, target.layout));
    done += batch.length;
    tell('writing', done, writes.length);
  }
}

function* batchesOf(writes: readonly PlannedWrite[]): Generator<readonly PlannedWrite[]> {
  let [batch, byteCount]: [PlannedWrite[], number] = [[], 0];
  for (const write of writes) {
    const weight = Buffer.byteLength(write.record.path) + (write.kind === 'put' ? Buffer.byteLength(write.record.value) : 0);
    if (batch.length === BATCH_WRITES_MAX || (batch.length > 0 && byteCount + weight > BATCH_BYTES_MAX)) {
      yield batch;
      [batch, byteCount] = [[], 0];
    }
    batch.push(write);
    byteCount += weight;
  }
  if (batch.length > 0) yield batch;
}

function txnOf(batch: readonly PlannedWrite[], layout: RegistryLayout): KvTxn {
  const conditions = batch.map(({ record, before }): KvCondition => {
    const key = joinKey(layout, record);
    return before === null ? { kind: 'absent', key } : { kind: 'unchanged', key, modRevision: before };
  });
  const operations = batch.map(({ kind, record }): KvOperation => {
    const key = joinKey(layout, record);
    return kind === 'put' ? { kind, key, value: record.value } : { kind: 'delete', key };
  });
  return { conditions, operations };
}

async function commit(kv: Kv, txn: KvTxn): Promise<void> {
  const outcome = await kv.txn(txn);
  switch (outcome.kind) {
    case 'committed':
      return;
    case 'conflict':
      throw new MeshError('failed-precondition', 'somebody else writes to the target: stop that, and run the same command again');
    case 'unknown': {
      const fate = await kv.resolve(outcome);
      if (fate.kind === 'committed') return;
      throw new MeshError('registry-unavailable', 'the target went away while it was written; run the same command again');
    }
    case 'lease-gone':
      // No write of ours has a lease.
      throw new MeshError('internal', 'a write without a lease was refused for its lease');
    default:
      assertNever(outcome);
  }
}

/** Reads the target back and compares it with the plan. @returns its digest. @throws {MeshError} `internal` where it differs */
export async function verifyStore({ kv, layout }: WriteTarget, { expected }: WritePlan, tell: TellProgress): Promise<string> {
  const { placed } = await listMesh(kv, layout, (_what, done) => tell('verifying', done, expected.length));
  const [found, wanted] = [digestOf(placed), digestOf(expected)];
  if (found === wanted) return found;
  throw new MeshError(
    'internal',
    `the target differs from what was written: ${placed.length} records where ${expected.length} are expected, first at ${firstDifference(placed, expected)}`,
  );
}

function firstDifference(placed: readonly PlacedEntry[], expected: WritePlan['expected']): string {
  const at = placed.findIndex(({ path, value }, index) => path !== expected[index]?.path || value !== expected[index]?.value);
  return placed[at]?.path ?? expected[placed.length]?.path ?? 'none';
}
