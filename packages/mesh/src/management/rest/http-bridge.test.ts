import assert from 'node:assert/strict';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { test } from 'node:test';
import { type Clock, durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { systemClock } from '../../node/index.ts';
import { type ServedRest, serveRest, serveRouter } from '../testing/index.ts';
import { GOODBYE_MS, LISTENER_EVENTS_MAX } from './event-stream.ts';

interface Bridged extends AsyncDisposable {
  readonly rest: ServedRest;
  readonly session: ClientHttp2Session;
}

/** The app behind an HTTP/2 port, with buffers poisoned once they were given back. */
async function bridged(clock: Clock = systemClock): Promise<Bridged> {
  const rest = await serveRest({ clock });
  const served = await serveRouter(systemClock, () => undefined, {
    http: (stream, headers, end, connection) => rest.app.bridge(stream, headers, end, connection.info),
  });
  const session = connect(`http://127.0.0.1:${served.port}`);
  return {
    rest,
    session,
    [Symbol.asyncDispose]: async () => {
      session.destroy();
      await served[Symbol.asyncDispose]();
      await rest[Symbol.asyncDispose]();
    },
  };
}

const statusOf = (stream: ClientHttp2Stream): Promise<number> =>
  new Promise((resolve, reject) => {
    stream.on('response', (headers) => resolve(Number(headers[':status'])));
    stream.on('error', reject);
  });

async function bodyOf(stream: ClientHttp2Stream): Promise<string> {
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) text += chunk;
  return text;
}

const MANIFEST = {
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Model',
  metadata: { name: 'm', labels: { long: 'x'.repeat(63) } },
  spec: { format: { name: 'onnx' }, storage: { uri: '/m.onnx' } },
};

test('a request over HTTP/2 is answered as over HTTP/1.1', async () => {
  await using mesh = await bridged();
  mesh.rest.control.addModel('a/b');
  const stream = mesh.session.request({ ':path': '/api/v1/models/a%2Fb' });
  const [status, body] = await Promise.all([statusOf(stream), bodyOf(stream)]);
  assert.equal(status, 200);
  assert.equal(body, (await mesh.rest.call('GET', '/api/v1/models/a%2Fb')).text);
});

test('a body that comes in pieces arrives whole, with and without its length', async () => {
  await using mesh = await bridged();
  const body = JSON.stringify({ ...MANIFEST, metadata: { ...MANIFEST.metadata, annotations: { note: 'ü'.repeat(20_000) } } });
  for (const length of [{}, { 'content-length': String(Buffer.byteLength(body)) }]) {
    const headers = { ':method': 'POST', ':path': '/api/v1/apply', 'content-type': 'application/json', ...length };
    const stream = mesh.session.request(headers);
    const answered = Promise.all([statusOf(stream), bodyOf(stream)]);
    const bytes = Buffer.from(body);
    for (let at = 0; at < bytes.length; at += 777) stream.write(bytes.subarray(at, at + 777));
    stream.end();
    const [status, answer] = await answered;
    assert.equal(status, 200, answer);
    assert.deepEqual(mesh.rest.control.calls.at(-1), ['apply', JSON.parse(body)]);
  }
});

test('a request that does not come to its end is refused once the node has drained for a while, one that is complete is not', async () => {
  const clock = new FakeClock();
  await using mesh = await bridged(clock);
  const headers = { ':method': 'POST', ':path': '/api/v1/apply', 'content-type': 'application/json' };
  const trickling = mesh.session.request(headers);
  const refused = Promise.all([statusOf(trickling), bodyOf(trickling)]);
  trickling.write('{"apiVersion"');
  // The answer to a later request says that the earlier one is there.
  const whole = mesh.session.request({ ':path': '/api/v1/models' });
  assert.equal(await statusOf(whole), 200);
  await bodyOf(whole);
  mesh.rest.app.drain(durationMs(1000));
  clock.advance(999);
  const begun = mesh.session.request(headers);
  const answered = Promise.all([statusOf(begun), bodyOf(begun)]);
  begun.end(JSON.stringify(MANIFEST));
  assert.equal((await answered)[0], 200);
  assert.equal(trickling.closed, false);
  clock.advance(1);
  const [status, body] = await refused;
  assert.deepEqual([status, JSON.parse(body).kind], [503, 'unavailable']);
  assert.deepEqual(mesh.rest.faults, []);
});

test('a request that ends with an empty frame has no body, whatever its method', async () => {
  await using mesh = await bridged();
  mesh.rest.control.addModel('m');
  const stream = mesh.session.request({ ':method': 'POST', ':path': '/api/v1/models/m:load' }, { endStream: false });
  stream.end();
  assert.equal(await statusOf(stream), 200);
  stream.close();
});

test('a body over the limit is refused before it has come whole', async () => {
  await using mesh = await bridged();
  const headers = { ':method': 'POST', ':path': '/api/v1/apply', 'content-type': 'application/json' };
  const stream = mesh.session.request(headers);
  stream.write(Buffer.alloc(70_000, 0x20));
  const [status, body] = await Promise.all([statusOf(stream), bodyOf(stream)]);
  assert.equal(status, 413);
  assert.match(body, /"kind":"too-large"/);
});

test('a head that HTTP/1.1 has no words for is refused as every other mistake', async () => {
  await using mesh = await bridged();
  const answers = async (headers: Record<string, string>): Promise<string> => {
    const stream = mesh.session.request(headers, { endStream: true });
    const [status, body] = await Promise.all([statusOf(stream), bodyOf(stream)]);
    return `${status} ${JSON.parse(body).kind}`;
  };
  assert.equal(await answers({ ':path': '/api/v1/models/\u00fc' }), '400 invalid-argument');
  assert.equal(await answers({ ':method': 'DANCE', ':path': '/api/v1/models' }), '400 invalid-argument');
  assert.equal(await answers({ ':method': 'HEAD', ':path': '/api/v1/events' }).catch(() => 'no body'), 'no body');
  assert.equal(await answers({ ':method': 'OPTIONS', ':path': '/api/v1/models' }), '405 method-not-allowed');
  assert.equal(
    await answers({ ':path': '/api/v1/models/absent', 'x-long': 'x'.repeat(12_000), 'x-too': 'y'.repeat(12_000) }),
    '404 model-not-found',
  );
});

test('an answer without a body ends', async () => {
  await using mesh = await bridged();
  mesh.rest.control.addModel('m');
  const stream = mesh.session.request({ ':method': 'DELETE', ':path': '/api/v1/models/m' });
  assert.deepEqual(await Promise.all([statusOf(stream), bodyOf(stream)]), [204, '']);
});

test('events stream as they happen, and a client that resets the stream stops listening', async () => {
  await using mesh = await bridged();
  const stream = mesh.session.request({ ':path': '/api/v1/events' });
  assert.equal(await statusOf(stream), 200);
  mesh.rest.control.emit('one');
  const [first] = (await stream[Symbol.asyncIterator]().next()).value.toString().split('\n');
  assert.equal(first, 'id: 1');
  const left = Promise.withResolvers<void>();
  const { listeners } = mesh.rest.control;
  listeners.delete = (member) => {
    left.resolve();
    return Set.prototype.delete.call(listeners, member);
  };
  stream.close(constants.NGHTTP2_CANCEL);
  await left.promise;
});

test('a client that does not read holds back the app, which drops it and at last hangs up', async () => {
  const clock = new FakeClock();
  await using mesh = await bridged(clock);
  const stream = mesh.session.request({ ':path': '/api/v1/events' });
  assert.equal(await statusOf(stream), 200);
  stream.pause();
  // In many turns, so that what the windows take is taken: only back-pressure can fill the queue.
  for (let turns = 0; mesh.rest.control.listeners.size > 0; turns += 1) {
    assert.ok(turns < LISTENER_EVENTS_MAX * 4, 'never dropped');
    mesh.rest.control.emit('flood', 'x'.repeat(4000));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(clock.pendingTimers, 1);
  clock.advance(GOODBYE_MS);
  await assert.rejects(bodyOf(stream), { code: 'ERR_HTTP2_STREAM_ERROR' });
});
