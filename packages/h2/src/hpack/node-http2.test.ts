import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { ByteWriter } from '../bytes/index.ts';
import { type Field, field, HpackDecoder, HpackEncoder } from './index.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const HEADERS = 1;
const END_STREAM_AND_HEADERS = 0x05;

/** Every octet that node:http2 lets into a value, so that every code it writes is met. */
const OCTETS = Array.from({ length: 256 }, (_, code) => code).filter((code) => code === 9 || (code >= 32 && code !== 127));
const EVERY_OCTET = `x${String.fromCharCode(...OCTETS)}x`;

const requests: readonly Record<string, string>[] = Array.from({ length: 60 }, (_, call) => ({
  ':method': call % 3 === 0 ? 'GET' : 'POST',
  ':scheme': 'http',
  ':authority': 'localhost',
  ':path': `/call/${call % 7}`,
  'x-every': EVERY_OCTET.slice(0, 2 + ((call * 13) % EVERY_OCTET.length)).trim(),
  'user-agent': 'agent/1',
  traceparent: `00-${call.toString(16).padStart(32, '0')}-01`,
  'x-large': 'large '.repeat(call * 3).trim(),
}));

/** The payloads of HEADERS frames in whole frames of bytes. */
function* blocksIn(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at + 9 <= bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (bytes[at + 3] === HEADERS) yield bytes.subarray(at + 9 + ((bytes[at + 4] ?? 0) & 0x20 ? 5 : 0), end);
    at = end;
  }
}

const listed = (fields: readonly Field[]): Record<string, string> =>
  Object.fromEntries(fields.map(({ name, value }) => [name, value]));

test('what node:http2 encodes we decode', async () => {
  const [near, far] = duplexPair();
  const decoder = new HpackDecoder();
  const heard: Record<string, string>[] = [];
  let received = Buffer.alloc(0);
  const all = Promise.withResolvers<void>();
  far.write(EMPTY_SETTINGS);
  far.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const frames = received.subarray(PREFACE.length);
    const decoded = [...blocksIn(frames)];
    if (decoded.length === requests.length && heard.length === 0) {
      for (const block of decoded) {
        const list = decoder.decode(block);
        assert.ok(list.kind === 'list', list.kind);
        heard.push(listed(list.fields));
      }
      all.resolve();
    }
  });
  const session = http2.connect('http://localhost', { createConnection: () => near });
  for (const headers of requests) session.request(headers, { endStream: true }).on('error', () => undefined);
  await all.promise;
  session.destroy();
  assert.deepEqual(heard, requests);
});

test('what we encode node:http2 decodes', async () => {
  const [near, far] = duplexPair();
  const heard: http2.IncomingHttpHeaders[] = [];
  const all = Promise.withResolvers<void>();
  const session = http2.performServerHandshake(near);
  session.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    heard.push(headers);
    if (heard.length === requests.length) all.resolve();
  });
  const encoder = new HpackEncoder();
  const writer = new ByteWriter();
  writer.raw(PREFACE);
  writer.raw(EMPTY_SETTINGS);
  for (const [call, headers] of requests.entries()) {
    const block = new ByteWriter();
    encoder.encode(
      Object.entries(headers).map(([name, value]) => field(name, value)),
      block,
    );
    writer.u24(block.length);
    writer.u8(HEADERS);
    writer.u8(END_STREAM_AND_HEADERS);
    writer.u32(call * 2 + 1);
    writer.raw(block.take());
  }
  far.resume();
  far.write(writer.take());
  await all.promise;
  session.destroy();
  await once(session, 'close');
  assert.deepEqual(
    heard.map((headers) => Object.fromEntries(Object.entries(headers))),
    requests,
  );
});
