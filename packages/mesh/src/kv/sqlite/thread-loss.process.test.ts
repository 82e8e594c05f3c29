import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { durationMs, revision } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { KV_PENDING_BYTES_MAX, KV_PENDING_MAX, type KvTxnOutcome } from '../port.ts';
import { commit, ofKind, put, RecordingSink } from '../testing/index.ts';
import { SqliteKv } from './sqlite-kv.ts';
import { type StartWorker, startWorker } from './sqlite-thread.ts';

/** A store whose thread can be watched, deafened and killed. */
class Subject {
  readonly kv: SqliteKv;
  readonly clock: FakeClock;
  readonly #workers: Worker[];

  constructor(kv: SqliteKv, clock: FakeClock, workers: Worker[]) {
    this.kv = kv;
    this.clock = clock;
    this.#workers = workers;
  }

  get worker(): Worker {
    return this.#workers.at(-1) ?? assert.fail();
  }

  /** Kills the thread once it was asked for a commit, which it does or does not carry out, and whose answer is lost either way. */
  loseCommit(carriedOut: boolean): void {
    const { worker } = this;
    const post = worker.postMessage.bind(worker);
    const emit = worker.emit.bind(worker);
    worker.postMessage = (request: { call: string }) => {
      if (request.call !== 'commit') return post(request);
      if (carriedOut) post(request);
      else void worker.terminate();
    };
    worker.emit = (name: string | symbol, ...args: unknown[]) => {
      if (name !== 'message') return emit(name, ...args);
      void worker.terminate();
      return true;
    };
  }
}

async function withSubject(body: (subject: Subject) => Promise<void>, start: StartWorker = startWorker): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-kv-thread-'));
  const workers: Worker[] = [];
  const clock = new FakeClock();
  const kv = await SqliteKv.open({ location: join(folder, 'registry.db'), clock }, (data) => {
    const worker = start(data);
    workers.push(worker);
    return worker;
  });
  try {
    await body(new Subject(kv, clock, workers));
  } finally {
    await kv.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const write = (kv: SqliteKv, key: string): Promise<KvTxnOutcome> => kv.txn({ conditions: [], operations: [put(key, '1')] });

describe('the loss of the thread that holds the database', () => {
  for (const carriedOut of [true, false]) {
    it(`leaves a write that was ${carriedOut ? '' : 'not '}carried out unknown, and tells so afterwards`, () =>
      withSubject(async (subject) => {
        const { kv } = subject;
        const before = await commit(kv, [put('a', '1')]);
        subject.loseCommit(carriedOut);
        const outcomes = await Promise.all([write(kv, 'b'), write(kv, 'c')]);
        for (const [index, outcome] of outcomes.entries()) {
          if (outcome.kind !== 'unknown') assert.fail(outcome.kind);
          assert.equal(outcome.after, before);
          const committed = { kind: 'committed', revision: before + 1 + index };
          assert.deepEqual(await kv.resolve(outcome), carriedOut ? committed : { kind: 'not-committed' });
        }
        assert.equal((await kv.get('b')).entry?.value, carriedOut ? '1' : undefined);
        assert.equal((await write(kv, 'd')).kind, 'committed');
      }));
  }

  it('ends watches as lost, keeps leases alive, and ends those leases whose time was over', () =>
    withSubject(async (subject) => {
      const { kv, clock } = subject;
      const [long, short] = [await kv.grantLease(durationMs(20_000)), await kv.grantLease(durationMs(5000))];
      const at = await commit(kv, [put('long', '', long.id), put('short', '', short.id)]);
      const [sink, next] = [new RecordingSink(), new RecordingSink()];
      kv.watch('', { from: revision(at + 1) }, sink);
      subject.loseCommit(false);
      clock.advance(durationMs(5000));
      assert.equal((await sink.ending).kind, 'lost');
      assert.deepEqual(await kv.keepAlive(long.id), { kind: 'alive', ttlMs: 20_000 });
      assert.deepEqual(await kv.keepAlive(short.id), { kind: 'gone' });
      kv.watch('', { from: revision(at + 1) }, next);
      clock.advance(durationMs(1000));
      await next.until(({ batches }) => batches.length === 1);
      assert.deepEqual(next.events, [{ kind: 'delete', key: 'short' }]);
    }));

  it('is answered as unavailable while the file cannot be opened again, and tried anew with each call', () => {
    let starts = 0;
    const start: StartWorker = (data) =>
      startWorker(++starts === 2 ? { ...data, path: join(data.path, 'no-folder', 'x.db') } : data);
    return withSubject(async (subject) => {
      const { kv } = subject;
      await commit(kv, [put('a', '1')]);
      subject.loseCommit(false);
      assert.equal((await write(kv, 'b')).kind, 'unknown');
      await assert.rejects(async () => {
        for (let tries = 0; tries < 1000; tries++) await kv.get('a');
      }, ofKind('registry-unavailable'));
      let answer: string | undefined;
      for (let tries = 0; answer === undefined && tries < 1000; tries++) {
        answer = await kv.get('a').then(
          ({ entry }) => entry?.value,
          () => undefined,
        );
      }
      assert.equal(answer, '1');
      assert.equal(starts, 3);
    }, start);
  });
});

describe('writes that arrive together', () => {
  it('are committed together: those of one turn, and those that came while a commit was running', () =>
    withSubject(async ({ kv, worker }) => {
      const commits: number[] = [];
      const post = worker.postMessage.bind(worker);
      worker.postMessage = (request: { call: string; ask: readonly unknown[] }) => {
        if (request.call === 'commit') commits.push(request.ask.length);
        post(request);
      };
      const turn = Array.from({ length: 100 }, (_, index) => write(kv, `a${index}`));
      await Promise.resolve();
      await Promise.resolve();
      const running = Array.from({ length: 50 }, (_, index) => write(kv, `b${index}`));
      const outcomes = await Promise.all([...turn, ...running]);
      assert.ok(outcomes.every(({ kind }) => kind === 'committed'));
      assert.deepEqual(commits, [100, 50]);
    }));

  it('do not fail for one among them whose condition fails', () =>
    withSubject(async ({ kv }) => {
      const outcomes = await Promise.all([
        write(kv, 'a'),
        kv.txn({ conditions: [{ kind: 'absent', key: 'a' }], operations: [put('a', '2'), put('b', '2')] }),
        kv.txn({ conditions: [{ kind: 'present', key: 'a' }], operations: [put('c', '3')] }),
      ]);
      assert.deepEqual(
        outcomes.map(({ kind, ...rest }) => [kind, 'revision' in rest && rest.revision]),
        [
          ['committed', 1],
          ['conflict', 1],
          ['committed', 2],
        ],
      );
      assert.equal((await kv.get('b')).entry, null);
    }));

  it(`are refused beyond ${KV_PENDING_MAX}, and those accepted are written`, () =>
    withSubject(async ({ kv }) => {
      const accepted = Array.from({ length: KV_PENDING_MAX }, (_, index) => write(kv, `k${index % 10}`));
      await assert.rejects(write(kv, 'one-more'), ofKind('overloaded', /wait for the disk/));
      assert.ok((await Promise.all(accepted)).every(({ kind }) => kind === 'committed'));
    }));

  it(`are refused beyond ${KV_PENDING_BYTES_MAX} bytes`, () =>
    withSubject(async ({ kv }) => {
      const value = 'x'.repeat(1_400_000);
      const operations = [put('big', value)];
      const fitting = Math.floor(KV_PENDING_BYTES_MAX / (value.length + 3));
      const accepted = Array.from({ length: fitting }, () => kv.txn({ conditions: [], operations }));
      await assert.rejects(kv.txn({ conditions: [], operations }), ofKind('overloaded'));
      assert.ok((await Promise.all(accepted)).every(({ kind }) => kind === 'committed'));
    }));

  it('and reads that wait are refused beyond the bound', () =>
    withSubject(async ({ kv }) => {
      const reads = await Promise.allSettled(Array.from({ length: KV_PENDING_MAX + 10 }, () => kv.get('a')));
      const refused = reads.filter(({ status }) => status === 'rejected');
      assert.equal(refused.length, 10);
    }));
});
