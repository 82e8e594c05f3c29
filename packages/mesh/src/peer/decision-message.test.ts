import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { epochMs, MeshError } from '@modelmesh/core';
import type { DecisionRecord } from '@modelmesh/core/journal';
import { DecisionSchema, ExplainRequestSchema } from '@modelmesh/wire/peer';
import { DECISIONS_CHARACTERS_MAX, decisionMessages, readDecisions, readQuery } from './decision-message.ts';

const decision = (id: number, details: Readonly<Record<string, unknown>>): DecisionRecord => ({
  ...{ id, kind: 'placement', atMs: epochMs(1), model: null, models: [], instance: null, requestId: null, because: 'so' },
  details,
});

test('the newest are told where an answer holds no more, and always the first', () => {
  const large = (share: number) => ({ text: 'x'.repeat(DECISIONS_CHARACTERS_MAX * share) });
  const ids = (...shares: readonly number[]) =>
    decisionMessages(shares.map((share, at) => decision(at, large(share)))).map(({ id }) => id);
  assert.deepEqual(ids(0.4, 0.4, 0.4), [0, 1]);
  assert.deepEqual(ids(2, 0.1), [0]);
});

test('what another version says and this one does not know is left out; details that are no object are none', () => {
  const said = [
    create(DecisionSchema, { id: 1, kind: 'premonition', atMs: 1, details: '{}' }),
    create(DecisionSchema, { id: 2, kind: 'route', atMs: Number.NaN, details: '{}' }),
    create(DecisionSchema, { id: 3, kind: 'route', atMs: 1, details: '[1]' }),
    create(DecisionSchema, { id: 4, kind: 'route', atMs: 1, details: '{' }),
  ];
  assert.deepEqual(
    readDecisions(said).map(({ id, details }) => [id, details]),
    [
      [3, {}],
      [4, {}],
    ],
  );
});

test('a question about a kind that there is not is refused', () => {
  assert.throws(
    () => readQuery(create(ExplainRequestSchema, { kind: 'premonition' })),
    (error) => error instanceof MeshError && error.kind === 'invalid-argument' && /premonition/.test(error.message),
  );
});
