import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { durationMs } from '@modelmesh/core';
import { DEFAULT_STREAM_LIMITS, type HeaderBlock } from '../stream/index.ts';
import { collect, each, poisoningEngine, realClock, serveWithGrpcJs, TEST_MESSAGE_BYTES_MAX } from '../testing/index.ts';
import { TimerWheel } from '../timer-wheel/index.ts';
import { GrpcClient, type GrpcClientOptions, GrpcStatusError, rawMethod } from './index.ts';

// Our client calls grpc-js, an independent server.

const method = (name: string) => rawMethod(`/test.Echo/${name}`);
const slices = (text: string): Uint8Array[] => [new Uint8Array(Buffer.from(text))];
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function clientOf(port: number, options: Partial<GrpcClientOptions> = {}): GrpcClient & Disposable {
  const connection = poisoningEngine.connect({ kind: 'tcp', host: '127.0.0.1', port }, DEFAULT_STREAM_LIMITS);
  const timers = new TimerWheel(realClock);
  const authority = `127.0.0.1:${port}`;
  const client = new GrpcClient(connection, {
    clock: realClock,
    timers,
    authority,
    messageBytesMax: TEST_MESSAGE_BYTES_MAX,
    ...options,
  });
  return Object.assign(client, { [Symbol.dispose]: () => connection.close() });
}

type Unary = grpc.handleUnaryCall<Buffer, Buffer>;
const unary = (handler: Unary) => serveWithGrpcJs({ Unary: handler });

test('a unary call of grpc-js works, with metadata of both kinds', async () => {
  using served = await unary((call, answer) => {
    const head = new grpc.Metadata();
    head.set('x-head', String(call.metadata.get('x-ask')[0]));
    call.sendMetadata(head);
    const tail = new grpc.Metadata();
    tail.set('x-tail-bin', Buffer.from([9, 8, 7]));
    answer(null, call.request, tail);
  });
  using client = clientOf(served.port);
  let headers: HeaderBlock | undefined;
  let trailers: HeaderBlock | undefined;
  const response = await client.call(method('Unary'), slices('hello'), {
    headers: ['x-ask', 'why'],
    onHeaders: (block) => {
      headers = block;
    },
    onTrailers: (block) => {
      trailers = block;
    },
  });
  assert.equal(text(response), 'hello');
  assert.equal(headers?.get('x-head'), 'why');
  assert.equal(trailers?.get('x-tail-bin'), 'CQgH');
});

test('an error of grpc-js keeps code, message, details and trailers', async () => {
  using served = await unary((_call, answer) => {
    const metadata = new grpc.Metadata();
    metadata.set('grpc-status-details-bin', Buffer.from([8, 5]));
    metadata.set('x-why', 'because');
    answer({ code: grpc.status.OUT_OF_RANGE, details: 'zu groß', metadata });
  });
  using client = clientOf(served.port);
  await assert.rejects(client.call(method('Unary'), slices('x')), (error) => {
    assert.ok(error instanceof GrpcStatusError);
    assert.equal(error.code, grpc.status.OUT_OF_RANGE);
    assert.equal(error.message, 'zu groß');
    assert.deepEqual([...(error.details ?? [])], [8, 5]);
    assert.equal(error.trailers.get('x-why'), 'because');
    return true;
  });
  await assert.rejects(client.call(method('Missing'), slices('x')), { code: grpc.status.UNIMPLEMENTED });
});

test('our deadline reaches grpc-js and ends the call', async () => {
  const seen = Promise.withResolvers<number>();
  using served = await unary((call) => {
    seen.resolve(Number(call.getDeadline()) - realClock.wallMs());
  });
  using client = clientOf(served.port);
  await assert.rejects(client.call(method('Unary'), slices('x'), { timeoutMs: durationMs(60) }), { kind: 'deadline-exceeded' });
  const remainingMs = await seen.promise;
  assert.ok(remainingMs <= 60, `${remainingMs} ms`);
});

test('our cancellation reaches grpc-js', async () => {
  const begun = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  using served = await unary((call) => {
    call.on('cancelled', () => cancelled.resolve());
    begun.resolve();
  });
  using client = clientOf(served.port);
  const controller = new AbortController();
  const asked = client.call(method('Unary'), slices('x'), { signal: controller.signal });
  await begun.promise;
  controller.abort();
  await assert.rejects(asked, { kind: 'cancelled' });
  await cancelled.promise;
});

for (const requestEncoding of ['gzip', 'deflate'] as const) {
  test(`grpc-js reads our ${requestEncoding} and we read its gzip`, async () => {
    using served = await serveWithGrpcJs(
      { Unary: ((call, answer) => answer(null, call.request)) satisfies Unary },
      { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip },
    );
    using client = clientOf(served.port, { requestEncoding });
    const response = await client.call(method('Unary'), [new Uint8Array(150_000).fill(3)]);
    assert.equal(response.byteLength, 150_000);
    assert.equal(response[149_999], 3);
  });
}

test('a message of three megabytes goes to grpc-js and back', async () => {
  using served = await unary((call, answer) => answer(null, call.request));
  using client = clientOf(served.port);
  assert.equal((await client.call(method('Unary'), [new Uint8Array(3_000_000)])).byteLength, 3_000_000);
});

test('the three streaming kinds of grpc-js work', async () => {
  using served = await serveWithGrpcJs({
    Client: ((call, answer) => {
      let count = 0;
      call.on('data', () => {
        count += 1;
      });
      call.on('end', () => answer(null, Buffer.from(String(count))));
    }) satisfies grpc.handleClientStreamingCall<Buffer, Buffer>,
    Server: ((call) => {
      for (let index = 0; index < 3; index += 1) call.write(Buffer.from(`${call.request}${index}`));
      call.end();
    }) satisfies grpc.handleServerStreamingCall<Buffer, Buffer>,
    Bidi: ((call) => {
      call.on('data', (bytes: Buffer) => call.write(bytes));
      call.on('end', () => call.end());
    }) satisfies grpc.handleBidiStreamingCall<Buffer, Buffer>,
  });
  using client = clientOf(served.port);
  const words = () => each(['a', 'b', 'c'].map(slices));
  const all = async (responses: AsyncIterable<Uint8Array>) => (await collect(responses)).map(text);
  assert.deepEqual(await all(client.exchange(method('Client'), words())), ['3']);
  assert.deepEqual(await all(client.exchange(method('Server'), each([slices('n')]))), ['n0', 'n1', 'n2']);
  assert.deepEqual(await all(client.exchange(method('Bidi'), words())), ['a', 'b', 'c']);
});
