import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { revision } from '@modelmesh/core';
import type { WatchedEvent } from '@modelmesh/wire/etcd';
import fc from 'fast-check';
import { RecordingSink } from '../testing/index.ts';
import { EtcdKeys } from './etcd-keys.ts';
import { Watcher } from './watcher.ts';

const keys = new EtcdKeys('root');

const event = (at: number, key: string, kind: WatchedEvent['kind'] = 'put'): WatchedEvent => ({
  kind,
  kv: { key: keys.full(key), value: `v${at}`, createRevision: 1, modRevision: at, lease: 0n },
});

function watching(from: number, prefix = '') {
  const sink = new RecordingSink();
  return { sink, watcher: new Watcher({ keys, prefix, from: revision(from), sink, showsOwn: false }) };
}

describe('a watch, whichever stream carries it', () => {
  it('tells each revision once and whole, however its events come in pieces and in answers', () => {
    const revisions = fc.uniqueArray(fc.integer({ min: 5, max: 60 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(revisions, fc.integer({ min: 1, max: 4 }), fc.infiniteStream(fc.boolean()), (found, size, cuts) => {
        const sorted = found.sort((a, b) => a - b);
        const events = sorted.flatMap((at) => Array.from({ length: size }, (_, index) => event(at, `k${index}`)));
        const { sink, watcher } = watching(5);
        let piece: WatchedEvent[] = [];
        for (const [index, one] of events.entries()) {
          piece.push(one);
          const isLast = index === events.length - 1;
          // Only a fragment may end within a revision.
          const within = !isLast && events[index + 1]?.kv.modRevision === one.kv.modRevision;
          if (!isLast && cuts.next().value !== true) continue;
          assert.ok(watcher.take(piece, within));
          piece = [];
        }
        assert.deepEqual(sink.revisions, sorted);
        assert.ok(sink.batches.every((batch) => batch.events.length === size));
      }),
    );
  });

  it('begins anew behind the last whole revision, and drops what it was told already', () => {
    const { sink, watcher } = watching(5);
    watcher.take([event(6, 'a'), event(7, 'a')], true);
    assert.deepEqual(sink.revisions, [6], 'of 7 more may come');
    watcher.detach();
    assert.equal(watcher.start, 6n, 'one revision early, so that a compaction exactly there shows');
    watcher.take([event(6, 'a'), event(7, 'a'), event(7, 'b'), event(8, 'a')], false);
    assert.deepEqual(sink.revisions, [6, 7, 8]);
    assert.equal(sink.batches[1]?.events.length, 2);
  });

  it('moves on by news that nothing happened, but not over a revision that is not whole yet', () => {
    const { sink, watcher } = watching(5);
    watcher.progress(revision(40));
    assert.equal(watcher.start, 40n);
    watcher.progress(revision(30));
    assert.equal(watcher.start, 40n, 'never back');
    watcher.take([event(41, 'a')], true);
    watcher.progress(revision(50));
    assert.equal(watcher.start, 40n);
    watcher.take([event(41, 'b', 'delete')], false);
    assert.deepEqual(sink.events.at(-1), { kind: 'delete', key: 'b' });
    assert.equal(watcher.start, 41n);
  });

  it("does not show the adapter's own keys", () => {
    const { sink, watcher } = watching(1);
    watcher.take([event(2, '/mm_writers/l/0'), event(2, 'a'), event(3, '/mm_writers/l/0')], false);
    assert.deepEqual(sink.revisions, [2]);
    assert.equal(sink.events.length, 1);
  });

  it('is paid when it was told what its client committed under its prefix', async () => {
    const { watcher } = watching(1, 'k');
    watcher.owe('other', revision(9));
    await watcher.paid();
    watcher.owe('k1', revision(4));
    let isPaid = false;
    const paid = watcher.paid().then(() => {
      isPaid = true;
    });
    watcher.take([event(3, 'k')], false);
    await Promise.resolve();
    assert.equal(isPaid, false);
    watcher.take([event(4, 'k1')], false);
    await paid;
    assert.equal(isPaid, true);
  });
});
