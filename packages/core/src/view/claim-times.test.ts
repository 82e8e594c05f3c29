import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ModelRecord, modelRecordKey, newModelRecord, withCopyClaimed, withCopyWithdrawn } from '../records/index.ts';
import { epochMs, instanceId, modelKey, revision } from '../units.ts';
import { RegistryView } from './index.ts';

const [a, b] = [instanceId('a'), instanceId('b')];
const key = modelKey('m');
const NOW_MS = 10_000_000;
const plain = newModelRecord({ key, type: 't' });

/** A picture that is told of one record after the other, two seconds apart. */
function pictureOf(...records: readonly ModelRecord[]): { readonly view: RegistryView; readonly claims: Record<string, number> } {
  const view = new RegistryView();
  for (const [at, record] of records.entries()) {
    const event = { kind: 'put', key: modelRecordKey(key), record, revision: revision(at + 1) } as const;
    view.apply([event], epochMs(NOW_MS + 2000 * at));
  }
  return { view, claims: Object.fromEntries(view.claimsOf(records.at(-1) ?? plain)) };
}

test('a claim counts from when it was seen to be made, whatever the clock of its holder says', () => {
  for (const skewMs of [-60_000, 60_000]) {
    const claimed = withCopyClaimed(plain, a, epochMs(NOW_MS + 2000 + skewMs));
    assert.deepEqual(pictureOf(plain, claimed).claims, { a: NOW_MS + 2000 });
    const more = withCopyClaimed(claimed, b, epochMs(NOW_MS + 4000));
    assert.deepEqual(pictureOf(plain, claimed, more).claims, { a: NOW_MS + 2000, b: NOW_MS + 4000 });
  }
});

test('a stamp that agrees with the clock of this node is taken as it is', () => {
  const claimedMs = epochMs(NOW_MS + 1500);
  assert.deepEqual(pictureOf(plain, withCopyClaimed(plain, a, claimedMs)).claims, { a: claimedMs });
});

test('a claim that is made anew counts anew, one that is gone is forgotten', () => {
  const first = withCopyClaimed(plain, a, epochMs(1));
  const second = withCopyClaimed(withCopyWithdrawn(first, a), a, epochMs(2));
  assert.deepEqual(pictureOf(plain, first, second).claims, { a: NOW_MS + 4000 });
  assert.deepEqual(pictureOf(plain, first, withCopyWithdrawn(first, a)).claims, {});
});

test('what is listed may be old: only a stamp in the future is known to be wrong', () => {
  const view = new RegistryView();
  const record = withCopyClaimed(withCopyClaimed(plain, a, epochMs(5)), b, epochMs(NOW_MS + 60_000));
  view.reset([{ record, revision: revision(1) }], revision(1), epochMs(NOW_MS));
  assert.deepEqual(Object.fromEntries(view.claimsOf(record)), { a: 5, b: NOW_MS });
});
