import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Clock, type DurationMs, type Revision, revision } from '@modelmesh/core';
import type { Kv, KvTxnOutcome, KvUnknown } from '../port.ts';
import { RecordingSink } from './recording-sink.ts';
import { commit, list, ofKind, put, remove } from './writing.ts';

/** What can be done to the way between a caller and its store. */
export interface KvFaults {
  /** Requests arrive and are carried out; no answer comes. */
  loseAnswers(): void;
  /** The next `count` transactions do not arrive before {@link mend}, and then perhaps late; what is asked about them does. */
  holdRequests(count: number): void;
  /** Whatever is on its way is lost; the next call may succeed. */
  cut(): void;
  /** The store cannot be reached until {@link mend}. Resolves when callers know. */
  away(): Promise<void>;
  mend(): Promise<void>;
  /** Drops the history up to now. */
  compact(): Promise<void>;
}

/** A store with faults before it. */
export interface FaultRig {
  readonly kv: Kv;
  /** Another way to the same store, without faults. */
  readonly direct: Kv;
  readonly faults: KvFaults;
  dispose(): Promise<void>;
}

/** How the suite is run. */
export interface FaultOptions {
  /** By which refusals are timed. */
  readonly clock: Clock;
  /** How long a refusal may take while the store is known to be away. */
  readonly refusedWithinMs: DurationMs;
  /** Writes while the way is cut again and again. */
  readonly writes: number;
}

type WithRig = (body: (rig: FaultRig) => Promise<void>) => () => Promise<void>;

/** What a store keeps to when the way to it fails: no outcome is guessed, no watch has a gap, nobody waits for nothing. */
export function faultContract(name: string, makeRig: () => Promise<FaultRig>, options: FaultOptions): void {
  const withRig: WithRig = (body) => async () => {
    const rig = await makeRig();
    try {
      await body(rig);
    } finally {
      await rig.faults.mend();
      await rig.kv.close();
      await rig.direct.close();
      await rig.dispose();
    }
  };
  describe(`${name} keeps the contract when the way to it fails`, () => {
    outcomes(withRig);
    absences(withRig, options);
    watches(withRig, options);
    history(withRig);
  });
}

const unknownOf = (outcome: KvTxnOutcome): KvUnknown => {
  assert.equal(outcome.kind, 'unknown');
  return outcome.kind === 'unknown' ? outcome : assert.fail();
};

function outcomes(withRig: WithRig): void {
  it(
    'tells what became of a transaction whose answer was lost',
    withRig(async ({ kv, direct, faults }) => {
      await commit(kv, [put('before', '')]);
      faults.loseAnswers();
      const unknown = unknownOf(await kv.txn({ conditions: [], operations: [put('a', '1')] }));
      await faults.mend();
      const resolution = await kv.resolve(unknown);
      const { entry } = await direct.get('a');
      assert.deepEqual(resolution, { kind: 'committed', revision: entry?.modRevision });
      assert.ok((entry?.modRevision ?? 0) > unknown.after);
      assert.deepEqual(await kv.resolve(unknown), resolution, 'asked again it says the same');
      await commit(kv, [put('a', '2')], [{ kind: 'unchanged', key: 'a', modRevision: entry?.modRevision ?? revision(0) }]);
    }),
  );
  it(
    'makes sure that a transaction which did not arrive never will',
    withRig(async ({ kv, direct, faults }) => {
      await commit(kv, [put('a', '1'), put('gone', '1')]);
      faults.holdRequests(3);
      const outcomes = await Promise.all([
        kv.txn({ conditions: [], operations: [put('a', 'late')] }),
        kv.txn({ conditions: [], operations: [put('b', 'late')] }),
        kv.txn({ conditions: [{ kind: 'present', key: 'gone' }], operations: [remove('gone')] }),
      ]);
      for (const outcome of outcomes) assert.deepEqual(await kv.resolve(unknownOf(outcome)), { kind: 'not-committed' });
      await faults.mend();
      await commit(kv, [put('after', '')]);
      assert.deepEqual((await list(direct, '')).pairs, [
        ['a', '1'],
        ['after', ''],
        ['gone', '1'],
      ]);
    }),
  );
}

function absences(withRig: WithRig, { clock, refusedWithinMs }: FaultOptions): void {
  it(
    'refuses at once while it is away, and serves when it is back',
    withRig(async ({ kv, faults }) => {
      const { id } = await kv.grantLease(20_000 as DurationMs);
      await commit(kv, [put('a', '1', id)]);
      await faults.away();
      const calls = [
        () => kv.get('a'),
        () => kv.range('', { limit: 1 }),
        () => kv.txn({ conditions: [], operations: [put('a', '2')] }),
        () => kv.txn({ conditions: [], operations: [remove('never-there')] }),
        () => kv.grantLease(20_000 as DurationMs),
        () => kv.keepAlive(id),
      ];
      for (const call of calls) {
        const begun = clock.monotonicMs();
        await assert.rejects(call(), ofKind('registry-unavailable'));
        const tookMs = clock.monotonicMs() - begun;
        assert.ok(tookMs < refusedWithinMs, `${call} took ${tookMs.toFixed(0)} ms`);
      }
      await faults.mend();
      await served(() => kv.get('a'));
      assert.equal((await kv.get('a')).entry?.value, '1', 'what was refused had no effect');
      assert.equal((await kv.keepAlive(id)).kind, 'alive');
      await commit(kv, [put('a', '3', id)]);
    }),
  );
}

/** Asks until the answer is no refusal: how soon a store comes back is its own affair. */
async function served<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      await assert.rejects(Promise.reject(error), ofKind('registry-unavailable'));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Writes one key after the other, each until it is known to be committed. @returns the revisions */
async function writeThrough(kv: Kv, count: number, between: (index: number) => Promise<void>): Promise<Revision[]> {
  const written: Revision[] = [];
  for (let index = 0; index < count; index++) {
    await between(index);
    for (;;) {
      const outcome = await served(() => kv.txn({ conditions: [], operations: [put(`k${index}`, String(index))] }));
      const settled = outcome.kind === 'unknown' ? await served(() => kv.resolve(outcome)) : outcome;
      if (settled.kind === 'not-committed') continue;
      assert.equal(settled.kind, 'committed');
      if (settled.kind === 'committed') written.push(settled.revision);
      break;
    }
  }
  return written;
}

function watches(withRig: WithRig, { writes }: FaultOptions): void {
  it(
    `tells each of ${writes} writes once while the way is cut again and again`,
    withRig(async ({ kv, faults }) => {
      const sink = new RecordingSink();
      kv.watch('k', { from: revision((await kv.get('k')).revision + 1) }, sink);
      const written = await writeThrough(kv, writes, async (index) => {
        if (index % 7 === 3) faults.cut();
        if (index % 10 === 5) {
          faults.loseAnswers();
          // Heard by nobody, so that the write before is lost together with its answer.
          const lost = kv.txn({ conditions: [], operations: [put('other', '')] });
          faults.cut();
          await lost.catch(() => undefined);
          await faults.mend();
        }
      });
      await sink.untilRevision(written.at(-1) ?? 0);
      assert.deepEqual(sink.revisions, written);
      assert.deepEqual(
        sink.events.map((event) => event.kind === 'put' && event.entry.key),
        written.map((_, index) => `k${index}`),
      );
    }),
  );
  it(
    'goes on with a watch behind what it was told, through an absence',
    withRig(async ({ kv, direct, faults }) => {
      const sink = new RecordingSink();
      const first = await commit(kv, [put('k', '1')]);
      kv.watch('k', { from: first }, sink);
      await sink.untilRevision(first);
      await faults.away();
      const missed = await commit(direct, [put('k', '2')]);
      const gone = await commit(direct, [remove('k')]);
      await faults.mend();
      await sink.untilRevision(gone);
      assert.deepEqual(sink.revisions, [first, missed, gone]);
      assert.equal(sink.end, undefined);
    }),
  );
}

function history(withRig: WithRig): void {
  it(
    'ends a watch as compacted where history went on without it',
    withRig(async ({ kv, direct, faults }) => {
      const sink = new RecordingSink();
      const first = await commit(kv, [put('k', '1')]);
      kv.watch('k', { from: first }, sink);
      await sink.untilRevision(first);
      await faults.away();
      for (let count = 0; count < 3; count++) await commit(direct, [put('k', String(count))]);
      await faults.compact();
      await faults.mend();
      const end = await sink.ending;
      assert.equal(end.kind, 'compacted');
      assert.deepEqual(sink.revisions, [first]);
      const { revision: at } = await list(kv, 'k');
      const again = new RecordingSink();
      kv.watch('k', { from: revision(at + 1) }, again);
      await again.untilRevision(await commit(kv, [put('k', 'after')]));
      assert.equal(again.batches.length, 1);
    }),
  );
  it(
    'says that pages of a revision are gone',
    withRig(async ({ kv, faults }) => {
      const early = await commit(kv, [put('a', '0'), put('stays', 's')]);
      for (let count = 1; count <= 3; count++) await commit(kv, [put('a', String(count))]);
      await faults.compact();
      const gone = await kv.range('', { limit: 10, revision: early });
      assert.equal(gone.kind, 'compacted');
      const oldest = gone.kind === 'compacted' ? gone.oldest : assert.fail();
      assert.ok(oldest > early);
      assert.equal((await kv.range('', { limit: 10, revision: oldest })).kind, 'page');
      const sink = new RecordingSink();
      kv.watch('', { from: revision(oldest + 1) }, sink);
      // The watch has its place in the history before that is cut again.
      await kv.get('a');
      await sink.untilRevision(await commit(kv, [put('a', 'last')]));
      const past = new RecordingSink();
      kv.watch('', { from: early }, past);
      assert.equal((await past.ending).kind, 'compacted');
    }),
  );
}
