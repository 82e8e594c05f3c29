import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs, endpointId, epochMs } from '@modelmesh/core';
import { SeededRandom } from '@modelmesh/core/testing';
import { DiffBook, EMPTY_SUMMARY, type MirrorDiff, NOTHING_COMPARED } from '@modelmesh/core/traffic';
import { DIFF_CHARACTERS_MAX, diffMessages, readDiffs } from './diff-message.ts';

const ENDPOINT = endpointId('fraud');

/** What is known of so many revisions, each in many segments. */
function diffsOf(revisions: number): readonly MirrorDiff[] {
  const book = new DiffBook(new SeededRandom(1));
  const end = { code: 0, tookMs: durationMs(1) };
  const pair = { live: end, shadow: end, comparison: NOTHING_COMPARED, incomparable: null };
  for (let revision = revisions; revision > 0; revision--)
    for (let at = 0; at < 30; at++)
      book.add({ endpoint: ENDPOINT, revision, mirror: 'next' }, pair, { segment: `s${at}`, requestId: null, atMs: epochMs(1) });
  return book.of(ENDPOINT);
}

it('an answer holds as many diffs as there is room for, the first ones, and at least one', () => {
  const diffs = diffsOf(12);
  const told = diffMessages(diffs);
  assert.ok(told.length > 0 && told.length < diffs.length, `${told.length} of ${diffs.length}`);
  assert.ok(told.reduce((sum, text) => sum + text.length, 0) <= DIFF_CHARACTERS_MAX);
  assert.deepEqual(readDiffs(told), diffs.slice(0, told.length));
});

it('what another version counts is left out, what it does not count is zero, and what is no diff is none', () => {
  const summary = { pairs: 3, unheard: 7, statuses: { 'both-ok': 3, unheard: 1 }, largestDifference: 'much', live: null };
  const told = {
    endpoint: 'fraud',
    revision: 2,
    mirror: 'next',
    segments: [{ segment: 'eu', summary }],
    samples: [{ kind: 'unheard' }],
  };
  const [read] = readDiffs([JSON.stringify(told), 'no json', '[]', '{"mirror":"next"}']);
  assert.deepEqual(read, {
    ...{ endpoint: 'fraud', revision: 2, mirror: 'next', samples: [] },
    segments: [{ segment: 'eu', summary: { ...EMPTY_SUMMARY, pairs: 3, statuses: { ...EMPTY_SUMMARY.statuses, 'both-ok': 3 } } }],
  });
  assert.equal(readDiffs(['no json', '[]', '{"mirror":"next"}']).length, 0);
});
