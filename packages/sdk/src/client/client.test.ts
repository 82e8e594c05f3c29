import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { MeshError, type MeshErrorKind } from '@modelmesh/core';
import fc from 'fast-check';
import { byteStringsOf, bytesTensor, elementsOf, parseServer, RestClient, tensor, textsOf } from './index.ts';
import { EVENT_CHARS_MAX, type ServerSentEvent, serverSentEvents } from './server-sent-events.ts';

const isError = (kind: MeshErrorKind, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MeshError, String(error));
  assert.equal(error.kind, kind);
  assert.match(error.message, text);
  return true;
};

interface Fake extends AsyncDisposable {
  readonly client: RestClient;
  readonly seen: string[];
}

async function serving(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Fake> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new RestClient(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    client,
    seen,
    [Symbol.asyncDispose]: async () => {
      client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a server is read from a URL or from host and port', () => {
  const read = (text: string) => {
    const { scheme, host, port, authority } = parseServer(text);
    return [scheme, host, port, authority];
  };
  assert.deepEqual(read('localhost'), ['http', 'localhost', 8033, 'localhost:8033']);
  assert.deepEqual(read('mesh.example:9'), ['http', 'mesh.example', 9, 'mesh.example:9']);
  assert.deepEqual(read('http://a:80'), ['http', 'a', 80, 'a:80']);
  assert.deepEqual(read('https://a:443/'), ['https', 'a', 443, 'a:443']);
  assert.deepEqual(read('https://[::1]:7'), ['https', '::1', 7, '[::1]:7']);
  for (const wrong of ['', 'http://', 'a b', 'http://a/path', 'a:b', 'a:99999', 'http://a?x']) {
    assert.throws(() => parseServer(wrong), isError('invalid-argument', /^server: got /), wrong);
  }
});

test('an error of the management API keeps its kind, one of inference has that of its status', async () => {
  await using kinds = await serving((_request, response) => {
    response.writeHead(404).end('{"error":"endpoint \\"x\\" not found","kind":"endpoint-not-found"}');
  });
  await assert.rejects(kinds.client.endpoint('x'), isError('endpoint-not-found', /^endpoint "x" not found$/));
  await using plain = await serving((_request, response) => void response.writeHead(429).end('{"error":"too much"}'));
  await assert.rejects(plain.client.inferJson('m', '{}'), isError('overloaded', /^too much$/));
  await using foreign = await serving((_request, response) => void response.writeHead(502).end('<html>'));
  await assert.rejects(foreign.client.status(), isError('unavailable', /^HTTP status 502$/));
});

test('a success that is no JSON is another server', async () => {
  await using fake = await serving((_request, response) => void response.end('<html>hello</html>'));
  await assert.rejects(fake.client.status(), isError('internal', /does not speak the management API/));
});

test('a server that is not there, or goes away, is unavailable', async () => {
  const closed = await serving(() => undefined);
  await closed[Symbol.asyncDispose]();
  await assert.rejects(
    closed.client.status(),
    isError('unavailable', /^no answer from http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/),
  );
  await using hangs = await serving((request) => void request.socket.destroy());
  await assert.rejects(hangs.client.status(), isError('unavailable', /^no answer from/));
  await using breaks = await serving((request, response) => {
    response.writeHead(200, { 'content-length': '10' }).write('{');
    request.socket.end();
  });
  await assert.rejects(breaks.client.status(), isError('unavailable', /before the answer was complete/));
});

test('a call is cancelled by its signal', async () => {
  await using fake = await serving(() => undefined);
  const gone = new AbortController();
  const call = fake.client.status({ signal: gone.signal });
  gone.abort();
  await assert.rejects(call, isError('cancelled', /cancelled/));
});

test('names are encoded so that they stay one segment of the path', async () => {
  await using fake = await serving((_request, response) => void response.end('{"items":[],"next":null}'));
  await fake.client.model('a/b c?#%');
  await fake.client.load('ü', { wait: false });
  await fake.client.deleteEndpoint('..', { owner: 'a&b' });
  await fake.client.inferJson('m', '{}', { version: '3' });
  assert.deepEqual(fake.seen, [
    'GET /api/v1/models/a%2Fb%20c%3F%23%25',
    'POST /api/v1/models/%C3%BC:load?wait=false',
    'DELETE /api/v1/endpoints/%2E%2E?owner=a%26b',
    'POST /v2/models/m/versions/3/infer',
  ]);
});

test('a listing is read page by page, and only as far as it is asked for', async () => {
  await using fake = await serving((request, response) => {
    const after = new URL(request.url ?? '', 'http://x').searchParams.get('after');
    const page = after === null ? { items: [1, 2], next: 'a&b' } : { items: [3], next: null };
    response.end(JSON.stringify(page));
  });
  assert.deepEqual(await Array.fromAsync(fake.client.models()), [1, 2, 3]);
  assert.deepEqual(fake.seen, ['GET /api/v1/models?limit=500', 'GET /api/v1/models?limit=500&after=a%26b']);
  for await (const _first of fake.client.endpoints()) break;
  assert.equal(fake.seen.length, 3);
});

test('a listener that was dropped is told so, one whose server ends simply ends', async () => {
  const end = { text: 'event: dropped\ndata: {"message":"too slow"}\n\n' };
  await using fake = await serving((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`: alive\n\nid: 1\ndata: {"id":1}\n\n${end.text}`);
  });
  const events = fake.client.events();
  assert.deepEqual((await events.next()).value, { id: 1 });
  await assert.rejects(events.next(), isError('overloaded', /^too slow$/));
  end.text = 'event: closing\ndata: {"message":"bye"}\n\n';
  assert.deepEqual(await Array.fromAsync(fake.client.events()), [{ id: 1 }]);
});

const collect = async (chunks: Uint8Array[]): Promise<ServerSentEvent[]> => {
  async function* stream() {
    yield* chunks;
  }
  return Array.fromAsync(serverSentEvents(stream()));
};

test('events are the same wherever the stream is cut', async () => {
  const bytes = Buffer.from('id: 1\ndata: ü\ndata: second\n\n: comment\n\nevent: x\r\ndata:no blank\r\n\r\ndata: unfinished');
  const expected = [
    { name: 'message', id: '1', data: 'ü\nsecond' },
    { name: 'x', id: undefined, data: 'no blank' },
  ];
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(bytes.length)), async (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
      assert.deepEqual(await collect(chunks), expected);
    }),
    { numRuns: 50 },
  );
});

test('an event without end is refused before it fills the memory', async () => {
  await assert.rejects(collect([Buffer.alloc(EVENT_CHARS_MAX + 1, 0x20)]), isError('too-large', /longer than/));
});

test('what is put into a tensor comes out of it', () => {
  const floats = tensor('x', 'FP32', [2, 2], new Float32Array([1.5, -0, Number.NaN, 4]));
  assert.deepEqual(elementsOf(floats, 'FP32'), new Float32Array([1.5, -0, Number.NaN, 4]));
  const wide = tensor('x', 'INT64', [2], new BigInt64Array([2n ** 63n - 1n, -5n]));
  assert.deepEqual(elementsOf(wide, 'INT64'), new BigInt64Array([2n ** 63n - 1n, -5n]));
  const texts = bytesTensor('t', [3], ['', 'größe', Uint8Array.of(0xff)]);
  assert.deepEqual(textsOf(texts).slice(0, 2), ['', 'größe']);
  assert.deepEqual(byteStringsOf(texts)[2], Uint8Array.of(0xff));
});

test('the elements of a tensor are read wherever its bytes lie', () => {
  const whole = Buffer.concat([Buffer.alloc(3), new Uint8Array(new Float32Array([1, 2]).buffer)]);
  const inside = { ...tensor('x', 'FP32', [2], new Float32Array(2)), data: whole.subarray(3) };
  assert.deepEqual(elementsOf(inside, 'FP32'), new Float32Array([1, 2]));
});

test('a tensor of the wrong size or datatype is refused by name', () => {
  assert.throws(
    () => tensor('x', 'FP32', [3], new Float32Array(2)),
    isError('invalid-argument', /input "x".*needs 12 bytes, got 8/),
  );
  assert.throws(() => bytesTensor('t', [2], ['a']), isError('invalid-argument', /needs 2 BYTES elements/));
  const floats = tensor('x', 'FP32', [1], new Float32Array(1));
  assert.throws(() => elementsOf(floats, 'INT64'), isError('invalid-argument', /^x: its datatype is FP32, not INT64$/));
  assert.throws(() => textsOf(floats), isError('invalid-argument', /not BYTES/));
});
