import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Clock, epochMs, MeshError, type MonotonicMs, monotonicMs } from '@modelmesh/core';
import { type FromWorker, readBatch, type ToWorker, writeBatch } from '../worker/protocol.ts';
import { CONTROL_WAIT_MS_MAX, type PoolModel, type RunSink, WorkerPool, type WorkerPort } from './index.ts';

const MiB = 1 << 20;
const WORKER_BYTES = 16 * MiB;
const never = new AbortController().signal;

/** A worker that keeps what it is told until the test lets it answer. */
class FakeWorker implements WorkerPort {
  /** Whether it is up as soon as somebody listens. */
  readonly #comesUp: boolean;
  #listener: ((message: FromWorker) => void) | undefined = undefined;
  onExit: ((why: string) => void) | undefined = undefined;
  readonly inbox: ToWorker[] = [];
  privateBytes = 100 * MiB;

  constructor(comesUp: boolean) {
    this.#comesUp = comesUp;
  }

  get onMessage(): ((message: FromWorker) => void) | undefined {
    return this.#listener;
  }
  set onMessage(listener: ((message: FromWorker) => void) | undefined) {
    this.#listener = listener;
    if (this.#comesUp) listener?.({ kind: 'ready', privateBytes: this.privateBytes });
  }

  post(message: ToWorker): void {
    this.inbox.push(message);
  }

  /** Kinds of what waits, with the number of runs of a batch. */
  get waiting(): readonly string[] {
    return this.inbox.map((message) => (message.kind === 'runs' ? `runs ${countOf(message.batch)}` : message.kind));
  }

  /** Answers the oldest message: runs with their own bytes, a load with growth of `grownBytes`. */
  answer(grownBytes = MiB): void {
    const message = this.inbox.shift();
    assert.ok(message !== undefined, 'there is something to answer');
    const beforeBytes = this.privateBytes;
    if (message.kind === 'runs') {
      const entries: Parameters<typeof writeBatch>[0][number][] = [];
      readBatch(message.batch, (runId, _session, start, end) => {
        const content = Buffer.from(message.batch, start, end - start);
        entries.push({ runId, code: 0, byteCount: content.length, write: (target, offset) => target.set(content, offset) });
      });
      this.onMessage?.({ kind: 'answers', batch: writeBatch(entries) });
    } else if (message.kind === 'load') {
      this.privateBytes += grownBytes;
      this.onMessage?.({
        kind: 'loaded',
        session: message.session,
        inputs: [],
        outputs: [],
        beforeBytes,
        afterBytes: this.privateBytes,
      });
    } else if (message.kind === 'unload') {
      this.onMessage?.({ kind: 'unloaded', session: message.session, beforeBytes, afterBytes: this.privateBytes });
    }
  }
}

function countOf(batch: ArrayBuffer): number {
  let count = 0;
  readBatch(batch, () => count++);
  return count;
}

interface World {
  readonly pool: WorkerPool;
  readonly workers: FakeWorker[];
  readonly lost: string[];
  readonly measured: { modelId: string; measuredBytes: number }[];
  /** Ends the turn: planned batches are sent. */
  turn(): void;
  advance(ms: number): void;
}

function world(workersMin = 1, workersMax = 1, comesUp = true): World {
  let nowMs = 1_000_000;
  let planned: (() => void)[] = [];
  const clock: Clock = {
    wallMs: () => epochMs(0),
    monotonicMs: (): MonotonicMs => monotonicMs(nowMs),
    after: () => ({ cancel: () => undefined }),
  };
  const workers: FakeWorker[] = [];
  const lost: string[] = [];
  const measured: { modelId: string; measuredBytes: number }[] = [];
  const spawn = (): FakeWorker => {
    const worker = new FakeWorker(comesUp);
    workers.push(worker);
    return worker;
  };
  const pool = new WorkerPool(
    {
      clock,
      endOfTurn: (run) => planned.push(run),
      spawn,
      scriptBytes: () => 0,
      workerBytes: () => WORKER_BYTES,
      workersMin,
      workersMax,
      runsQueuedMax: 200,
      runBytesQueuedMax: MiB,
    },
    { measured: (results) => measured.push(...results), firstRun: () => undefined, modelLost: (modelId) => lost.push(modelId) },
  );
  const turn = (): void => {
    const runs = planned;
    planned = [];
    for (const run of runs) run();
  };
  return { pool, workers, lost, measured, turn, advance: (ms) => (nowMs += ms) };
}

const job = (modelId: string, instances = 1) => ({
  modelId,
  path: `/${modelId}`,
  unshaped: new Set<string>(),
  sessionBytes: MiB,
  instances,
});

async function loadNow(at: World, modelId: string, worker = 0): Promise<PoolModel> {
  const loading = at.pool.load(job(modelId), never);
  at.turn();
  at.workers[worker]?.answer();
  return await loading;
}

function sink(): RunSink & { readonly outcome: string[] } {
  const outcome: string[] = [];
  return {
    outcome,
    answered: (response) => outcome.push(Buffer.from(response).toString()),
    failed: (error) => outcome.push(error.kind),
  };
}

describe('the worker pool', () => {
  it('lets workers collect garbage that are up and have nothing to do', async () => {
    const at = world(2, 2);
    const model = await loadNow(at, 'm');
    at.pool.run(model, [Buffer.from('x')], 1, sink());

    at.pool.rest();
    assert.deepEqual(
      at.workers.map(({ waiting }) => waiting),
      [[], ['rest']],
    );
    at.turn();
    at.workers[0]?.answer();
    at.pool.rest();
    assert.deepEqual(at.workers[0]?.waiting, ['rest']);

    const starting = world(1, 1, false);
    starting.pool.rest();
    assert.deepEqual(starting.workers[0]?.waiting, []);
  });

  it('sends the requests of one turn as one batch and brings each answer to its caller', async () => {
    const at = world();
    const model = await loadNow(at, 'm');
    const sinks = ['one', 'two', 'three'].map((text) => {
      const one = sink();
      at.pool.run(model, [Buffer.from(text.slice(0, 1)), Buffer.from(text.slice(1))], text.length, one);
      return one;
    });

    at.turn();
    assert.deepEqual(at.workers[0]?.waiting, ['runs 3']);
    at.workers[0]?.answer();

    assert.deepEqual(
      sinks.map(({ outcome }) => outcome),
      [['one'], ['two'], ['three']],
    );
  });

  it('puts runs before a load that waits', async () => {
    const at = world();
    const model = await loadNow(at, 'm');
    const loading = at.pool.load(job('next'), never);
    at.pool.run(model, [], 0, sink());

    at.turn();
    assert.deepEqual(at.workers[0]?.waiting, ['runs 1'], 'the load came first, and the run is sent first');
    at.pool.run(model, [], 0, sink());
    at.turn();
    at.workers[0]?.answer();
    assert.deepEqual(at.workers[0]?.waiting, ['runs 1'], 'a run that came meanwhile is under way');
    at.workers[0]?.answer();
    assert.deepEqual(at.workers[0]?.waiting, ['load']);
    at.workers[0]?.answer();

    assert.equal((await loading).modelId, 'next');
  });

  it('lets a load go when it has waited long enough behind runs that never end', async () => {
    const at = world();
    const model = await loadNow(at, 'm');
    const loading = at.pool.load(job('next'), never);
    at.pool.run(model, [], 0, sink());
    at.turn();
    at.advance(CONTROL_WAIT_MS_MAX);
    const late = sink();
    at.pool.run(model, [], 0, late);
    at.turn();
    at.workers[0]?.answer();

    assert.deepEqual(at.workers[0]?.waiting, ['load']);
    at.workers[0]?.answer();
    assert.deepEqual(at.workers[0]?.waiting, ['runs 1']);
    at.workers[0]?.answer();
    assert.deepEqual(late.outcome, ['']);
    await loading;
  });

  it('has at most two batches under way and gathers the rest', async () => {
    const at = world();
    const model = await loadNow(at, 'm');
    for (let i = 0; i < 150; i++) at.pool.run(model, [], 0, sink());
    at.turn();

    assert.deepEqual(at.workers[0]?.waiting, ['runs 64', 'runs 64']);
    at.workers[0]?.answer();
    assert.deepEqual(at.workers[0]?.waiting, ['runs 64', 'runs 22']);
  });

  it('refuses runs beyond its queue, by number and by bytes', async () => {
    const at = world();
    const model = await loadNow(at, 'm');
    const overloaded = (error: unknown): boolean => error instanceof MeshError && error.kind === 'overloaded';
    at.pool.run(model, [Buffer.alloc(MiB)], MiB, sink());
    assert.throws(() => at.pool.run(model, [Buffer.alloc(1)], 1, sink()), overloaded);
    at.turn();
    for (let i = 0; i < 200; i++) at.pool.run(model, [], 0, sink());

    assert.throws(() => at.pool.run(model, [], 0, sink()), overloaded);
  });

  it('drops a cancelled run that has not left, and the answer of one that has', async () => {
    const at = world();
    const model = await loadNow(at, 'm');
    const [early, late, kept] = [sink(), sink(), sink()];
    at.pool.run(model, [], 0, early).cancel();
    const run = at.pool.run(model, [], 0, late);
    at.pool.run(model, [], 0, kept);
    at.turn();
    run.cancel();

    assert.deepEqual(at.workers[0]?.waiting, ['runs 2']);
    at.workers[0]?.answer();
    assert.deepEqual([early.outcome, late.outcome, kept.outcome], [[], [], ['']]);
  });

  it('withdraws a load that waits when its caller leaves, and unloads one that cannot be stopped', async () => {
    const at = world();
    const [first, second] = [new AbortController(), new AbortController()];
    const running = at.pool.load(job('running'), first.signal);
    at.turn();
    const waiting = at.pool.load(job('waiting'), second.signal);

    second.abort(new MeshError('cancelled', 'left'));
    await assert.rejects(waiting, { kind: 'cancelled' });
    first.abort(new MeshError('cancelled', 'left'));
    at.workers[0]?.answer();
    await Promise.resolve();
    while (at.workers[0]?.waiting.length === 0) {
      await Promise.resolve();
      at.turn();
    }
    assert.deepEqual(at.workers[0]?.waiting, ['unload']);
    at.workers[0]?.answer();
    await assert.rejects(running, { kind: 'cancelled' });
  });

  it('adds a worker for a load beside a model that runs, and lets it go with its last session', async () => {
    const at = world(1, 2);
    const busy = await loadNow(at, 'busy');
    at.pool.run(busy, [], 0, sink());
    at.turn();
    const next = await loadNow(at, 'next', 1);
    assert.equal(at.pool.workerCount, 2);

    const unloading = at.pool.unload(next, MiB);
    at.turn();
    at.workers[1]?.answer();
    await unloading;

    assert.equal(at.pool.workerCount, 1);
    assert.deepEqual(at.workers[1]?.waiting, ['end']);
  });

  it('puts sessions of one model into different workers and runs where the least waits', async () => {
    const at = world(2, 2);
    const loading = at.pool.load(job('wide', 5), never);
    at.turn();
    assert.deepEqual(
      at.workers.map(({ waiting }) => waiting),
      [['load'], ['load']],
      'no more sessions than workers',
    );
    for (const worker of at.workers) worker.answer();
    const model = await loading;

    for (let i = 0; i < 10; i++) at.pool.run(model, [], 0, sink());
    at.turn();

    assert.deepEqual(
      at.workers.map(({ waiting }) => waiting),
      [['runs 5'], ['runs 5']],
    );
  });

  it('fails what a lost worker was doing, tells which models are gone and starts another', async () => {
    const at = world();
    await Promise.resolve();
    const model = await loadNow(at, 'm');
    const outcome = sink();
    at.pool.run(model, [], 0, outcome);
    at.turn();
    const waiting = at.pool.load(job('next'), never);

    at.workers[0]?.onExit?.('out of memory');

    await assert.rejects(waiting, { kind: 'unavailable', message: /out of memory/ });
    assert.deepEqual(outcome.outcome, ['unavailable']);
    assert.deepEqual(at.lost, ['m']);
    assert.throws(
      () => at.pool.run(model, [], 0, sink()),
      (error: unknown) => error instanceof MeshError && error.kind === 'model-not-found',
    );
    assert.equal(at.pool.workerCount, 1);
    assert.equal(at.workers.length, 2);
  });

  it('does not start a worker again that never came up', async () => {
    const at = world(1, 1, false);
    const loading = at.pool.load(job('m'), never);
    at.turn();
    assert.deepEqual(at.workers[0]?.waiting, [], 'nothing is sent to a thread that is not up');
    at.workers[0]?.onExit?.('no binary');

    await assert.rejects(loading, { kind: 'unavailable', message: /no binary/ });
    assert.equal(at.workers.length, 1);
  });

  it('measures loads one by one, and divides what overlapping ones grew', async () => {
    const at = world(2, 2);
    const alone = at.pool.load(job('alone'), never);
    at.turn();
    at.workers[0]?.answer(3 * MiB);
    await alone;
    assert.deepEqual(at.measured, [{ modelId: 'alone', measuredBytes: 3 * MiB }]);

    const both = [
      at.pool.load({ ...job('a'), sessionBytes: MiB }, never),
      at.pool.load({ ...job('b'), sessionBytes: 3 * MiB }, never),
    ];
    at.turn();
    const shared = 200 * MiB;
    for (const worker of at.workers) worker.privateBytes = shared;
    at.workers[1]?.answer(0);
    const last = at.workers[0];
    assert.ok(last);
    last.answer(8 * MiB);
    await Promise.all(both);

    assert.deepEqual(
      at.measured.slice(1).sort((x, y) => x.modelId.localeCompare(y.modelId)),
      [
        { modelId: 'a', measuredBytes: 2 * MiB },
        { modelId: 'b', measuredBytes: 6 * MiB },
      ],
    );
  });

  it('charges no load with a worker that comes beside it, and measures on after one went', async () => {
    const at = world(1, 2);
    const first = at.pool.load(job('first'), never);
    at.turn();
    const second = at.pool.load(job('second'), never);
    at.turn();
    at.workers[1]?.answer(0);
    at.workers[0]?.answer(2 * MiB + WORKER_BYTES);
    await first;
    const model = await second;
    assert.deepEqual(
      at.measured.map(({ measuredBytes }) => measuredBytes),
      [MiB, MiB],
      'the second worker came',
    );

    const third = at.pool.load(job('third'), never);
    at.turn();
    const unloaded = at.pool.unload(model, MiB);
    at.turn();
    at.workers[1]?.answer();
    await unloaded;
    assert.deepEqual(at.workers[1]?.waiting, ['end']);
    at.workers[1]?.onExit?.('it ended');
    at.workers[0]?.answer(MiB);
    await third;
    assert.deepEqual(at.measured.at(-1), { modelId: 'third', measuredBytes: 2 * MiB }, 'it went, and so did a model of a MiB');
  });

  it('measures again after a worker that never came up', async () => {
    const at = world(1, 2, false);
    at.workers[0]?.onMessage?.({ kind: 'ready', privateBytes: 0 });
    const first = at.pool.load(job('first'), never);
    at.turn();
    const second = at.pool.load(job('second'), never);
    at.workers[1]?.onExit?.('out of threads');
    await assert.rejects(second, { kind: 'unavailable' });
    at.workers[0]?.answer();
    await first;

    await loadNow(at, 'third');
    assert.deepEqual(at.measured.at(-1), { modelId: 'third', measuredBytes: MiB });
  });
});
