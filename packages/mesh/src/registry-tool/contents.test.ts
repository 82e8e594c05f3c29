import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '@modelmesh/core/testing';
import { registryLayout } from '@modelmesh/wire/registry';
import { type Kv, kvStores } from '../kv/index.ts';
import { commit, ofKind, put } from '../kv/testing/index.ts';
import { readContents } from './contents.ts';

const LAYOUT = registryLayout({ root: '', prefix: 'mm', service: 's' });
const quiet = (): void => undefined;
const MODELS = 1500;

/** A store with more models than a page has, which does something else before each page behind the first. */
async function storeWith(history: number, between: (kv: Kv, page: number) => Promise<unknown>): Promise<Kv> {
  const kv = await kvStores.memory({ location: '', clock: new FakeClock(), history: { revisionsMax: history, bytesMax: 1e9 } });
  for (let first = 0; first < MODELS; first += 100)
    await commit(
      kv,
      Array.from({ length: 100 }, (_, at) => put(`/mm/s/registry/m${String(first + at).padStart(5, '0')}`, 'old')),
    );
  let pages = 0;
  return Object.assign(Object.create(kv) as Kv, {
    range: async (...args: Parameters<Kv['range']>) => {
      pages += 1;
      if (pages > 1) await between(kv, pages);
      return kv.range(...args);
    },
    close: () => kv.close(),
  });
}

describe('a registry that is read while others write', () => {
  it('is what it was at one revision', async () => {
    const kv = await storeWith(10_000, (store, page) =>
      commit(store, [put('/mm/s/registry/m01499', 'new'), put(`/mm/s/registry/z${page}`, 'new')]),
    );
    const { records } = await readContents(kv, LAYOUT, quiet);
    assert.deepEqual([records.length, records.filter(({ value }) => value === 'new').length], [MODELS, 0]);
    await kv.close();
  });

  it('is read anew where the store forgot that revision, a few times and not for ever', async () => {
    const rewrite = async (store: Kv): Promise<void> => {
      for (let count = 0; count < 10; count++) await commit(store, [put('/mm/s/registry/m00000', 'new')]);
    };
    const once = await storeWith(2, async (store, page) => (page === 2 ? rewrite(store) : undefined));
    const { records } = await readContents(once, LAYOUT, quiet);
    assert.deepEqual([records.length, records[0]?.value], [MODELS, 'new']);
    await once.close();
    const always = await storeWith(2, rewrite);
    await assert.rejects(
      readContents(always, LAYOUT, quiet),
      ofKind('registry-unavailable', /forgot the revision that was read, 3 times/),
    );
    await always.close();
  });

  it('is refused where a record is no text, which is named', async () => {
    const kv = await kvStores.memory({ location: '', clock: new FakeClock() });
    await commit(kv, [put('/mm/s/registry/m', 'a\ufffdb')]);
    await assert.rejects(readContents(kv, LAYOUT, quiet), ofKind('failed-precondition', /registry\/m is no UTF-8 text/));
    await kv.close();
  });
});
