import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs, type MeshError } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { TimerWheel, WHEEL_TICK_MS } from '@modelmesh/grpc/timer-wheel';
import { BodyDrain } from './body-drain.ts';
import { echo, errorOf, overBoth, type TestAnswer } from './testing/index.ts';

const LIMIT_MS = durationMs(1000);
const TICKS_MS = 2 * WHEEL_TICK_MS;

class Reader {
  readonly told: MeshError[] = [];
  onBodyLate(error: MeshError): void {
    this.told.push(error);
  }
}

it('a body has as long as it likes until the node drains, and then the limit, counted from when it begins to be read', () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const drain = new BodyDrain({ clock, deadlines: wheel });
  const [early, whole, late] = [new Reader(), new Reader(), new Reader()];
  drain.begins(early);
  drain.begins(whole);
  clock.advance(100_000);
  drain.drain(LIMIT_MS);
  clock.advance(LIMIT_MS / 2);
  drain.ended(whole);
  drain.begins(late);
  drain.drain(LIMIT_MS);
  clock.advance(LIMIT_MS / 2 + TICKS_MS);
  assert.deepEqual(
    [early, whole, late].map(({ told }) => told.map(({ kind }) => kind)),
    [['unavailable'], [], []],
  );
  clock.advance(LIMIT_MS / 2);
  assert.deepEqual([early.told.length, whole.told.length, late.told.length], [1, 0, 1]);
  assert.deepEqual([drain.reading, wheel.count], [0, 0]);
});

const answer = { gate: Promise.withResolvers<void>() };

overBoth(
  'a node that drains',
  {},
  async (rig) => {
    answer.gate = Promise.withResolvers();
    await rig.model('echo', { behaviour: { inputs: [], infer: echo } });
    await rig.model('slow', { behaviour: { inputs: [], infer: (request) => answer.gate.promise.then(() => echo(request)) } });
  },
  (on) => {
    it('refuses bodies that do not come to their end, and answers what came whole', async () => {
      const json = { 'content-type': 'application/json', 'content-length': '10000' };
      const chunked = { 'content-type': 'application/json' };
      const whole = on.post('/v2/models/slow/infer', { inputs: [{ name: 'x', datatype: 'INT8', shape: [1], data: [1] }] });
      const starts = [
        { path: '/v2/models/echo/infer', headers: json },
        { path: '/v2/models/echo/infer', headers: chunked },
        { path: '/v2/repository/index', headers: json },
      ].map((request) =>
        on.rig.client.start(on.version, { method: 'POST', ...request, body: [Buffer.from('{"inputs": [')], open: true }),
      );
      while (on.rig.runtime.seen.length < 1) await on.rig.settled();
      on.rig.handler.drain(durationMs(20));
      for (const { answer: opened } of starts) {
        const { status, headers, chunks } = await opened;
        const body = Buffer.concat(await Array.fromAsync(chunks));
        const refused: TestAnswer = { status, headers, body };
        assert.equal(errorOf(refused, 503), 'the node is shutting down, and the body did not arrive in time');
      }
      answer.gate.resolve();
      assert.equal((await whole).status, 200);
      await on.rig.released();
      for (const { abort } of starts) abort();
    });
  },
);
