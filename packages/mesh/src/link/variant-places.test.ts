import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LIMITED_VARIANTS_MAX, VariantPlaces, variantPlacesBytes } from './variant-places.ts';

const shared = (workers: number) => {
  const buffer = new SharedArrayBuffer(variantPlacesBytes(workers));
  return () => new VariantPlaces(buffer, workers);
};

test('law: workers together never run more calls of a variant than its limit, and the places of one that died come back', () => {
  const step = fc.record({
    worker: fc.nat(2),
    name: fc.constantFrom('a', 'b', 'c'),
    what: fc.constantFrom('enter' as const, 'enter' as const, 'leave' as const, 'die' as const),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (steps, max) => {
      const view = shared(3);
      const [control, ...workers] = [view(), view(), view(), view()];
      const held = new Map<string, number>();
      const sum = (name: string) => [0, 1, 2].reduce((total, worker) => total + (held.get(`${worker} ${name}`) ?? 0), 0);
      for (const { worker, name, what } of steps) {
        const places = workers[worker];
        assert.ok(places !== undefined && control !== undefined);
        const place = places.placeOf(name);
        const key = `${worker} ${name}`;
        if (what === 'enter') {
          const may = sum(name) < max;
          assert.equal(places.enter(worker, place, max), may);
          if (may) held.set(key, (held.get(key) ?? 0) + 1);
        } else if (what === 'leave' && (held.get(key) ?? 0) > 0) {
          places.leave(worker, place);
          held.set(key, (held.get(key) ?? 0) - 1);
        } else if (what === 'die') {
          control.forget(worker);
          for (const other of ['a', 'b', 'c']) held.delete(`${worker} ${other}`);
        }
        assert.equal(control.running(place), sum(name));
      }
    }),
  );
});

test('limit: beyond LIMITED_VARIANTS_MAX variants there is no place, and those that have one keep it', () => {
  const places = shared(1)();
  const given = new Set(Array.from({ length: LIMITED_VARIANTS_MAX }, (_, at) => places.placeOf(`variant ${at}`)));
  assert.equal(given.size, LIMITED_VARIANTS_MAX);
  assert.equal(places.placeOf('one more'), -1);
  assert.ok(places.placeOf('variant 7') >= 0);
});
