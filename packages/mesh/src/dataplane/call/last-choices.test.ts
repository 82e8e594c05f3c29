import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epochMs, instanceId, modelKey } from '@modelmesh/core';
import { headerBlock } from '@modelmesh/grpc/stream';
import fc from 'fast-check';
import type { CallPlan } from './call-plan.ts';
import { CHOICES_KEPT_MAX, LastChoices } from './last-choices.ts';

const MADE = {
  because: 'the cheaper one of those looked at',
  considered: ['n1', 'n2'].map((name) => ({ instance: instanceId(name), settled: true, inFlight: 0, latencyMs: null, cost: 1 })),
};

const plan = (model: string, requestId: string): CallPlan => ({
  ...{
    method: 'any.Service/Method',
    model: modelKey(model),
    origin: { requestId },
    headers: headerBlock([]),
    encoding: 'identity',
  },
  ...{ deadline: null, deadlineIsDefault: false, callRetry: 'safe', balanced: false },
  endpoint: { id: 'e' as never, revision: 3, variant: 'default' },
});

test('law: the newest choices are kept, and those that fit are told, newest first', () => {
  const count = fc.oneof(fc.nat(40), fc.integer({ min: CHOICES_KEPT_MAX - 5, max: 2 * CHOICES_KEPT_MAX + 5 }));
  const asked = fc.record({
    model: fc.constantFrom(null, 'a', 'b'),
    back: fc.option(fc.nat(2 * CHOICES_KEPT_MAX)),
    limit: fc.integer({ min: 1, max: 30 }),
  });
  fc.assert(
    fc.property(count, asked, (made, { model, back, limit }) => {
      const choices = new LastChoices();
      const calls = Array.from({ length: made }, (_, at) => ({
        number: at + 1,
        model: at % 3 === 0 ? 'b' : 'a',
        requestId: `r-${at}`,
      }));
      for (const { number, ...call } of calls)
        choices.add({ plan: plan(call.model, call.requestId), instance: null }, MADE, epochMs(number));
      const requestId = back === null ? null : `r-${made - 1 - back}`;
      const fitting = calls
        .slice(-CHOICES_KEPT_MAX)
        .filter((call) => (model === null || call.model === model) && (requestId === null || call.requestId === requestId));
      const found = choices.find({ model: model === null ? null : modelKey(model), requestId }, limit);
      assert.deepEqual(
        found.map(({ number }) => number),
        fitting
          .map(({ number }) => number)
          .toReversed()
          .slice(0, limit),
      );
    }),
    { numRuns: 50 },
  );
});

test('a choice is kept as facts, and nothing else of its call', () => {
  const choices = new LastChoices();
  choices.add({ plan: plan('a', 'r-1'), instance: null }, MADE, epochMs(7));
  assert.deepEqual(choices.find({ model: null, requestId: null }, 9), [
    { number: 1, atMs: 7, requestId: 'r-1', method: 'any.Service/Method', model: 'a', endpoint: 'e', ...MADE },
  ]);
});
