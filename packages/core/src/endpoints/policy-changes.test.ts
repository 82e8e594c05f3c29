import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EndpointPolicy, newEndpointPolicy, newPolicyRecord, newVariant, type PolicyRule } from '../records/index.ts';
import { assignSlots } from '../traffic/index.ts';
import { endpointId, modelKey } from '../units.ts';
import { changesText, policyChanges } from './index.ts';

const rule = (name: string, when = 'true'): PolicyRule => ({ name, when, to: { kind: 'variant', variant: 'a' } });
const policyOf = (fields: Partial<EndpointPolicy> = {}): EndpointPolicy =>
  newEndpointPolicy({
    variants: [newVariant({ name: 'a', model: modelKey('ma') }), newVariant({ name: 'b', model: modelKey('mb') })],
    defaultVariant: 'a',
    ...fields,
  });
const changes = (before: EndpointPolicy | null, after: EndpointPolicy) => {
  const id = endpointId('e');
  const slots = before === null ? new Map() : assignSlots(before, new Map());
  const was = before && newPolicyRecord({ id, revision: 1, policy: before, slots });
  return policyChanges(was, newPolicyRecord({ id, revision: 2, policy: after, slots: assignSlots(after, slots) }));
};

describe('what an edit of a policy changes', () => {
  it('is told of rules by their names, of those that are tried in another order too', () => {
    const before = policyOf({ rules: [rule('x'), rule('y'), rule('z')] });
    const after = policyOf({ rules: [rule('y'), rule('x'), rule('new'), rule('z', 'false')] });
    assert.deepEqual(changes(before, after).rules, { added: ['new'], removed: [], changed: ['y', 'x', 'z'] });
    const without = policyOf({ rules: [rule('y'), rule('z')] });
    assert.deepEqual(changes(before, without).rules, { added: [], removed: ['x'], changed: [] });
  });

  it('is every unit where what makes up a unit changes, though no share does', () => {
    const sticky = (salt: string) => policyOf({ sticky: { salt, unit: { kind: 'expression', by: 'client' } } });
    const resorted = changes(sticky('one'), sticky('two'));
    assert.deepEqual([resorted.moved, resorted.movedPercent, resorted.fields], [[], 100, ['sticky']]);
    assert.equal(changes(sticky('one'), sticky('one')).movedPercent, 0);
  });

  it('is a sentence for people, and empty where nothing changes', () => {
    const before = policyOf({ rules: [rule('x')] });
    assert.equal(changesText(changes(before, before)), '');
    const after = policyOf({
      variants: [
        newVariant({ name: 'a', model: modelKey('ma2'), weight: 75 }),
        newVariant({ name: 'c', model: modelKey('mc'), weight: 25 }),
      ],
      callerChooses: true,
    });
    assert.equal(
      changesText(changes(before, after)),
      'a: ma → ma2; a 50 % → 75 %; c new at 25 %; b gone; rules removed: x; changed: allowVariantHeader',
    );
    const first = changes(null, before);
    assert.deepEqual([first.moved, first.referenced, first.unreferenced], [[], ['ma', 'mb'], []]);
  });
});
