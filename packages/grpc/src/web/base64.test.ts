import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { frameMessage } from '../framing/index.ts';
import { Base64Decoder } from './base64-decoder.ts';
import { Base64Encoder } from './base64-encoder.ts';

/** Cuts bytes at places that a property chose. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((one, other) => one - other);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

const places = fc.array(fc.nat(10_000), { maxLength: 12 });

function decode(pieces: readonly Uint8Array[]): Buffer {
  const decoder = new Base64Decoder();
  const decoded = pieces.map((piece) => decoder.push(piece));
  decoder.end();
  return Buffer.concat(decoded);
}

describe('base64 that is read in pieces', () => {
  it('is the same wherever it is cut and whichever chunks were padded by themselves', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), places, (chunks, where) => {
        const text = Buffer.from(chunks.map((chunk) => Buffer.from(chunk).toString('base64')).join(''));
        assert.deepEqual(decode(cut(text, where)), Buffer.concat(chunks));
      }),
    );
  });

  it('is refused when it is none, wherever it is cut', () => {
    const bad = ['A', 'AA', 'AAA', 'A===', '====', 'AA=A', 'AA*A', 'AAAA*AAA', 'AA==A', 'AA A', 'AB*=', 'A*==', 'AAAA\nAAAA'];
    for (const text of bad) {
      for (let at = 0; at <= text.length; at += 1) {
        const pieces = [Buffer.from(text.slice(0, at)), Buffer.from(text.slice(at))];
        assert.throws(() => decode(pieces), { kind: 'invalid-argument', message: /must be base64/ }, `${text} cut at ${at}`);
      }
    }
  });
});

describe('base64 that is written in pieces', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 5 });

  it('is each frame padded by itself, wherever the frames are cut', () => {
    fc.assert(
      fc.property(messages, places, (contents, where) => {
        const frames = contents.flatMap((content) => frameMessage([content]));
        const encoder = new Base64Encoder();
        const text = Buffer.concat(cut(Buffer.concat(frames), where).map((piece) => encoder.push(piece)));
        assert.equal(text.toString(), frames.map((frame) => Buffer.from(frame).toString('base64')).join(''));
      }),
    );
  });

  it('comes back as it was', () => {
    fc.assert(
      fc.property(messages, places, places, (contents, written, read) => {
        const frames = Buffer.concat(contents.flatMap((content) => frameMessage([content])));
        const encoder = new Base64Encoder();
        const text = Buffer.concat(cut(frames, written).map((piece) => encoder.push(piece)));
        assert.deepEqual(decode(cut(text, read)), frames);
      }),
    );
  });

  it('holds back at most two bytes of a frame that is not complete', () => {
    const encoder = new Base64Encoder();
    const frame = Buffer.concat(frameMessage([new Uint8Array(100)]));
    for (let at = 0, textBytes = 0; at < frame.length - 1; at += 1) {
      textBytes += encoder.push(frame.subarray(at, at + 1)).length;
      assert.ok(at + 1 - (textBytes / 4) * 3 <= 2, `${at + 1} bytes gave ${textBytes}`);
    }
  });
});
