import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bug } from '@modelmesh/core';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { Recorder } from '../stream/contract/index.ts';
import { headerBlock, type StreamHandler } from '../stream/index.ts';
import { serveRouter } from '../testing/index.ts';
import { GrpcStatusError, rawMethod } from './index.ts';

const UNARY = rawMethod('/test.Echo/Unary');

test('calls of unknown methods reach the fallback as raw streams', async () => {
  await using served = await serveRouter(() => undefined, {
    router: {
      fallback: (stream, headers): StreamHandler => {
        const echo = new Recorder();
        void echo.untilEnd().then(() => {
          stream.sendHeaders(headerBlock([':status', '200', 'content-type', 'application/grpc']), false);
          stream.sendData(new Uint8Array(Buffer.from(echo.text, 'latin1')), false);
          stream.sendTrailers(headerBlock(['grpc-status', '0', 'x-path', headers.get(':path') ?? '']));
        });
        return echo;
      },
    },
  });
  let path: string | undefined;
  const response = await served.client.call(UNARY, [new Uint8Array([1, 2, 3])], {
    onTrailers: (trailers) => {
      path = trailers.get('x-path');
    },
  });
  assert.deepEqual([...response], [1, 2, 3]);
  assert.equal(path, '/test.Echo/Unary');
});

test('streams that are no gRPC go to the door for HTTP on the same connection', async () => {
  const types: (string | undefined)[] = [];
  await using served = await serveRouter((router) => router.unary(UNARY, (request) => [request]), {
    router: {
      http: (stream, headers) => {
        types.push(headers.get('content-type'));
        stream.sendHeaders(headerBlock([':status', '201']), true);
        return new Recorder();
      },
    },
  });
  for (const type of ['application/json', 'application/grpc-web', undefined]) {
    const heard = new Recorder();
    const fields = [':method', 'POST', ':scheme', 'http', ':path', '/v2', ':authority', 'x'];
    served.connection.open(headerBlock(type === undefined ? fields : [...fields, 'content-type', type]), true, heard);
    await heard.untilOver();
    assert.equal(heard.headers?.get(':status'), '201');
  }
  assert.deepEqual(types, ['application/json', 'application/grpc-web', undefined]);
  assert.equal((await served.client.call(UNARY, [new Uint8Array(3)])).byteLength, 3);
});

test('without a door for HTTP the answer is 415', async () => {
  await using served = await serveRouter(() => undefined);
  const heard = new Recorder();
  served.connection.open(headerBlock([':method', 'POST', ':scheme', 'http', ':path', '/v2', ':authority', 'x']), false, heard);
  await heard.untilOver();
  assert.equal(heard.headers?.get(':status'), '415');
});

test('a client that meets an HTTP answer gets the status that stands for it', async () => {
  await using served = await serveRouter(() => undefined, {
    router: {
      fallback: (stream) => {
        stream.sendHeaders(headerBlock([':status', '503', 'content-type', 'text/plain']), false);
        stream.sendData(new Uint8Array(5), true);
        return new Recorder();
      },
    },
  });
  await assert.rejects(
    served.client.call(UNARY, [new Uint8Array(1)]),
    (error) => error instanceof GrpcStatusError && error.code === GRPC_CODE.UNAVAILABLE,
  );
});

test('an answer that ends without a status, within a message, or with two messages is broken', async () => {
  const bodies: Record<string, Uint8Array> = {
    '/t/NoStatus': Uint8Array.of(0, 0, 0, 0, 0),
    '/t/Cut': Uint8Array.of(0, 0, 0, 0, 9, 1),
    '/t/Two': Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
  };
  await using served = await serveRouter(() => undefined, {
    router: {
      fallback: (stream, headers) => {
        const path = headers.get(':path') ?? '';
        stream.sendHeaders(headerBlock([':status', '200', 'content-type', 'application/grpc']), false);
        const body = bodies[path] ?? new Uint8Array(0);
        if (path === '/t/NoStatus') stream.sendData(body, true);
        else {
          stream.sendData(body, false);
          stream.sendTrailers(headerBlock(['grpc-status', '0']));
        }
        return new Recorder();
      },
    },
  });
  const call = (path: string) => served.client.call(rawMethod(path), [new Uint8Array(1)]);
  await assert.rejects(call('/t/NoStatus'), { kind: 'internal', message: 'the answer ended without a grpc-status' });
  await assert.rejects(call('/t/Cut'), { kind: 'invalid-argument', message: 'the stream ended within a message' });
  await assert.rejects(call('/t/Two'), { kind: 'internal', message: '/t/Two answers with one message, more than one came' });
  await assert.rejects(call('/t/None'), { kind: 'internal', message: '/t/None answers with one message, none came' });
});

test('a request without a message, or with two, is an invalid argument', async () => {
  await using served = await serveRouter((router) => router.unary(UNARY, (request) => [request]));
  for (const messages of [0, 2]) {
    const heard = new Recorder();
    const fields = [
      ':method',
      'POST',
      ':scheme',
      'http',
      ':path',
      UNARY.path,
      ':authority',
      'x',
      'content-type',
      'application/grpc',
    ];
    const stream = served.connection.open(headerBlock(fields), false, heard);
    stream.sendData(new Uint8Array(5 * messages), true);
    await heard.untilOver();
    assert.equal(heard.headers?.get('grpc-status'), String(GRPC_CODE.INVALID_ARGUMENT));
  }
});

test('a method is registered once', async () => {
  await using _served = await serveRouter((router) => {
    router.unary(UNARY, (request) => [request]);
    assert.throws(() => router.unary(UNARY, (request) => [request]), Bug);
    assert.deepEqual(router.paths(), [UNARY.path]);
  });
});

test('a method is served under its older names, and names that stand for nothing go on to the fallback', async () => {
  const fallen: string[] = [];
  const older = new Map([
    ['/test.Old/Unary', UNARY.path],
    ['/test.Old/Gone', '/test.Echo/Gone'],
  ]);
  await using served = await serveRouter(
    (router) => router.unary(UNARY, (request) => [request]).olderNames((path) => older.get(path)),
    {
      router: {
        fallback: (stream, headers) => {
          fallen.push(headers.get(':path') ?? '');
          stream.sendHeaders(headerBlock([':status', '200', 'content-type', 'application/grpc', 'grpc-status', '12']), true);
          return new Recorder();
        },
      },
    },
  );
  assert.deepEqual([...(await served.client.call(rawMethod('/test.Old/Unary'), [new Uint8Array([7])]))], [7]);
  for (const path of ['/test.Old/Gone', '/test.Other/Unary']) await assert.rejects(served.client.call(rawMethod(path), []));
  assert.deepEqual(fallen, ['/test.Old/Gone', '/test.Other/Unary']);
});

test('a header list over the limit is RESOURCE_EXHAUSTED for a call and 431 for what is no gRPC; no handler hears of it', async () => {
  let called = 0;
  await using served = await serveRouter((router) =>
    router.unary(UNARY, (request) => {
      called += 1;
      return [request];
    }),
  );
  const headers = Array.from({ length: 700 }, (_, at) => [`x-${at}`, 'x'.repeat(60)]).flat();
  await assert.rejects(
    served.client.call(UNARY, [new Uint8Array(3)], { headers }),
    (error: unknown) =>
      error instanceof GrpcStatusError &&
      error.code === GRPC_CODE.RESOURCE_EXHAUSTED &&
      /^a header list of \d{5} bytes is above the limit of 65536 bytes \(headerListBytesMax\)$/.test(error.message),
  );
  const heard = new Recorder();
  const fields = [':method', 'GET', ':scheme', 'http', ':path', '/v2', ':authority', 'x', ...headers];
  served.connection.open(headerBlock(fields), true, heard);
  await heard.untilOver();
  assert.equal(heard.headers?.get(':status'), '431');
  assert.equal(called, 0);
  assert.equal((await served.client.call(UNARY, [new Uint8Array(3)])).byteLength, 3);
});
