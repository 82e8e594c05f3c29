import assert from 'node:assert/strict';
import { it } from 'node:test';
import { defineComparer, defineStrategy } from '../index.ts';

it('a strategy has a name and one of the two forms', () => {
  const context = { endpoint: 'e', config: {}, variants: [] };
  const weights = defineStrategy({ name: 'w', weights: () => ({ a: 1 }) });
  assert.equal(weights.form, 'weights');
  assert.deepEqual(weights.form === 'weights' && weights.weights(context), { a: 1 });
  const pick = defineStrategy({ name: 'p', pick: ({ path }) => path });
  assert.equal(
    pick.form === 'pick' && pick.pick({ ...context, headers: {}, path: '/x', method: '', tenant: '', client: '' }),
    '/x',
  );
  assert.throws(() => defineStrategy({ name: '', pick: () => undefined }), TypeError);
  const both = { name: 'x', pick: () => undefined, weights: () => ({}) };
  assert.throws(() => defineStrategy(both), /either weights or pick/);
});

it('a comparer has a name and compares', () => {
  const compare = () => {
    throw new Error('not asked');
  };
  assert.deepEqual(defineComparer({ name: 'c', compare }), { plugin: 'comparer', name: 'c', compare });
  assert.throws(() => defineComparer({ name: '', compare }), TypeError);
});
