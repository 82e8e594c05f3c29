import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FLAG, FRAME } from '../frames/index.ts';
import { Blocks, frame, hello, LoneServer, Pair, u32 } from './testing/index.ts';

/** What the streams of a server heard, told apart from how it came: octets of data joined. */
function story(server: LoneServer): unknown {
  return {
    served: server.served.map(({ headers, end, heard }) => ({
      headers: headers.raw(),
      end,
      bytes: heard.bytes,
      ends: heard.log.filter((line) => /^(trailers|closed|reset)/.test(line)),
    })),
    goaway: server.goaway,
    sent: server.sent.filter(({ type }) => type !== FRAME.windowUpdate).map(({ type, streamId }) => [type, streamId]),
  };
}

const anyFrame = fc
  .record({
    type: fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x10, 0x42),
    flags: fc.constantFrom(0, 1, 4, 5, 8, 9, 13, 0x20, 0x25, 0xff),
    streamId: fc.constantFrom(0, 1, 1, 2, 3, 5, 7, 0x7fff_ffff),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 0, max: 0x7fff_ffff }).map((value) => Uint8Array.from(u32(value))),
      fc.constant(new Uint8Array(8)),
    ),
  })
  .map(({ type, flags, streamId, payload }) => frame(type, flags, streamId, payload));

/** A session that begins well and goes on with anything. */
const session = fc
  .record({
    requests: fc.integer({ min: 0, max: 4 }),
    rest: fc.array(anyFrame, { maxLength: 12 }),
    noise: fc.uint8Array({ maxLength: 30 }),
  })
  .map(({ requests, rest, noise }) => {
    const blocks = new Blocks();
    const opened = Array.from({ length: requests }, (_, at) =>
      blocks.request(2 * at + 1, at % 2 === 0, ['x-unique', String(at)]),
    );
    return Buffer.concat([hello(), ...opened, ...rest, noise]);
  });

test('law: whatever comes, a connection never throws, tells each stream one end at most, and all of them once it is over', () => {
  fc.assert(
    fc.property(session, (octets) => {
      const server = new LoneServer({}, false);
      server.say(new Uint8Array(octets));
      server.connection.lost('the end of the test');
      server.collect();
      for (const { heard } of server.served) {
        const ends = heard.log.filter((line) => line === 'closed' || line.startsWith('reset'));
        assert.equal(ends.length, 1, heard.log.join(', '));
        assert.ok(heard.log.at(-1) === ends[0], 'nothing comes behind the end');
      }
    }),
    { numRuns: 500 },
  );
});

test('law: what is heard does not depend on where the reads cut what came', () => {
  fc.assert(
    fc.property(session, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 30 }), (octets, steps) => {
      const whole = new LoneServer({}, false);
      whole.say(new Uint8Array(octets));
      const cut = new LoneServer({}, false);
      let at = 0;
      for (let step = 0; at < octets.byteLength; step += 1) {
        const until = at + (steps[step % steps.length] ?? 1);
        cut.say(new Uint8Array(octets.subarray(at, until)));
        at = until;
      }
      assert.deepEqual(story(cut), story(whole));
    }),
    { numRuns: 300 },
  );
});

/** What a test does with one of the streams of a pair. */
type Act =
  | { readonly kind: 'open'; readonly end: boolean }
  | { readonly kind: 'client-data' | 'server-data'; readonly at: number; readonly bytes: number; readonly end: boolean }
  | { readonly kind: 'answer' | 'trailers' | 'client-reset' | 'server-reset' | 'consume'; readonly at: number }
  | { readonly kind: 'run' };

const at = fc.integer({ min: 0, max: 5 });
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ kind: fc.constant('open' as const), end: fc.boolean() }),
  fc.record({
    kind: fc.constantFrom('client-data' as const, 'server-data' as const),
    at,
    bytes: fc.constantFrom(0, 1, 100, 20_000, 100_000),
    end: fc.boolean(),
  }),
  fc.record({
    kind: fc.constantFrom('answer', 'trailers', 'client-reset', 'server-reset', 'consume').map((kind) => kind as 'answer'),
    at,
  }),
  fc.constant({ kind: 'run' as const }),
);

/** Plays the acts on a pair, counting what each side was given to send. */
function play(pair: Pair, acts: readonly Act[]): { readonly up: number[]; readonly down: number[] } {
  const streams: ReturnType<Pair['open']>[] = [];
  const up: number[] = [];
  const down: number[] = [];
  for (const one of acts) {
    switch (one.kind) {
      case 'open':
        streams.push(pair.open([], one.end));
        break;
      case 'client-data': {
        const stream = streams[one.at];
        if (stream === undefined || stream.isOver || stream.sending !== 'body') break;
        up[one.at] = (up[one.at] ?? 0) + one.bytes;
        stream.sendData(new Uint8Array(one.bytes), one.end);
        break;
      }
      case 'server-data': {
        const stream = pair.served[one.at]?.stream;
        if (stream === undefined || stream.isOver || stream.sending !== 'body') break;
        down[one.at] = (down[one.at] ?? 0) + one.bytes;
        stream.sendData(new Uint8Array(one.bytes), one.end);
        break;
      }
      case 'answer':
        pair.served[one.at]?.stream.sendHeaders({ raw: () => [':status', '200'] }, false);
        break;
      case 'trailers':
        pair.served[one.at]?.stream.sendTrailers({ raw: () => ['grpc-status', '0'] });
        break;
      case 'client-reset':
        streams[one.at]?.reset(8);
        break;
      case 'server-reset':
        pair.served[one.at]?.stream.reset(2);
        break;
      case 'consume': {
        const served = pair.served[one.at];
        served?.stream.consume(served.stream.unconsumedBytes);
        break;
      }
      case 'run':
        pair.run();
    }
  }
  return { up, down };
}

test('law: two connections agree whatever is done on them: octets come once, never beyond a window, and each stream ends once on either side', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const pair = new Pair();
      const { up, down } = play(pair, acts);
      pair.run();
      assert.deepEqual(pair.ends, []);
      for (const [index, { stream, heard }] of pair.served.entries()) {
        assert.ok(stream.unconsumedBytes <= stream.windowBytes);
        assert.ok(heard.bytes <= (up[index] ?? 0));
      }
      // Whoever consumes all hears all.
      for (let round = 0; round < 40; round += 1) {
        for (const { stream } of pair.served) stream.consume(stream.unconsumedBytes);
        for (const { stream } of pair.heard) if (stream !== undefined) stream.consume(stream.unconsumedBytes);
        pair.run();
      }
      for (const [index, { heard }] of pair.served.entries()) {
        const other = pair.heard[index];
        if (heard.end === undefined && other?.end === undefined) {
          assert.equal(heard.bytes, up[index] ?? 0);
          assert.equal(other?.bytes, down[index] ?? 0);
        }
        for (const side of [heard, other]) {
          assert.ok((side?.log.filter((line) => line === 'closed' || line.startsWith('reset')).length ?? 0) <= 1);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('streams that wait take turns, a frame each: a long answer holds up no short one', () => {
  const server = new LoneServer();
  const blocks = new Blocks();
  server.say(frame(FRAME.windowUpdate, 0, 0, u32(10_000_000)), blocks.request(1, true), blocks.request(3, true));
  const [long, short] = server.served;
  server.connection.congested(server.nowMs);
  for (const one of [long, short]) one?.stream.sendHeaders({ raw: () => [':status', '200'] }, false);
  long?.stream.sendData(new Uint8Array(60_000), true);
  short?.stream.sendData(new Uint8Array(10), true);
  server.connection.relieved(server.nowMs);
  server.collect();
  const data = server.sent
    .filter(({ type }) => type === FRAME.data)
    .map(({ streamId, flags }) => `${streamId}${flags & FLAG.endStream ? ' end' : ''}`);
  assert.deepEqual(data, ['1', '3 end', '1', '1', '1 end']);
});
