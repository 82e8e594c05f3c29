/** What a proxy does: DATA of one connection is sent on by another one, in the very slices that came. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { H2Stream } from './stream.ts';
import { Heard, Pair } from './testing/index.ts';

/** Notes all that comes. */
class Gathered extends Heard {
  readonly parts: Uint8Array[] = [];

  override onData(stream: H2Stream, bytes: Uint8Array, end: boolean): void {
    this.parts.push(Buffer.from(bytes));
    super.onData(stream, bytes, end);
  }
}

/** Sends on what comes, and keeps the slices that came, as whoever may have to send them again does. */
class Forwarding extends Gathered {
  readonly kept: Uint8Array[] = [];
  readonly #to: readonly H2Stream[];
  readonly #isCopying: boolean;

  constructor(to: readonly H2Stream[], isCopying: boolean) {
    super();
    this.#to = to;
    this.#isCopying = isCopying;
  }

  override onData(stream: H2Stream, bytes: Uint8Array, end: boolean): void {
    super.onData(stream, bytes, end);
    this.kept.push(bytes);
    for (const to of this.#to) to.sendData(this.#isCopying ? Uint8Array.from(bytes) : bytes, end);
  }
}

const piece = fc.record({ stream: fc.nat({ max: 2 }), byteCount: fc.oneof(fc.nat({ max: 20_000 }), fc.nat({ max: 60_000 })) });
const pieces = fc.array(piece, { maxLength: 12 });
const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 65_536 })), {
  minLength: 1,
  maxLength: 8,
});

/** What arrives behind a proxy, per stream and target; a stream is sent on to one target or two. */
function arrived(sent: readonly { stream: number; byteCount: number }[], cut: readonly number[], isCopying: boolean): string[] {
  const windows = { streamWindowBytes: 1_000_000, connectionWindowBytes: 10_000_000 };
  const front = new Pair({ server: windows });
  const back = new Pair({ server: windows });
  back.makeHeard = () => new Gathered();
  const forwarding: Forwarding[] = [];
  front.makeHeard = () => {
    const targets = forwarding.length === 1 ? [back.open([]), back.open([])] : [back.open([])];
    const made = new Forwarding(targets, isCopying);
    forwarding.push(made);
    return made;
  };
  front.cut = cut;
  back.cut = cut;
  const streams = [0, 1, 2].map(() => front.open([]));
  front.run();
  for (const [at, { stream, byteCount }] of sent.entries())
    streams[stream]?.sendData(
      Uint8Array.from({ length: byteCount }, (_, index) => index * 31 + at),
      false,
    );
  for (const stream of streams) stream.sendData(new Uint8Array(0), true);
  front.run();
  back.run();
  assert.deepEqual([...front.ends, ...back.ends], []);
  for (const { kept, parts } of forwarding)
    assert.deepEqual(Buffer.concat(kept), Buffer.concat(parts), 'what was kept stays as it came');
  const came = back.served.map(({ heard }) => heard as Gathered);
  for (const { log } of came) assert.equal(log.at(-1), 'end');
  return came.map(({ parts }) => Buffer.concat(parts).toString('latin1'));
}

test('law: what is sent on in the slices that came arrives as what is copied does, wherever reads cut it, and stays readable for who kept it', () => {
  fc.assert(
    fc.property(pieces, cuts, (sent, cut) => {
      assert.deepEqual(arrived(sent, cut, false), arrived(sent, cut, true));
    }),
    { numRuns: 60 },
  );
});

test('neighbouring frames that are sent on leave as one piece', () => {
  const front = new Pair();
  const back = new Pair();
  front.makeHeard = () => new Forwarding([back.open([])], false);
  front.cut = [65_536];
  const stream = front.open([]);
  front.run();
  back.client.take();
  stream.sendData(new Uint8Array(60_000), true);
  front.run();
  assert.deepEqual(back.client.take().length, 1);
});
