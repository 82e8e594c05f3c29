import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import {
  type FramedMessage,
  FrameScanner,
  frameMessage,
  framePrefix,
  joinSlices,
  MessageAssembler,
  MessageReader,
} from './index.ts';

interface Written {
  readonly bytes: Uint8Array;
  readonly compressed: boolean;
}

const messages = fc.array(fc.record({ bytes: fc.uint8Array({ maxLength: 40 }), compressed: fc.boolean() }), { maxLength: 6 });
const cuts = fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1, maxLength: 50 });

/** The stream of all messages, cut into pieces whose lengths repeat `lengths`. */
function pieces(written: readonly Written[], lengths: readonly number[]): Uint8Array[] {
  const stream = Buffer.concat(written.flatMap(({ bytes, compressed }) => frameMessage([bytes], compressed)));
  const cut: Uint8Array[] = [];
  for (let at = 0, index = 0; at < stream.length; index += 1) {
    const length = lengths[index % lengths.length] ?? 1;
    cut.push(new Uint8Array(stream.subarray(at, at + length)));
    at += length;
  }
  return cut;
}

const plain = (written: readonly Written[]) => written.map(({ bytes, compressed }) => ({ bytes: [...bytes], compressed }));

test('the reader gives every message back however the stream is cut', () => {
  fc.assert(
    fc.property(messages, cuts, (written, lengths) => {
      const read: FramedMessage[] = [];
      const reader = new MessageReader(100, (message) => read.push(message));
      for (const piece of pieces(written, lengths)) reader.push(piece);
      assert.deepEqual(
        read.map((message) => ({ bytes: [...joinSlices(message)], compressed: message.compressed })),
        plain(written),
      );
      assert.equal(reader.midMessage, false);
    }),
  );
});

test('the assembler gives every message back as bytes of its own, even when the stream is overwritten behind it', () => {
  fc.assert(
    fc.property(messages, cuts, (written, lengths) => {
      const read: Written[] = [];
      const assembler = new MessageAssembler(100, (bytes, compressed) => read.push({ bytes, compressed }));
      for (const piece of pieces(written, lengths)) {
        assembler.push(piece);
        piece.fill(0xdb);
      }
      assert.deepEqual(plain(read), plain(written));
    }),
  );
});

test('the assembler reserves little for a length that is only claimed, and grows to what comes', () => {
  const read: Uint8Array[] = [];
  const assembler = new MessageAssembler(10_000_000, (bytes) => read.push(bytes));
  assembler.push(framePrefix(200_000, false));
  for (let part = 0; part < 20; part += 1) assembler.push(new Uint8Array(10_000).fill(part));
  assert.equal(read[0]?.byteLength, 200_000);
  assert.equal(read[0]?.at(-1), 19);
  assert.equal(read[0]?.at(65_536), 6);
});

test('a message within one piece is passed on without a copy', () => {
  const stream = Buffer.concat(frameMessage([Uint8Array.of(1, 2, 3)]));
  const read: FramedMessage[] = [];
  new MessageReader(100, (message) => read.push(message)).push(stream);
  assert.equal(read[0]?.slices[0]?.buffer, stream.buffer);
});

test('a message above the limit is refused at its prefix, and the limit is named', () => {
  const reader = new MessageReader(10, () => undefined);
  assert.throws(
    () => reader.push(framePrefix(11, false)),
    (error) => error instanceof MeshError && error.kind === 'too-large' && error.message.includes('10 bytes (messageBytesMax)'),
  );
  new MessageReader(10, () => undefined).push(framePrefix(10, false));
});

test('flags that gRPC does not know are refused', () => {
  const reader = new MessageReader(10, () => undefined);
  assert.throws(() => reader.push(Uint8Array.of(2)) ?? reader.push(Uint8Array.of(0, 0, 0, 0)), { kind: 'invalid-argument' });
});

test('a length with the top bit set is a length and not a negative number', () => {
  const reader = new MessageReader(10, () => undefined);
  assert.throws(() => reader.push(Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff)), { kind: 'too-large' });
});

test('the scanner holds nothing and says where messages begin and end', () => {
  const heard: string[] = [];
  const scanner = new FrameScanner(100, {
    onMessageStart: (byteLength, compressed) => heard.push(`start ${byteLength} ${compressed}`),
    onMessageBytes: (bytes) => heard.push(`bytes ${bytes.byteLength}`),
    onMessageEnd: () => heard.push('end'),
  });
  scanner.push(framePrefix(5, true).subarray(0, 3));
  assert.equal(scanner.midMessage, true);
  scanner.push(framePrefix(5, true).subarray(3));
  scanner.push(new Uint8Array(2));
  scanner.push(Buffer.concat([new Uint8Array(3), ...frameMessage([])]));
  assert.deepEqual(heard, ['start 5 true', 'bytes 2', 'bytes 3', 'end', 'start 0 false', 'end']);
  assert.equal(scanner.midMessage, false);
});

test('a small message leaves as one piece, a large one keeps its slices', () => {
  assert.equal(frameMessage([new Uint8Array(10), new Uint8Array(10)]).length, 1);
  const large = new Uint8Array(20_000);
  const framed = frameMessage([large]);
  assert.equal(framed.length, 2);
  assert.equal(framed[1], large);
  assert.deepEqual([...(framed[0] ?? [])], [0, 0, 0, 0x4e, 0x20]);
});
