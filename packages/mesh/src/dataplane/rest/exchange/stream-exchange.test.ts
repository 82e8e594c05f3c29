import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshError } from '@modelmesh/core';
import { type ByteStream, headerBlock } from '@modelmesh/grpc/stream';
import type { Principal } from '../../../authz/index.ts';
import { ByteBudget } from '../../call/index.ts';
import { streamExchange } from './index.ts';

const PIECE_BYTES = 5000;

function opened(heldBefore: readonly Uint8Array[] = []) {
  const heard: { body?: Uint8Array; refused?: MeshError } = {};
  let consumedBytes = 0;
  const stream: ByteStream = {
    owner: undefined,
    sendHeaders: () => {},
    sendData: () => true,
    sendTrailers: () => {},
    reset: () => {},
    consume: (byteCount) => {
      consumedBytes += byteCount;
    },
  };
  const headers = headerBlock([':method', 'POST', ':path', '/x']);
  const exchange = streamExchange(stream, headers, false, {} as Principal, false);
  exchange.listener = {
    onBody: (body) => {
      heard.body = body;
    },
    onBodyRefused: (error) => {
      heard.refused = error;
    },
    onWritable: () => {},
    onAborted: () => {},
    onOver: () => {},
  };
  const budget = new ByteBudget(1_000_000);
  for (const [at, piece] of heldBefore.entries()) exchange.onData(stream, piece, at === heldBefore.length - 1);
  exchange.readBody({ bytesMax: 8000, budget });
  return { exchange, stream, heard, consumed: () => consumedBytes };
}

describe('a body over HTTP/2', () => {
  it('that came in one piece is that piece, whose credit returns with the answer', () => {
    const piece = new Uint8Array(PIECE_BYTES);
    const { exchange, stream, heard, consumed } = opened();
    exchange.onData(stream, piece, true);
    assert.equal(heard.body, piece);
    assert.equal(consumed(), 0);
    exchange.respond(200, [], [new Uint8Array(1)]);
    assert.equal(consumed(), PIECE_BYTES);
  });

  it('is that piece too where it came before anybody asked for it', () => {
    const piece = new Uint8Array(PIECE_BYTES);
    const { heard, consumed } = opened([piece]);
    assert.equal(heard.body, piece);
    assert.equal(consumed(), 0);
  });

  it('is a copy of its pieces where there are several, or where it would keep a much larger buffer', () => {
    const pieces = [new Uint8Array(3000).fill(1), new Uint8Array(2000).fill(2)];
    const several = opened();
    for (const [at, piece] of pieces.entries()) several.exchange.onData(several.stream, piece, at === 1);
    assert.deepEqual(several.heard.body, Buffer.concat(pieces));
    assert.equal(several.consumed(), PIECE_BYTES);
    const small = new Uint8Array(100_000).subarray(0, 1000);
    const pinning = opened();
    pinning.exchange.onData(pinning.stream, small, true);
    assert.equal(pinning.heard.body?.length, 1000);
    assert.notEqual(pinning.heard.body?.buffer, small.buffer);
  });

  it('above the limit is refused, and its credit returns at once', () => {
    const { exchange, stream, heard, consumed } = opened();
    exchange.onData(stream, new Uint8Array(8001), true);
    assert.equal(heard.refused?.kind, 'too-large');
    assert.equal(consumed(), 8001);
    assert.equal(heard.body, undefined);
  });
});
