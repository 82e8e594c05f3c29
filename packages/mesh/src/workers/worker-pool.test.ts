import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, epochMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { BEAT_EVERY_MS, OVER_FOR_MS, PATIENCE_MS_PER_MIB, RESTART_PAUSE_MS, SILENCE_MAX_MS } from '@modelmesh/core/workers';
import type { Config } from '../config/index.ts';
import { allocateCounters, LimitCounters, SlotCounters, type ToControl, WorkersLink } from '../link/index.ts';
import { createLog } from '../log/index.ts';
import { pickSetup } from '../plugins/index.ts';
import { Board } from './board.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './messages.ts';
import type { ThreadListener } from './port.ts';
import { START_TIMEOUT_MS } from './seat.ts';
import { WorkerPool } from './worker-pool.ts';

const HOST = '127.0.0.1';
/** Any free port, as the first fake worker finds it. */
let found = 42_000;

/** A thread that answers as a good worker does, until it is told otherwise. */
class FakeThread {
  readonly setup: WorkerSetup;
  readonly heard: ToWorker[] = [];
  readonly #listener: ThreadListener;
  readonly #port: number;
  beats = true;
  answersClose = true;
  ended = false;

  constructor(setup: WorkerSetup, listener: ThreadListener, port: number) {
    this.setup = setup;
    this.#listener = listener;
    this.#port = port;
  }

  send(message: ToWorker): void {
    this.heard.push(message);
    if (message.kind === 'serve') {
      const places = message.listeners.map(({ config: { host, port } }) => ({ host, port: port === 0 ? this.#port : port }));
      this.say({ kind: 'serving', places });
    } else if (message.kind === 'close' && this.answersClose) this.say({ kind: 'closed' });
  }

  /** Says something once whoever listens has returned. */
  say(message: FromWorker): void {
    queueMicrotask(() => this.#listener.onMessage(message));
  }

  async kill(): Promise<void> {
    this.end(undefined);
  }

  end(error: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.setup.link.close();
    this.#listener.onEnd(error);
  }

  beat(streams: number): void {
    if (this.beats && !this.ended) new Board(this.setup.board).beat(this.setup.worker, streams);
  }
}

const CONFIG = { limits: {} } as unknown as Config;

function rig(workers: number) {
  const clock = new FakeClock();
  const threads: FakeThread[] = [];
  const lines: Record<string, unknown>[] = [];
  const counters = allocateCounters(workers + 1, 4);
  const link = new WorkersLink(workers + 1);
  const told: ToControl[] = [];
  link.onMessage = (message) => told.push(message);
  found += 1;
  const port = found;
  const pool = new WorkerPool({
    workers,
    startThread: (setup, listener) => {
      const thread = new FakeThread(setup, listener, port);
      threads.push(thread);
      return thread;
    },
    clock,
    log: createLog({ level: 'info', instance: 'i', service: 's', sink: { write: (line) => void lines.push(JSON.parse(line)) } }),
    link,
    counters,
    limitCounters: new LimitCounters().buffer,
    config: CONFIG,
    tokenKeys: [],
    picks: pickSetup([]),
    onStrategy: () => {},
    relayWord: 'word',
    self: null,
    writeLog: (text) => void lines.push({ text }),
  });
  /** Time passes while workers beat with so many streams each. */
  const pass = async (ms: number, streams: readonly number[] = []): Promise<void> => {
    for (let at = 0; at < ms; at += BEAT_EVERY_MS) {
      for (const thread of threads) thread.beat(streams[thread.setup.worker] ?? 0);
      clock.advance(BEAT_EVERY_MS);
      // What is asked is answered.
      await settled();
    }
  };
  const listener = {
    config: { roles: new Set(['inference'] as const), host: HOST, port: 0, tls: false },
    relayPath: '/r',
    relayed: [],
  };
  const serve = async () => {
    pool.start();
    return pool.serve([listener]);
  };
  const end = (): Promise<void> => pool.close(durationMs(0), durationMs(0));
  return { clock, threads, lines, counters, pool, pass, serve, end, port };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const events = (lines: readonly Record<string, unknown>[]): unknown[] => lines.map(({ event }) => event);

describe('the threads of the data plane', () => {
  it('open the same ports: the first finds one that was left open, the others take it', async () => {
    const { threads, serve, end, port } = rig(3);
    assert.deepEqual(await serve(), [{ host: HOST, port }]);
    const asked = threads.map(({ heard: [first] }) => (first?.kind === 'serve' ? first.listeners[0]?.config.port : undefined));
    assert.deepEqual(asked, [0, port, port]);
    await end();
    assert.deepEqual(
      threads.map(({ ended }) => ended),
      [true, true, true],
    );
  });

  it('fail together: the reason of the one that cannot start is told', async () => {
    const { threads, pool, end } = rig(2);
    pool.start();
    const [first] = threads;
    assert.ok(first !== undefined);
    first.send = (message) => {
      if (message.kind !== 'serve') return;
      first.say({
        kind: 'failed',
        error: { kind: 'failed-precondition', message: 'cannot listen: port-taken', retryAfterMs: null },
      });
      queueMicrotask(() => first.end(new Error('as it says')));
    };
    const listener = { config: { roles: new Set([]), host: HOST, port: 0, tls: false }, relayPath: '/r', relayed: [] };
    await assert.rejects(pool.serve([listener]), /port-taken/);
    await end();
  });

  it('fail to start where one does not answer in time', async () => {
    const { clock, threads, pool, end } = rig(1);
    pool.start();
    const [mute] = threads;
    assert.ok(mute !== undefined);
    mute.send = () => {};
    const listener = { config: { roles: new Set([]), host: HOST, port: 0, tls: false }, relayPath: '/r', relayed: [] };
    const started = pool.serve([listener]);
    clock.advance(START_TIMEOUT_MS);
    await assert.rejects(started, /worker 0 did not say that it is serving within 60000 ms/);
    assert.ok(mute.ended && !pool.isServing);
    await end();
  });

  it('are replaced when they give no sign of life for a second; what such a one had in flight is forgotten', async () => {
    const { threads, lines, counters, pass, serve, end, port } = rig(2);
    await serve();
    const control = new SlotCounters(counters);
    const slot = { index: 1, generation: 1 };
    control.open(slot, epochMs(1));
    control.enter(0, slot, epochMs(1));
    control.enter(1, slot, epochMs(1));
    await pass(5000);
    assert.equal(threads.length, 2, 'who beats stays');
    const [, mute] = threads;
    assert.ok(mute !== undefined);
    mute.beats = false;
    await pass(SILENCE_MAX_MS + 2 * BEAT_EVERY_MS);
    assert.ok(mute.ended);
    assert.equal(control.inFlight(slot), 1);
    await pass(RESTART_PAUSE_MS);
    const next = threads[2];
    assert.equal(next?.setup.worker, 1);
    assert.ok(next?.heard[0]?.kind === 'serve');
    assert.equal(next.heard[0].listeners[0]?.config.port, port);
    assert.deepEqual(events(lines), ['worker-replaced', 'worker-started']);
    await end();
  });

  it('may be silent for as long as the work takes that they announced, and no longer than a second behind it', async () => {
    const { threads, pass, serve, end } = rig(1);
    await serve();
    const [busy] = threads;
    assert.ok(busy !== undefined);
    await pass(BEAT_EVERY_MS);
    const workBytes = 16 * 1_048_576;
    new Board(busy.setup.board).announceWork(0, workBytes);
    busy.beats = false;
    await pass(16 * PATIENCE_MS_PER_MIB);
    assert.ok(!busy.ended);
    busy.beats = true;
    await pass(BEAT_EVERY_MS);
    busy.beats = false;
    await pass(SILENCE_MAX_MS + 2 * BEAT_EVERY_MS);
    assert.ok(busy.ended, 'its beat said that the work was done');
    await end();
  });

  it('are replaced when they end by an error, later each time', async () => {
    const { threads, lines, pool, pass, serve, end } = rig(1);
    await serve();
    threads[0]?.end(new Error('a fault'));
    await pass(RESTART_PAUSE_MS);
    assert.equal(threads.length, 2);
    threads[1]?.end(new Error('a fault'));
    await pass(RESTART_PAUSE_MS);
    assert.equal(threads.length, 2, 'not yet');
    await pass(RESTART_PAUSE_MS);
    assert.equal(threads.length, 3);
    assert.deepEqual(
      [...pool.figures().restarts],
      [
        ['silent', 0],
        ['ended', 2],
      ],
    );
    assert.equal(events(lines).filter((event) => event === 'worker-replaced').length, 2);
    await end();
  });

  it('are asked to shed a connection when one has too many streams, one at a time, and what came of it counts', async () => {
    const { threads, pool, pass, serve, end } = rig(2);
    await serve();
    const sheds = () => threads.map(({ heard }) => heard.filter(({ kind }) => kind === 'shed').length);
    await pass(OVER_FOR_MS + 200, [30, 10]);
    assert.deepEqual(sheds(), [1, 0]);
    await pass(OVER_FOR_MS, [30, 10]);
    assert.deepEqual(sheds(), [1, 0], 'nobody is asked while an answer is missing');
    threads[0]?.say({ kind: 'shed', done: true });
    await pass(20_000, [10, 10]);
    assert.deepEqual([sheds(), pool.figures().connectionsShed], [[1, 0], 1]);
    await end();
  });

  it('end although one does not answer', async () => {
    const { threads, clock, serve, pool } = rig(2);
    await serve();
    const [, stubborn] = threads;
    assert.ok(stubborn !== undefined);
    stubborn.answersClose = false;
    const closed = pool.close(durationMs(1000), durationMs(0));
    await settled();
    assert.deepEqual([threads[0]?.ended, stubborn.ended], [true, false]);
    clock.advance(durationMs(10_000));
    await closed;
    assert.equal(stubborn.ended, true);
  });
});
