import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { pageOf } from './page.ts';

const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { maxLength: 40 });

it('law: the pages of a listing are what sorting gives, cut in pieces, and the last one says that it is', () => {
  fc.assert(
    fc.property(names, fc.integer({ min: 1, max: 12 }), (all, limit) => {
      const pages: (readonly string[])[] = [];
      for (let after: string | null = null; ; ) {
        const page: { items: readonly string[]; next: string | null } = pageOf(
          all,
          (name) => name,
          { after, limit },
          (name) => name,
        );
        pages.push(page.items);
        if (page.next === null) break;
        assert.equal(page.items.length, limit);
        after = page.next;
      }
      assert.deepEqual(pages.flat(), all.toSorted());
      assert.ok(pages.length <= Math.max(1, Math.ceil(all.length / limit)));
    }),
  );
});

it('what goes between the listing of its name and its answer is left out', () => {
  const page = pageOf(
    ['b', 'a', 'c'],
    (name) => name,
    { after: null, limit: 2 },
    (name) => (name === 'a' ? null : name),
  );
  assert.deepEqual(page, { items: ['b'], next: 'b' });
});
