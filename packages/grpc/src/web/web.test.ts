import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, request as openRequest, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { durationMs, MeshError } from '@modelmesh/core';
import { descriptorSetBytes, reflectionV1 } from '@modelmesh/wire/grpc-services';
import { GrpcRouter, rawMethod } from '../call/index.ts';
import { frameMessage } from '../framing/index.ts';
import { addReflection } from '../reflection/index.ts';
import { Recorder } from '../stream/contract/index.ts';
import { type AcceptStream, type ByteStream, headerBlock, RESET_CODE } from '../stream/index.ts';
import { listenOnLoopback, realClock } from '../testing/index.ts';
import { TimerWheel } from '../timer-wheel/index.ts';
import { acceptGrpcWeb, acceptHttp1, HTTP1_LINGER_BYTES_MAX, HTTP1_WINDOW_BYTES } from './index.ts';
import { askHttp1, askHttp2, type WebAnswer, type WebRequest } from './testing/index.ts';

const UNARY = rawMethod('/test.Echo/Unary');
const STREAM = rawMethod('/test.Echo/Stream');
const NEVER = rawMethod('/test.Echo/Never');
const bytesOf = (words: string): Uint8Array[] => [new Uint8Array(Buffer.from(words))];

function echoRouter(): GrpcRouter {
  const router = new GrpcRouter({ clock: realClock, timers: new TimerWheel(realClock), messageBytesMax: 100_000 });
  router.unary(UNARY, (request, context) => {
    const asked = Buffer.from(request).toString();
    if (asked === 'fail') throw new MeshError('model-not-found', 'no model „ü“');
    context.setTrailer('x-agent', context.headers.get('x-user-agent') ?? '');
    return bytesOf(`re: ${asked}`);
  });
  router.serverStream(STREAM, async function* (request) {
    const asked = Buffer.from(request).toString();
    for (let at = 0; at < 3; at += 1) yield bytesOf(`${asked} ${at}`);
    if (asked === 'fail') throw new MeshError('unavailable', 'gone amid the stream');
  });
  router.unary(NEVER, () => new Promise(() => {}));
  addReflection(router, { descriptorSet: descriptorSetBytes() });
  return router;
}

interface Http1Served extends AsyncDisposable {
  readonly port: number;
}

async function serveHttp1(accept: AcceptStream): Promise<Http1Served> {
  const serve = (awaitsContinue: boolean) => (request: IncomingMessage, response: ServerResponse) =>
    acceptHttp1(request, response, awaitsContinue, accept);
  const server = createServer(serve(false)).on('checkContinue', serve(true));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serveHttp2(accept: AcceptStream): Promise<Http1Served> {
  const listener = await listenOnLoopback(accept);
  return { port: listener.port, [Symbol.asyncDispose]: () => listener.close(realClock, durationMs(0)) };
}

const CARRIERS = { 'HTTP/1.1': { serve: serveHttp1, ask: askHttp1 }, 'HTTP/2': { serve: serveHttp2, ask: askHttp2 } };

for (const [carrier, { serve, ask }] of Object.entries(CARRIERS)) {
  for (const text of [false, true]) {
    describe(`gRPC-Web over ${carrier}, ${text ? 'text' : 'binary'}`, () => {
      const call = async (asked: Omit<WebRequest, 'port' | 'text'>): Promise<WebAnswer> => {
        await using served = await serve(acceptGrpcWeb(echoRouter().accept));
        return await ask({ ...asked, port: served.port, text });
      };

      test('a unary call is answered with its message and its trailers', async () => {
        const answer = await call({ path: UNARY.path, messages: ['hello'] });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['content-type'], `application/grpc-web${text ? '-text' : ''}+proto`);
        assert.deepEqual(answer.messages, ['re: hello']);
        assert.deepEqual(answer.trailers, { 'grpc-status': '0', 'x-agent': 'grpc-web-test/1' });
      });

      test('a stream is answered with each of its messages, and an error amid it in the last frame', async () => {
        const well = await call({ path: STREAM.path, messages: ['m'] });
        assert.deepEqual(well.messages, ['m 0', 'm 1', 'm 2']);
        assert.equal(well.trailers['grpc-status'], '0');
        const badly = await call({ path: STREAM.path, messages: ['fail'] });
        assert.equal(badly.messages.length, 3);
        assert.deepEqual(badly.trailers, { 'grpc-status': '14', 'grpc-message': 'gone amid the stream' });
      });

      test('an error before any message comes in the headers', async () => {
        const answer = await call({ path: UNARY.path, messages: ['fail'] });
        assert.deepEqual(answer.messages, []);
        assert.equal(answer.headers['grpc-status'], '5');
        assert.equal(answer.headers['grpc-message'], 'no model %E2%80%9E%C3%BC%E2%80%9C');
        const unknown = await call({ path: '/test.Echo/Other', messages: ['x'] });
        assert.equal(unknown.headers['grpc-status'], '12');
      });

      test('a deadline holds', async () => {
        const answer = await call({ path: NEVER.path, messages: ['x'], headers: { 'grpc-timeout': '20m' } });
        assert.equal(answer.trailers['grpc-status'], '4');
      });

      test('a second message of a request is refused in words', async () => {
        const answer = await call({ path: UNARY.path, messages: ['one', 'two'] });
        assert.equal(answer.trailers['grpc-status'], '12');
        assert.match(answer.trailers['grpc-message'] ?? '', /one message in a request/);
      });

      test('a message over the limit is refused by its length', async () => {
        const answer = await call({ path: UNARY.path, messages: ['x'.repeat(100_001)] });
        assert.equal(answer.trailers['grpc-status'], '8');
      });
    });
  }
}

test('one question of reflection, whose method streams both ways, is answered', async () => {
  await using served = await serveHttp1(acceptGrpcWeb(echoRouter().accept));
  const { ServerReflectionRequestSchema: Request, ServerReflectionResponseSchema: Response } = reflectionV1;
  const question = toBinary(Request, create(Request, { messageRequest: { case: 'listServices', value: '' } }));
  const { path } = rawMethod('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo');
  const response = await fetch(`http://127.0.0.1:${served.port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web+proto' },
    body: Buffer.concat(frameMessage([question])),
  });
  const body = Buffer.from(await response.arrayBuffer());
  const answer = fromBinary(Response, body.subarray(5, 5 + body.readUInt32BE(1)));
  assert.ok(answer.messageResponse.case === 'listServicesResponse' && answer.messageResponse.value.service.length > 0);
});

describe('a request of HTTP/1.1 as a stream', () => {
  const accepting = (begin?: (stream: ByteStream) => void) => {
    const accepted = Promise.withResolvers<ByteStream>();
    const heard = new Recorder('never');
    const accept: AcceptStream = (stream, headers) => {
      if (headers.get(':method') === 'GET') {
        stream.sendHeaders(headerBlock([':status', '204']), true);
        return new Recorder();
      }
      begin?.(stream);
      accepted.resolve(stream);
      return heard;
    };
    return { accept, heard, stream: accepted.promise };
  };
  const post = (port: number, headers: Record<string, string> = {}) => {
    const request = openRequest({ host: '127.0.0.1', port, method: 'POST', path: '/x', headers });
    request.on('error', () => {});
    return request;
  };

  test('is read no further than its window while nobody consumes', async () => {
    const { accept, heard, stream } = accepting();
    await using served = await serveHttp1(accept);
    const size = 8_000_000;
    const request = post(served.port, { 'content-length': String(size) });
    request.end(Buffer.alloc(size));
    const taken = await stream;
    await heard.until(() => heard.receivedBytes > HTTP1_WINDOW_BYTES);
    // Another connection's answer passes in the meantime: whatever could be read has been.
    for (let turn = 0; turn < 3; turn += 1) await fetch(`http://127.0.0.1:${served.port}/`);
    assert.ok(heard.receivedBytes < HTTP1_WINDOW_BYTES * 3, `${heard.receivedBytes} bytes were read`);
    heard.consumption = 'at once';
    taken.consume(heard.receivedBytes);
    await heard.untilEnd();
    assert.equal(heard.receivedBytes, size);
    assert.deepEqual(heard.violations, []);
  });

  test('ends in a reset when its client goes, and when it is reset', async () => {
    const lost = accepting();
    await using first = await serveHttp1(lost.accept);
    const request = post(first.port);
    request.write('x');
    await lost.stream;
    request.destroy();
    await lost.heard.untilOver();
    assert.equal(lost.heard.cause?.kind, 'connection-lost');
    const reset = accepting((stream) => stream.reset(RESET_CODE.cancel));
    await using second = await serveHttp1(reset.accept);
    const failed = new Promise((resolve) => post(second.port).on('close', resolve).end('x'));
    await Promise.all([reset.heard.untilOver(), failed]);
    assert.deepEqual(reset.heard.cause, { kind: 'local-reset', code: RESET_CODE.cancel });
  });

  test('that is answered early keeps its connection while little of it is left, and loses it beyond', async () => {
    const { accept } = accepting((stream) => {
      stream.sendHeaders(headerBlock([':status', '200', 'x-early', '1']), true);
      stream.reset(RESET_CODE.noError);
    });
    await using served = await serveHttp1(accept);
    const socket = connect(served.port, '127.0.0.1');
    const gone = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => {});
    let heard = '';
    socket.setEncoding('latin1');
    const answers = (count: number): Promise<void> =>
      new Promise((resolve) => {
        socket.on('data', (said: string) => {
          heard += said;
          if (heard.split('x-early').length > count) resolve();
        });
      });
    const twice = answers(2);
    const head = (bytes: number): string => `POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: ${bytes}\r\n\r\n`;
    socket.write(head(10_000));
    socket.write(`${'x'.repeat(10_000)}${head(100 * HTTP1_LINGER_BYTES_MAX)}`);
    await twice;
    const more = (): void => {
      while (socket.writable && socket.write(new Uint8Array(65_536)));
    };
    socket.on('drain', more);
    more();
    await gone;
    assert.ok(socket.bytesWritten < 99 * HTTP1_LINGER_BYTES_MAX, `${socket.bytesWritten} bytes were taken`);
  });

  test('is answered whatever its fields hold: what cannot stand in a line of HTTP/1.1, and can in HTTP/2, becomes spaces', async () => {
    const { accept } = accepting((stream) => {
      stream.sendHeaders(headerBlock([':status', '200', 'x-odd', 'a\u0001b\u007fc\u00fc\td']), false);
      stream.sendData(new Uint8Array(Buffer.from('said')), false);
      stream.sendTrailers(headerBlock(['x-last', '\u001b[0m']));
    });
    await using served = await serveHttp1(accept);
    const response = await new Promise<IncomingMessage>((resolve) => post(served.port).on('response', resolve).end('x'));
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    assert.equal(Buffer.concat(chunks).toString(), 'said');
    assert.equal(response.headers['x-odd'], 'a b c\u00fc\td');
    assert.deepEqual(response.trailers, { 'x-last': '[0m' });
  });

  test('is answered without a body in the words of its answer: a length of its own, none for 204, else 0', async () => {
    const fields: Readonly<Record<string, readonly string[]>> = {
      '/own': [':status', '200', 'content-length', '12'],
      '/none': [':status', '204'],
      '/zero': [':status', '404'],
    };
    await using served = await serveHttp1((stream, headers) => {
      stream.sendHeaders(headerBlock(fields[headers.get(':path') ?? ''] ?? []), true);
      return new Recorder();
    });
    const lengths = await Promise.all(
      Object.keys(fields).map(async (path) => {
        const { headers } = await fetch(`http://127.0.0.1:${served.port}${path}`, { method: 'HEAD' });
        return headers.get('content-length');
      }),
    );
    assert.deepEqual(lengths, ['12', null, '0']);
  });

  test('is told to send its body unless it was answered at once', async () => {
    await using served = await serveHttp1(acceptGrpcWeb(echoRouter().accept));
    const headers = { 'content-type': 'application/grpc-web', expect: '100-continue' };
    const request = openRequest({ host: '127.0.0.1', port: served.port, method: 'POST', path: UNARY.path, headers });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on('continue', () => request.end(Buffer.concat(frameMessage(bytesOf('late')))));
      request.on('response', resolve);
      request.on('error', reject);
      request.flushHeaders();
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    assert.match(Buffer.concat(chunks).toString('latin1'), /re: late/);
  });
});
