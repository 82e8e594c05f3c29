import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs, endpointId, epochMs, modelKey, revision } from '@modelmesh/core';
import {
  newEndpointPolicy,
  newEndpointRecord,
  newPolicyRecord,
  newVariant,
  putOf,
  type RegistryEvent,
  type RegistryRecord,
} from '@modelmesh/core/records';
import { FakeClock } from '@modelmesh/core/testing';
import { RegistryView } from '@modelmesh/core/view';
import { Events } from '../events.ts';
import { VariantWatch } from './variant-watch.ts';

it('a policy in force that asks for a plug-in or keys that the node lacks is told of once, and again when it changes', () => {
  const clock = new FakeClock();
  const events = new Events(clock);
  const failureExpiryMs = durationMs(1000);
  const view = new RegistryView({ failureExpiryMs });
  const abilities = {
    expressionProblems: () => [],
    strategies: () => [],
    comparers: () => [],
    tokenProblem: () => 'there are no keys',
  };
  const watch = new VariantWatch({ clock, view, events, failureExpiryMs, abilities });
  const told: string[] = [];
  events.subscribe(null, ({ kind, message }) => {
    if (kind === 'policy-beyond-node') told.push(message);
  });
  let at = 0;
  const put = (...records: RegistryRecord[]): void => {
    at += 1;
    const written = records.map(
      (record): RegistryEvent => ({ kind: 'put', key: putOf(record, 'any').key, record, revision: revision(at) }),
    );
    watch.changed(view.apply(written, epochMs(0)));
  };
  const [id, model] = [endpointId('e'), modelKey('m')];
  const policyOf = (strategy: string, tokens: boolean) => {
    const unit = { kind: 'token', header: 'x', cookie: null, lifetimeMs: durationMs(1000) } as const;
    return newEndpointPolicy({
      variants: [newVariant({ name: 'a', model })],
      defaultVariant: 'a',
      strategy: { name: strategy, config: {} },
      sticky: tokens ? { salt: 's', unit } : null,
    });
  };
  const first = newPolicyRecord({ id, revision: 1, policy: policyOf('gone', true) });
  put(newEndpointRecord({ id, active: model }), first);
  put(newEndpointRecord({ id, active: model, owner: 'another' }));
  assert.equal(told.length, 1, told.join('\n'));
  assert.match(told[0] ?? '', /endpoint e: this node does without .*strategy.*; spec\.sticky\.token: there are no keys/);
  put(newPolicyRecord({ id, revision: 2, policy: policyOf('weighted', false) }));
  assert.equal(told.length, 1);
  put(newPolicyRecord({ id, revision: 3, policy: policyOf('gone', false) }));
  assert.equal(told.length, 2);
});
