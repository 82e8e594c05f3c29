import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { MeshError } from '@modelmesh/core';
import type { HeaderBlock } from '../stream/index.ts';
import { collect, ECHO_SERVICE, grpcJsClient, grpcJsUnary, realClock, type Served, serveRouter } from '../testing/index.ts';
import { type CallContext, rawMethod } from './index.ts';

// Our server is called by grpc-js, an independent client.

const identity = (bytes: Buffer): Buffer => bytes;
const bytesOf = (text: string): Uint8Array[] => [new Uint8Array(Buffer.from(text))];
const path = (name: keyof typeof ECHO_SERVICE) => rawMethod(ECHO_SERVICE[name].path);

/** A server of all four kinds: echoes, and does what a request's first word says. */
function serveEcho(options: Parameters<typeof serveRouter>[1] = {}): Promise<Served> {
  return serveRouter((router) => {
    router.unary(path('Unary'), (request, context) => unary(request, context));
    router.clientStream(path('Client'), async (requests) => bytesOf(String((await collect(requests)).length)));
    router.serverStream(path('Server'), async function* (request) {
      for (let index = 0; index < 3; index += 1) yield bytesOf(`${Buffer.from(request).toString()}${index}`);
    });
    router.bidi(path('Bidi'), async function* (requests) {
      for await (const request of requests) yield [request];
    });
  }, options);
}

async function unary(request: Uint8Array, context: CallContext): Promise<Uint8Array[]> {
  if (request.byteLength > 100) return [request];
  switch (Buffer.from(request).toString()) {
    case 'fail':
      context.setTrailer('x-detail-bin', Uint8Array.of(0, 255));
      throw new MeshError('failed-precondition', 'nicht möglich: 100%');
    case 'wait':
      await new Promise<void>((resolve) => {
        context.signal.addEventListener('abort', () => resolve());
      });
      throw context.signal.reason;
    case 'metadata':
      context.setHeader('x-head', String(context.headers.get('x-ask')));
      context.setHeader('x-head-bin', Buffer.from(String(context.headers.get('x-ask-bin')), 'base64'));
      context.setTrailer('x-tail', 'end');
      return [];
    default:
      return [request];
  }
}

test('grpc-js calls a unary method, with metadata of both kinds', async () => {
  await using served = await serveEcho();
  using client = grpcJsClient(served.address);
  const metadata = new grpc.Metadata();
  metadata.set('x-ask', 'why');
  metadata.set('x-ask-bin', Buffer.from([1, 2, 250]));
  const { response, headers, status } = await grpcJsUnary(client, Buffer.from('metadata'), metadata).outcome;
  assert.equal(response?.length, 0);
  assert.equal(status.code, grpc.status.OK);
  assert.deepEqual(headers?.get('x-head'), ['why']);
  assert.deepEqual(headers?.get('x-head-bin'), [Buffer.from([1, 2, 250])]);
  assert.deepEqual(status.metadata.get('x-tail'), ['end']);
});

test('grpc-js gets code, message and trailers of an error', async () => {
  await using served = await serveEcho();
  using client = grpcJsClient(served.address);
  const { status } = await grpcJsUnary(client, Buffer.from('fail')).outcome;
  assert.equal(status.code, grpc.status.FAILED_PRECONDITION);
  assert.equal(status.details, 'nicht möglich: 100%');
  assert.deepEqual(status.metadata.get('x-detail-bin'), [Buffer.from([0, 255])]);
});

test('grpc-js calls a method that is not served', async () => {
  await using served = await serveRouter(() => undefined);
  using client = grpcJsClient(served.address);
  assert.equal((await grpcJsUnary(client, Buffer.from('x')).outcome).status.code, grpc.status.UNIMPLEMENTED);
});

test('a deadline of grpc-js ends the call', async () => {
  await using served = await serveEcho();
  using client = grpcJsClient(served.address);
  const deadline = new Date(realClock.wallMs() + 40);
  const { status } = await grpcJsUnary(client, Buffer.from('wait'), new grpc.Metadata(), { deadline }).outcome;
  assert.equal(status.code, grpc.status.DEADLINE_EXCEEDED);
});

test('a cancellation by grpc-js reaches the handler', async () => {
  const begun = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<unknown>();
  await using served = await serveRouter((router) =>
    router.unary(path('Unary'), async (_request, { signal }) => {
      signal.addEventListener('abort', () => heard.resolve(signal.reason));
      begun.resolve();
      throw await heard.promise;
    }),
  );
  using client = grpcJsClient(served.address);
  const { call, outcome } = grpcJsUnary(client, Buffer.from('wait'));
  await begun.promise;
  call.cancel();
  assert.equal((await outcome).status.code, grpc.status.CANCELLED);
  const reason = await heard.promise;
  assert.ok(reason instanceof MeshError && reason.kind === 'cancelled');
});

test('grpc-js sends gzip and reads gzip', async () => {
  let encoding: string | undefined;
  const identify = (headers: HeaderBlock): void => {
    encoding = headers.get('grpc-encoding');
  };
  await using served = await serveEcho({ router: { responseEncoding: 'gzip', identify } });
  using client = grpcJsClient(served.address, { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip });
  const request = Buffer.alloc(200_000, 'model mesh ');
  const { response, status } = await grpcJsUnary(client, request).outcome;
  assert.equal(status.code, grpc.status.OK);
  assert.deepEqual(response, request);
  assert.equal(encoding, 'gzip');
});

test('grpc-js sends and reads a message of three megabytes', async () => {
  await using served = await serveEcho();
  using client = grpcJsClient(served.address);
  const { response } = await grpcJsUnary(client, Buffer.alloc(3_000_000, 5)).outcome;
  assert.equal(response?.length, 3_000_000);
});

test('grpc-js uses the three streaming kinds', async () => {
  await using served = await serveEcho();
  using client = grpcJsClient(served.address);
  const counted = new Promise<string>((resolve, reject) => {
    const call = client.makeClientStreamRequest(path('Client').path, identity, identity, new grpc.Metadata(), (error, value) =>
      error ? reject(error) : resolve(String(value)),
    );
    for (const word of ['a', 'b', 'c']) call.write(Buffer.from(word));
    call.end();
  });
  assert.equal(await counted, '3');
  const listed = client.makeServerStreamRequest(path('Server').path, identity, identity, Buffer.from('n'));
  assert.deepEqual((await collect<Buffer>(listed)).map(String), ['n0', 'n1', 'n2']);
  const echoed = client.makeBidiStreamRequest(path('Bidi').path, identity, identity);
  for (const word of ['x', 'y']) echoed.write(Buffer.from(word));
  echoed.end();
  assert.deepEqual((await collect<Buffer>(echoed)).map(String), ['x', 'y']);
});
