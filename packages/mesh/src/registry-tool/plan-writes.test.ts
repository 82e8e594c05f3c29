import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_NAMESPACE, durationMs, namespace } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { joinKey, registryLayout } from '@modelmesh/wire/registry';
import fc from 'fast-check';
import { type Kv, kvStores } from '../kv/index.ts';
import { commit, ofKind, put } from '../kv/testing/index.ts';
import { compareRecords, digestOf, type KeptRecord, listMesh, recordId } from './contents.ts';
import { type Overwrite, planWrites, type WritePlan } from './plan-writes.ts';
import { verifyStore, type WriteTarget, writePlan } from './write-store.ts';

const LAYOUT = registryLayout({ root: '', prefix: 'mm', service: 'test' });
const quiet = (): void => undefined;

const spaces = fc.constantFrom(DEFAULT_NAMESPACE, namespace('team-a'));
const paths = fc.constantFrom(
  'registry/a',
  'registry/b/c',
  'registry/ü🜚',
  'vmodels/a',
  'endpoints/a',
  'endpoint-revisions/a/1',
  'config/x',
  'later/x',
);
const values = fc.oneof(
  fc.string(),
  fc
    .record({ type: fc.constant('t'), lu: fc.integer({ min: 0, max: 5 }), future: fc.string() })
    .map((value) => JSON.stringify(value)),
);
const contents = fc
  .uniqueArray(fc.record({ space: spaces, path: paths, value: values }), { selector: recordId, maxLength: 16 })
  .map((records): readonly KeptRecord[] => [...records].sort(compareRecords));
const modes = fc.constantFrom<Overwrite>('refuse', 'replace', 'skip', 'newer');

async function storeWith(records: readonly KeptRecord[]): Promise<Kv> {
  const kv = await kvStores.memory({ location: '', clock: new FakeClock() });
  for (const record of records) await commit(kv, [put(joinKey(LAYOUT, record), record.value)]);
  return kv;
}

async function planFor(kv: Kv, source: readonly KeptRecord[], mode: Overwrite): Promise<WritePlan | undefined> {
  const decided = planWrites(source, (await listMesh(kv, LAYOUT, quiet)).placed, mode);
  return decided.ok ? decided.plan : undefined;
}

const at = (kv: Kv): WriteTarget => ({ kv, layout: LAYOUT, shared: true });
const record = (path: string, value: string): KeptRecord => ({ space: DEFAULT_NAMESPACE, path, value });
const model = (lu: number): KeptRecord => record('registry/m', JSON.stringify({ type: 't', lu }));

describe('writes into a registry that has records', () => {
  it('give what was planned, and nothing is left to write then', async () => {
    await fc.assert(
      fc.asyncProperty(contents, contents, modes, async (source, target, mode) => {
        const kv = await storeWith(target);
        const plan = await planFor(kv, source, mode);
        if (plan === undefined) assert.equal(digestOf((await listMesh(kv, LAYOUT, quiet)).placed), digestOf(target));
        else {
          await writePlan(at(kv), plan, quiet);
          assert.equal(await verifyStore(at(kv), plan, quiet), digestOf(plan.expected));
          assert.equal(plan.added + plan.replaced + plan.removed, plan.writes.length);
          const again = await planFor(kv, source, mode);
          assert.deepEqual(again?.writes, []);
        }
        await kv.close();
      }),
    );
  });

  it('make the target equal when they replace, keep all of it when they skip, and refuse any difference unless told', async () => {
    await fc.assert(
      fc.asyncProperty(contents, contents, async (source, target) => {
        const kv = await storeWith(target);
        const ids = new Map(source.map((one) => [recordId(one), one.value]));
        const isPart = target.every((one) => ids.get(recordId(one)) === one.value);
        assert.equal((await planFor(kv, source, 'refuse')) !== undefined, isPart);
        assert.equal(digestOf((await planFor(kv, source, 'replace'))?.expected ?? []), digestOf(source));
        const skipped = new Map((await planFor(kv, source, 'skip'))?.expected.map((one) => [recordId(one), one.value]));
        for (const one of target) assert.equal(skipped.get(recordId(one)), one.value);
        assert.equal(skipped.size, new Set([...ids.keys(), ...target.map(recordId)]).size);
        await kv.close();
      }),
    );
  });

  it('come in the order models, policies, endpoints; removals the other way round', async () => {
    const all = ['vmodels/v', 'config/c', 'registry/m', 'endpoints/v', 'endpoint-revisions/v/1'].map((path) =>
      record(path, '{}'),
    );
    const empty = await storeWith([]);
    const added = await planFor(empty, [...all].sort(compareRecords), 'refuse');
    const order = ['registry/m', 'endpoint-revisions/v/1', 'endpoints/v', 'vmodels/v', 'config/c'];
    assert.deepEqual(
      added?.writes.map((write) => write.record.path),
      order,
    );
    const full = await storeWith(all);
    const removed = await planFor(full, [], 'replace');
    assert.deepEqual(
      removed?.writes.map((write) => write.record.path),
      order.toReversed(),
    );
    await empty.close();
    await full.close();
  });

  it('keep the newer one where the records tell, and the target’s where they do not', async () => {
    for (const [source, target, wins] of [
      [model(2), model(1), true],
      [model(1), model(2), false],
      [record('vmodels/v', '{"amid":"a"}'), record('vmodels/v', '{"amid":"b"}'), false],
      [record('registry/m', 'not JSON'), model(1), false],
      [record('endpoints/e', '{"revision":3,"default":"a"}'), record('endpoints/e', '{"revision":2,"default":"a"}'), true],
    ] as const) {
      const kv = await storeWith([target]);
      const plan = await planFor(kv, [source], 'newer');
      assert.deepEqual([plan?.replaced, plan?.kept], wins ? [1, 0] : [0, 1], `${source.value} over ${target.value}`);
      await kv.close();
    }
  });

  it('take a schema record of the target for no difference', async () => {
    const kv = await storeWith([record('schema', '{"written":1,"readableFrom":1}')]);
    const plan = await planFor(kv, [model(1)], 'refuse');
    assert.deepEqual([plan?.added, plan?.kept, plan?.expected.length], [1, 0, 2]);
    await kv.close();
  });

  it('stop where somebody else writes, and where a node comes up', async () => {
    const kv = await storeWith([]);
    const plan = await planFor(kv, [model(1)], 'refuse');
    assert.ok(plan);
    await commit(kv, [put(joinKey(LAYOUT, model(1)), 'theirs')]);
    await assert.rejects(writePlan(at(kv), plan, quiet), ofKind('failed-precondition', /somebody else writes/));
    const { id } = await kv.grantLease(durationMs(10_000));
    await commit(kv, [put('/mm/test/instances/n1', '{}', id)]);
    await assert.rejects(
      writePlan(at(kv), plan, quiet),
      ofKind('failed-precondition', /nodes write to the target \(mm\/test\): n1;/),
    );
    await kv.close();
  });

  it('are noticed when they are not what is there', async () => {
    const kv = await storeWith([]);
    const plan = await planFor(kv, [model(1), record('vmodels/v', '{}')], 'refuse');
    assert.ok(plan);
    await writePlan(at(kv), plan, quiet);
    await commit(kv, [put(joinKey(LAYOUT, model(1)), 'changed')]);
    await assert.rejects(verifyStore(at(kv), plan, quiet), ofKind('internal', /differs.*registry\/m/));
    await kv.close();
  });

  it('have at most a hundred a batch, and half a mebibyte of text', async () => {
    const sizes: number[] = [];
    const kv = await storeWith([]);
    const counting: Kv = Object.assign(Object.create(kv) as Kv, {
      range: kv.range.bind(kv),
      txn: (txn: Parameters<Kv['txn']>[0]) => {
        sizes.push(txn.operations.length);
        return kv.txn(txn);
      },
    });
    const small = Array.from({ length: 250 }, (_, at) => record(`registry/${String(at).padStart(3, '0')}`, '{}'));
    const large = Array.from({ length: 3 }, (_, at) => record(`registry/x${at}`, 'x'.repeat(300_000)));
    const plan = await planFor(kv, [...small, ...large], 'refuse');
    assert.ok(plan);
    await writePlan(at(counting), plan, quiet);
    assert.deepEqual(sizes, [100, 100, 51, 1, 1]);
    await kv.close();
  });
});
