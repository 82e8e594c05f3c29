import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GRPC_CODE } from '@modelmesh/wire/status';
import fc from 'fast-check';
import { frameMessage } from '../framing/index.ts';
import { headerBlock, RESET_CODE, type ServerConnection, type StreamHandler } from '../stream/index.ts';
import { acceptGrpcWeb } from './index.ts';
import { FakeBelow, FakeCall, webRequest } from './testing/index.ts';

const CONNECTION: ServerConnection = {
  info: { remoteAddress: 'test', encrypted: false, clientCertificate: undefined },
  streamCount: 1,
  drain: () => {},
  destroy: () => {},
  onClose: undefined,
};
const BINARY = 'application/grpc-web+proto';
const TEXT = 'application/grpc-web-text+proto';

function open(contentType: string, more: readonly string[] = []) {
  const call = new FakeCall();
  const below = new FakeBelow();
  const accept = acceptGrpcWeb((stream, headers) => {
    call.stream = stream;
    call.headers = headers;
    return call;
  });
  const handler: StreamHandler = accept(below, webRequest(contentType, more), false, CONNECTION);
  const answer = (...frames: Uint8Array[]): void => {
    call.stream?.sendHeaders(headerBlock([':status', '200', 'content-type', 'application/grpc', 'x-own', '1']), false);
    for (const frame of frames) call.stream?.sendData(frame, false);
    call.stream?.sendTrailers(headerBlock(['grpc-status', '0', 'x-last', 'ü']));
  };
  return { call, below, handler, answer };
}

const frameOf = (content: Uint8Array): Buffer => Buffer.concat(frameMessage([content]));
const LAST = Buffer.concat([Buffer.from([0x80, 0, 0, 0, 27]), Buffer.from('grpc-status: 0\r\nx-last: ü\r\n', 'latin1')]);

describe('a call in gRPC-Web', () => {
  it('is heard as gRPC: its content type, its metadata, and nothing that concerned the translation', () => {
    const more = [
      'origin',
      'https://a.example',
      'sec-fetch-mode',
      'cors',
      'content-length',
      '9',
      'x-grpc-web',
      '1',
      'accept',
      '*/*',
      'x-user-agent',
      'web/1',
      'grpc-timeout',
      '3S',
    ];
    const { headers } = open(TEXT, more).call;
    assert.equal(headers?.get('content-type'), 'application/grpc+proto');
    for (const gone of ['content-length', 'x-grpc-web', 'accept', 'origin', 'sec-fetch-mode'])
      assert.equal(headers?.get(gone), undefined, gone);
    assert.equal(headers?.get('x-user-agent'), 'web/1');
    assert.equal(headers?.get('grpc-timeout'), '3S');
  });

  it('passes the bytes of a binary body as the very slices that came, both ways', () => {
    const { call, below, handler, answer } = open(BINARY);
    const request = frameOf(new Uint8Array(1000));
    const pieces = [request.subarray(0, 3), request.subarray(3, 700), request.subarray(700)];
    for (const [at, piece] of pieces.entries()) handler.onData(below, piece, at === 2);
    assert.ok(call.heard.length === 3 && call.heard.every((heard, at) => heard === pieces[at]));
    const frame = frameOf(new Uint8Array(2000));
    answer(frame);
    assert.equal(below.sent[0], frame);
    assert.deepEqual(below.sent[1], LAST);
    assert.ok(below.ended);
    assert.equal(below.headers?.get('content-type'), BINARY);
    assert.equal(below.headers?.get('x-own'), '1');
  });

  it('says the same in text wherever the text is cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (content, step) => {
        const { call, below, handler, answer } = open(TEXT);
        const text = Buffer.from(frameOf(content).toString('base64'));
        for (let at = 0; at < text.length; at += step)
          handler.onData(below, text.subarray(at, at + step), at + step >= text.length);
        assert.deepEqual(call.body, frameOf(content));
        assert.ok(call.ended);
        const frame = frameOf(content);
        answer(...Array.from({ length: Math.ceil(frame.length / step) }, (_, at) => frame.subarray(at * step, (at + 1) * step)));
        assert.equal(Buffer.from(below.body).toString(), `${frame.toString('base64')}${LAST.toString('base64')}`);
        assert.equal(below.headers?.get('content-type'), TEXT);
      }),
    );
  });

  it('is answered without the length that the runtime said: the trailers make the body longer, and text does', () => {
    for (const type of [BINARY, TEXT]) {
      const { call, below } = open(type);
      const frame = frameOf(Uint8Array.of(1));
      call.stream?.sendHeaders(headerBlock([':status', '200', 'content-length', String(frame.length), 'x-own', '1']), false);
      assert.equal(below.headers?.get('content-length'), undefined, type);
      assert.equal(below.headers?.get('x-own'), '1');
    }
  });

  it('is answered in the form that it accepts', () => {
    const { below, answer } = open(BINARY, ['accept', 'application/grpc-web-text']);
    answer(frameOf(Uint8Array.of(1)));
    assert.equal(below.headers?.get('content-type'), TEXT);
    const other = open(TEXT, ['accept', 'application/grpc-web+proto']);
    other.answer(frameOf(Uint8Array.of(1)));
    assert.equal(other.below.headers?.get('content-type'), BINARY);
  });

  it('gives back all credit of what was consumed, of text too, and none before', () => {
    for (const type of [BINARY, TEXT]) {
      const { call, below, handler } = open(type);
      const frame = frameOf(new Uint8Array(3000));
      const body = type === TEXT ? Buffer.from(frame.toString('base64')) : frame;
      handler.onData(below, body.subarray(0, 2001), false);
      assert.ok(below.consumedBytes <= 1, 'what nobody consumed was credited');
      handler.onData(below, body.subarray(2001), true);
      call.stream?.consume(call.body.length);
      assert.equal(below.consumedBytes, body.length, type);
    }
  });

  it('ends without a body where it fails before one, in headers', () => {
    const { call, below } = open(BINARY);
    call.stream?.sendHeaders(headerBlock([':status', '200', 'grpc-status', '5', 'grpc-message', 'none']), true);
    assert.ok(below.ended && below.sent.length === 0);
    assert.equal(below.headers?.get('grpc-status'), '5');
    assert.equal(below.headers?.get('content-type'), BINARY);
  });
});

describe('what gRPC-Web cannot say', () => {
  const second = frameOf(Uint8Array.of(2));
  const first = frameOf(Uint8Array.of(1));

  it('is refused in words: a second message, wherever the body is cut', () => {
    const body = Buffer.concat([first, second]);
    for (let at = 1; at <= body.length; at += 1) {
      const { call, below, handler } = open(BINARY);
      handler.onData(below, body.subarray(0, at), false);
      handler.onData(below, body.subarray(at), true);
      assert.equal(below.headers?.get('grpc-status'), String(GRPC_CODE.UNIMPLEMENTED));
      assert.match(below.headers?.get('grpc-message') ?? '', /one message in a request.*client streaming/);
      assert.ok(below.ended && call.cause?.kind === 'protocol-error');
      assert.equal(below.consumedBytes, body.length);
    }
  });

  it('is refused as a bad request: flags that no message has, text that is no base64, text that breaks off', () => {
    const cases: [string, Buffer][] = [
      [BINARY, Buffer.from([0x80, 0, 0, 0, 0])],
      [TEXT, Buffer.from('AA*A')],
      [TEXT, Buffer.from('AAAAAA')],
    ];
    for (const [type, body] of cases) {
      const { call, below, handler } = open(type);
      handler.onData(below, body, true);
      assert.equal(below.headers?.get('grpc-status'), String(GRPC_CODE.INVALID_ARGUMENT));
      assert.equal(call.cause?.kind, 'protocol-error');
    }
  });

  it('breaks an answer off that has begun, and leaves one alone that is complete', () => {
    const begun = open(BINARY);
    begun.handler.onData(begun.below, first, false);
    begun.call.stream?.sendHeaders(headerBlock([':status', '200']), false);
    begun.handler.onData(begun.below, second, false);
    assert.equal(begun.below.resetCode, RESET_CODE.protocolError);
    const complete = open(BINARY);
    complete.handler.onData(complete.below, first, false);
    complete.answer();
    complete.handler.onData(complete.below, second, true);
    assert.equal(complete.below.resetCode, undefined);
    assert.deepEqual(complete.below.sent, [LAST]);
  });

  it('leaves everything else as it came', () => {
    for (const [name, value] of [
      ['content-type', 'application/grpc'],
      ['content-type', 'application/json'],
      [':method', 'GET'],
    ] as const) {
      const below = new FakeBelow();
      const asked = webRequest(BINARY).with(name, value);
      const call = new FakeCall();
      const handler = acceptGrpcWeb((stream, headers) => {
        assert.equal(stream, below);
        assert.equal(headers, asked);
        return call;
      })(below, asked, false, CONNECTION);
      assert.equal(handler, call);
    }
  });
});
