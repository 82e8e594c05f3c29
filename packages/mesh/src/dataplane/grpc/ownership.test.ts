import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { epochMs } from '@modelmesh/core';
import {
  type ByteStream,
  createFrameEngine,
  DEFAULT_STREAM_LIMITS,
  type HeaderBlock,
  headerBlock,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import type { MethodRules } from '../../link/index.ts';
import { systemClock } from '../../node/index.ts';
import { TestNode } from '../../testing/index.ts';
import { framed, METHOD, patterned } from '../call/testing/index.ts';

/** The model's id is field 1, and is both read there and written there. */
const RULES: MethodRules = {
  rules: new Map([[METHOD, { idPath: [1], names: 'model', versionPath: null, headersFirst: true }]]),
  allowOthers: true,
};
const KIB = 1024;

/** Field 2 with `byteCount` bytes and then the id `m`. */
function message(byteCount: number): Buffer {
  const size = [(byteCount % 128) | 128, (Math.floor(byteCount / 128) % 128) | 128, Math.floor(byteCount / 16_384)];
  return Buffer.concat([Buffer.from([0x12, ...size]), patterned(byteCount), Buffer.from([0x0a, 1, 0x6d])]);
}

/** Sends `body` in pieces of `pieceBytes`, a turn apart, and collects the answer. */
class Exchange implements StreamHandler {
  readonly done: Promise<Buffer>;
  readonly #answer: Buffer[] = [];
  #resolve: (answer: Buffer) => void = () => {};
  #reject: (why: Error) => void = () => {};

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  onHeaders(_stream: ByteStream, headers: HeaderBlock, end: boolean): void {
    if (end) this.#reject(new Error(headers.get('grpc-message')));
  }

  onData(stream: ByteStream, bytes: Uint8Array): void {
    this.#answer.push(Buffer.from(bytes));
    stream.consume(bytes.length);
  }

  onTrailers(_stream: ByteStream, trailers: HeaderBlock): void {
    if (trailers.get('grpc-status') === '0') this.#resolve(Buffer.concat(this.#answer));
    else this.#reject(new Error(trailers.get('grpc-message')));
  }

  onReset(): void {
    this.#reject(new Error('reset'));
  }

  onWritable(): void {}

  onClosed(): void {}
}

describe('bytes of a request, on a node that overwrites what it has given back', () => {
  let node: TestNode;
  const engine = createFrameEngine({ clock: systemClock });
  before(async () => {
    node = await TestNode.start({ rules: RULES, runtime: { methods: { [METHOD]: [1] } } });
    const info = { type: 'onnx', path: 'p', encKey: '{}' };
    const request = { modelId: 'm', info, loadNow: false, sync: false, lastUsedMs: epochMs(0) };
    await node.running.control.registerModel(request, new AbortController().signal);
  });
  after(() => node.close());

  async function ask(body: Buffer, fields: readonly string[]): Promise<Buffer> {
    const connection = engine.connect({ kind: 'tcp', host: '127.0.0.1', port: node.port }, DEFAULT_STREAM_LIMITS);
    const path = [':method', 'POST', ':scheme', 'http', ':path', `/${METHOD}`, ':authority', 'localhost'];
    const exchange = new Exchange();
    const headers = headerBlock([...path, 'content-type', 'application/grpc', 'te', 'trailers', ...fields]);
    const stream = connection.open(headers, false, exchange);
    for (let at = 0; at < body.length; at += 40 * KIB) {
      stream.sendData(Buffer.from(body.subarray(at, at + 40 * KIB)), at + 40 * KIB >= body.length);
      await new Promise((resolve) => setImmediate(resolve));
    }
    try {
      return await exchange.done;
    } finally {
      connection.close();
    }
  }

  const packed = (bytes: Buffer): Buffer => {
    const whole = framed(gzipSync(bytes));
    whole[0] = 1;
    return whole;
  };

  it('are right when the message is held until it can be rewritten', async () => {
    const bytes = message(1100 * KIB);
    assert.equal(Buffer.compare(await ask(framed(bytes), ['mm-model-id', 'm']), framed(bytes)), 0);
  });

  it('are right when the message is held until its model is known', async () => {
    const bytes = message(1100 * KIB);
    assert.equal(Buffer.compare(await ask(framed(bytes), []), framed(bytes)), 0);
  });

  it('are right when the message is compressed and held for both', async () => {
    const bytes = message(1100 * KIB);
    assert.equal(Buffer.compare(await ask(packed(bytes), ['grpc-encoding', 'gzip']), framed(bytes)), 0);
  });

  it('are right in a stream of messages that are cut anywhere', async () => {
    const several = [message(70 * KIB), message(20 * KIB), message(130 * KIB)];
    const whole = Buffer.concat(several.map(framed));
    assert.equal(Buffer.compare(await ask(whole, []), whole), 0);
  });
});
