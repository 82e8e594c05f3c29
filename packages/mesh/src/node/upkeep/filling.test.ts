import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, instanceId, modelKey, sizeUnits } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { ReachedLimits } from '../reached-limits.ts';
import { Filling, type FillingParts, PROPOSALS_MAX } from './filling.ts';

test('of each kind so many proposals are kept as the limit says; those that are left out are counted', () => {
  const limits = new ReachedLimits();
  // Proposing needs no more than this.
  const parts = { self: instanceId('here'), clock: new FakeClock(), limits } satisfies Partial<FillingParts>;
  const filling = new Filling(parts as unknown as FillingParts);
  const reached = () => limits.counts().get('proposals');
  for (let at = 0; at < PROPOSALS_MAX; at++) {
    filling.proposeSecondCopy(modelKey(`m${at}`));
    filling.evicted(modelKey(`m${at}`), sizeUnits(1), durationMs(0));
  }
  filling.proposeSecondCopy(modelKey('m0'));
  filling.evicted(modelKey('m0'), sizeUnits(1), durationMs(0));
  assert.equal(reached(), 0, 'a proposal that is kept already takes no further place');
  filling.proposeSecondCopy(modelKey('beyond'));
  assert.equal(reached(), 1);
  filling.evicted(modelKey('beyond'), sizeUnits(1), durationMs(0));
  assert.equal(reached(), 2);
});
