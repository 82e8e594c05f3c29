import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Revision, revision } from '@modelmesh/core';
import { KV_WATCHES_MAX } from '../port.ts';
import type { ContractOptions, WithStore } from './contract.ts';
import { RecordingSink } from './recording-sink.ts';
import { commit, list, ofKind, put, remove } from './writing.ts';

const after = (at: Revision) => ({ from: revision(at + 1) });

/** Watches: order, completeness, resumption, ends. */
export function watchContract(withStore: WithStore, options: ContractOptions): void {
  describe('watches', () => {
    order(withStore);
    silence(withStore);
    resumption(withStore);
    ends(withStore, options);
  });
}

function order(withStore: WithStore): void {
  it(
    'tell each transaction as one batch with its puts and deletions under the prefix',
    withStore(async ({ kv }) => {
      const sink = new RecordingSink();
      kv.watch('m/', after(revision(0)), sink);
      const first = await commit(kv, [put('m/b', '1'), put('other', 'x'), put('m/a', '1')]);
      await commit(kv, [put('other', 'y')]);
      const last = await commit(kv, [remove('m/b'), remove('m/never'), put('m/a', '2')]);
      await sink.untilRevision(last);
      const entry = (key: string, value: string, modRevision: Revision) => ({ key, value, createRevision: first, modRevision });
      assert.deepEqual(sink.batches, [
        {
          revision: first,
          events: [
            { kind: 'put', entry: entry('m/b', '1', first) },
            { kind: 'put', entry: entry('m/a', '1', first) },
          ],
        },
        {
          revision: last,
          events: [
            { kind: 'delete', key: 'm/b' },
            { kind: 'put', entry: entry('m/a', '2', last) },
          ],
        },
      ]);
    }),
  );
  it(
    'leave nothing out between a list and the watch behind it while writers go on',
    withStore(async ({ kv }) => {
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let count = 0; count < 25; count++) {
          const key = `k${(count * 7 + writer) % 10}`;
          await commit(kv, [count % 5 === 4 ? remove(key) : put(key, `${writer}-${count}`)]);
        }
      });
      const views = Array.from({ length: 5 }, async (_, index) => {
        for (let wait = 0; wait < index * 4; wait++) await kv.get('k0');
        const { revision: at, pairs } = await list(kv, 'k', 3);
        const sink = new RecordingSink();
        kv.watch('k', after(at), sink);
        return { seen: new Map(pairs), sink };
      });
      const opened = await Promise.all(views);
      await Promise.all(writers);
      const last = await commit(kv, [put('k-last', 'end')]);
      const { pairs } = await list(kv, 'k');
      for (const { seen, sink } of opened) {
        await sink.untilRevision(last);
        for (const event of sink.events)
          event.kind === 'put' ? seen.set(event.entry.key, event.entry.value) : seen.delete(event.key);
        assert.deepEqual([...seen].sort(), [...pairs].sort());
        assert.deepEqual(
          sink.revisions,
          [...new Set(sink.revisions)].sort((a, b) => a - b),
        );
      }
    }),
  );
}

function silence(withStore: WithStore): void {
  it(
    'never call a sink before the watch is in the hands of its owner, nor after it was cancelled',
    withStore(async ({ kv }) => {
      const first = await commit(kv, [put('a', '1')]);
      const [cancelled, goesOn] = [new RecordingSink(), new RecordingSink()];
      const watch = kv.watch('', { from: first }, cancelled);
      kv.watch('', { from: first }, goesOn);
      assert.equal(cancelled.batches.length + goesOn.batches.length, 0);
      watch.cancel();
      await goesOn.untilRevision(await commit(kv, [put('a', '2')]));
      watch.cancel();
      assert.deepEqual(cancelled.batches, []);
      assert.equal(goesOn.batches.length, 2);
    }),
  );
}

function resumption(withStore: WithStore): void {
  it(
    'resume from any revision as if they had never ended',
    withStore(async ({ kv }) => {
      const written: Revision[] = [];
      for (let count = 0; count < 10; count++)
        written.push(await commit(kv, [put(`k${count % 3}`, String(count)), put('x', '')]));
      const sinks = written.map((from) => {
        const sink = new RecordingSink();
        kv.watch('k', { from }, sink);
        return sink;
      });
      written.push(await commit(kv, [put('k1', 'live')]));
      for (const [index, sink] of sinks.entries()) {
        await sink.untilRevision(written.at(-1) ?? 0);
        assert.deepEqual(sink.revisions, written.slice(index));
      }
    }),
  );
  it(
    'may wait for a revision of the future',
    withStore(async ({ kv }) => {
      const now = await commit(kv, [put('a', '0')]);
      const sink = new RecordingSink();
      kv.watch('', { from: revision(now + 3) }, sink);
      for (const value of ['1', '2', '3']) await commit(kv, [put('a', value)]);
      await sink.untilRevision(now + 3);
      assert.deepEqual(sink.revisions, [now + 3]);
    }),
  );
  it(
    'read a long past in pieces without cutting a transaction',
    withStore(async ({ kv }) => {
      const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
      let last = revision(0);
      for (let count = 0; count < 25; count++)
        last = await commit(
          kv,
          keys.map((key) => put(key, String(count))),
        );
      const sink = new RecordingSink();
      kv.watch('k', { from: revision(1) }, sink);
      await sink.untilRevision(last);
      assert.deepEqual(
        sink.batches.map(({ events }) => events.length),
        Array.from({ length: 25 }, () => 100),
      );
    }),
  );
}

function ends(withStore: WithStore, options: ContractOptions): void {
  it(
    'end as compacted where the past that they ask for is gone',
    { skip: options.historyLimits },
    withStore(
      async ({ kv }) => {
        const first = await commit(kv, [put('a', '0')]);
        for (let count = 1; count <= 20; count++) await commit(kv, [put('a', String(count))]);
        const sink = new RecordingSink();
        kv.watch('', { from: first }, sink);
        const end = await sink.ending;
        assert.equal(end.kind, 'compacted');
        assert.deepEqual(sink.batches, []);
        const { revision: now } = await kv.get('a');
        const again = new RecordingSink();
        kv.watch('', after(end.kind === 'compacted' ? end.oldest : now), again);
        await again.untilRevision(now);
        assert.deepEqual(again.revisions.at(-1), now);
      },
      { revisionsMax: 5, bytesMax: 1_000_000 },
    ),
  );
  it(
    'are ended for one whose sink throws, and go on for the others',
    withStore(async ({ kv }) => {
      const [throwing, other] = [new RecordingSink(), new RecordingSink()];
      throwing.batch = () => {
        throw new Error('the sink is broken');
      };
      kv.watch('', after(revision(0)), throwing);
      kv.watch('', after(revision(0)), other);
      const last = await commit(kv, [put('a', '1')]);
      assert.equal((await throwing.ending).kind, 'lost');
      await other.untilRevision(last);
      await other.untilRevision(await commit(kv, [put('a', '2')]));
    }),
  );
  it(
    `are refused beyond ${KV_WATCHES_MAX}, until one is cancelled`,
    withStore(async ({ kv }) => {
      const watches = Array.from({ length: KV_WATCHES_MAX }, () => kv.watch('none', after(revision(0)), new RecordingSink()));
      assert.throws(() => kv.watch('', after(revision(0)), new RecordingSink()), ofKind('overloaded'));
      watches[0]?.cancel();
      kv.watch('', after(revision(0)), new RecordingSink());
    }),
  );
}
