import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '@modelmesh/core/testing';
import { kvStores, openRegistry, REGISTRY_SCHEMA } from './index.ts';
import { checkSchema } from './schema.ts';
import { commit, FaultyKv, ofKind, put } from './testing/index.ts';

const KEY = '/tas-runtime/mesh/schema';
const options = () => ({ location: '', clock: new FakeClock() });

describe('the schema record', () => {
  it('is written into a registry that has none', async () => {
    const kv = await openRegistry('memory', { ...options(), schemaKey: KEY });
    assert.deepEqual(JSON.parse((await kv.get(KEY)).entry?.value ?? ''), REGISTRY_SCHEMA);
    await kv.close();
  });

  it('admits a registry that a newer program wrote, as long as it says that this one can read it', async () => {
    const kv = await kvStores.memory(options());
    const value = JSON.stringify({ written: 7, readableFrom: 1, more: true });
    await commit(kv, [put(KEY, value)]);
    await checkSchema(kv, KEY);
    assert.equal((await kv.get(KEY)).entry?.value, value);
  });

  it('keeps a program away that is too old, and says what to do', async () => {
    const kv = await kvStores.memory(options());
    await commit(kv, [put(KEY, JSON.stringify({ written: 7, readableFrom: 2 }))]);
    const refusal = /newer version of Model Mesh \(.+: schema 7, readable from 2; this version has 1\); run that version/;
    await assert.rejects(checkSchema(kv, KEY), ofKind('failed-precondition', refusal));
  });

  it('keeps every program away when it cannot be understood', async () => {
    for (const value of ['', 'null', '{}', '{"written":"1","readableFrom":1}', '{"written":1']) {
      const kv = await kvStores.memory(options());
      await commit(kv, [put(KEY, value)]);
      await assert.rejects(checkSchema(kv, KEY), ofKind('failed-precondition', /cannot be understood/));
    }
  });

  it('is written once by two nodes that start together, and over an outcome that was unknown', async () => {
    const kv = new FaultyKv(await kvStores.memory(options()));
    kv.inject('lost-after-commit', 'lost-before-commit');
    await Promise.all([checkSchema(kv, KEY), checkSchema(kv, KEY)]);
    assert.equal((await kv.get(KEY)).revision, 1);
  });

  it('gives up when its writing is lost again and again', async () => {
    const kv = new FaultyKv(await kvStores.memory(options()));
    kv.inject(...Array.from({ length: 5 }, () => 'lost-before-commit' as const));
    await assert.rejects(checkSchema(kv, KEY), ofKind('registry-unavailable', /neither be read nor written/));
  });
});

describe('a store with faults', () => {
  it('settles its unknown outcomes truly', async () => {
    const kv = new FaultyKv(await kvStores.memory(options()));
    kv.inject('lost-before-commit', 'lost-after-commit');
    for (const expected of [{ kind: 'not-committed' }, { kind: 'committed', revision: 1 }]) {
      const outcome = await kv.txn({ conditions: [], operations: [put('a', '')] });
      assert.deepEqual(outcome.kind === 'unknown' && (await kv.resolve(outcome)), expected);
    }
  });
});
