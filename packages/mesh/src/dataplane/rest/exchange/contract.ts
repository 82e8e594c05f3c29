import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { MeshError } from '@modelmesh/core';
import { ByteBudget } from '../../call/index.ts';
import { ExchangeServers, type HttpVersion, type TestAnswer } from '../testing/index.ts';
import type { BodyLimits, ExchangeListener, HttpExchange } from './port.ts';

const MIB = 1024 * 1024;
const BODY_BYTES_MAX = 4 * MIB;
/** A socket that is not held back gives a body of that size in far fewer turns. */
const TURNS_ENOUGH_TO_READ_ALL = 300;

/** A listener that tells what it hears. */
export class TestListener implements ExchangeListener {
  readonly body = Promise.withResolvers<Uint8Array>();
  readonly refused = Promise.withResolvers<MeshError>();
  readonly aborted = Promise.withResolvers<void>();
  readonly over = Promise.withResolvers<void>();
  writable: () => void = () => undefined;
  aborts = 0;
  overs = 0;

  onBody(body: Uint8Array): void {
    this.body.resolve(body);
  }
  onBodyRefused(error: MeshError): void {
    this.refused.resolve(error);
  }
  onWritable(): void {
    this.writable();
  }
  onAborted(): void {
    this.aborts += 1;
    this.aborted.resolve();
  }
  onOver(): void {
    this.overs += 1;
    this.over.resolve();
  }
}

/** Declares the contract's tests for the adapter that serves `version`. */
export function exchangeContract(version: HttpVersion): void {
  describe(`an exchange over ${version}`, () => {
    let servers: ExchangeServers;
    let handle: (exchange: HttpExchange) => void = () => undefined;
    const budget = new ByteBudget(8 * MIB);
    const limits: BodyLimits = { bytesMax: BODY_BYTES_MAX, budget };

    before(async () => {
      servers = await ExchangeServers.start((exchange) => handle(exchange));
    });
    after(() => servers.close());

    /** The next exchange, with its listener. */
    const next = (begin: (exchange: HttpExchange) => void = (exchange) => exchange.readBody(limits)) =>
      new Promise<{ exchange: HttpExchange; listener: TestListener }>((resolve) => {
        handle = (exchange) => {
          const listener = new TestListener();
          exchange.listener = listener;
          begin(exchange);
          resolve({ exchange, listener });
        };
      });
    const post = (body: string | Uint8Array | readonly Uint8Array[]): Promise<TestAnswer> =>
      servers.client.ask(version, { method: 'POST', path: '/p', body });

    describe('requests', () => requestTests(version, next, post, () => servers, budget));
    describe('answers', () => answerTests(version, next, post, () => servers));
    describe('limits', () => limitTests(version, next, post, () => servers, budget));
    describe('clients that go away', () => abortTests(version, next, () => servers, budget));
  });
}

type Next = (
  begin?: (exchange: HttpExchange) => void,
) => Promise<{ readonly exchange: HttpExchange; readonly listener: TestListener }>;
type Post = (body: string | Uint8Array | readonly Uint8Array[]) => Promise<TestAnswer>;

function requestTests(version: HttpVersion, next: Next, post: Post, servers: () => ExchangeServers, budget: ByteBudget): void {
  it('gives method, raw path, query and fields in lower case', async () => {
    const seen = next();
    const answer = servers().client.ask(version, {
      method: 'DELETE',
      path: '/a%2Fb/c?x=1&y=%20',
      headers: { 'X-Thing': 'Some Value' },
    });
    const { exchange } = await seen;
    assert.deepEqual([exchange.method, exchange.path, exchange.query], ['DELETE', '/a%2Fb/c', 'x=1&y=%20']);
    assert.equal(exchange.headers.get('x-thing'), 'Some Value');
    exchange.respond(200, [], []);
    assert.equal((await answer).status, 200);
  });

  it('gives an empty body where there is none', async () => {
    const seen = next();
    const answer = servers().client.ask(version, { path: '/' });
    const { exchange, listener } = await seen;
    assert.equal((await listener.body.promise).length, 0);
    exchange.respond(204, [], []);
    assert.equal((await answer).status, 204);
  });

  it('puts a body together, announced or not', async () => {
    const large = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
    for (const body of [
      Buffer.from('short'),
      large,
      [large.subarray(0, 7), large.subarray(7, 100_000), large.subarray(100_000)],
    ]) {
      const seen = next();
      const answer = post(body);
      const { exchange, listener } = await seen;
      const expected = Array.isArray(body) ? Buffer.concat(body) : body;
      assert.ok(Buffer.from(await listener.body.promise).equals(expected as Uint8Array));
      assert.equal(budget.used, expected.length);
      exchange.respond(200, [], []);
      await answer;
      assert.equal(budget.used, 0);
    }
  });

  it('takes hardly anything of a body that nobody reads', async () => {
    const begun = next(() => undefined);
    const readBefore = servers().bytesRead;
    const sent = servers().client.ask(version, { method: 'POST', path: '/', body: new Uint8Array(BODY_BYTES_MAX) });
    const { exchange, listener } = await begun;
    for (let turn = 0; turn < TURNS_ENOUGH_TO_READ_ALL; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(servers().bytesRead - readBefore < 512 * 1024, `read ${servers().bytesRead - readBefore} bytes`);
    exchange.readBody({ bytesMax: BODY_BYTES_MAX, budget });
    assert.equal((await listener.body.promise).length, BODY_BYTES_MAX);
    exchange.respond(200, [], [Buffer.from('late')]);
    assert.equal((await sent).body.toString(), 'late');
  });
}

function answerTests(version: HttpVersion, next: Next, post: Post, servers: () => ExchangeServers): void {
  it('sends status, fields and chunks with their length', async () => {
    const seen = next();
    const answer = post('question');
    const { exchange } = await seen;
    exchange.respond(418, ['x-a', '1', 'content-type', 'text/plain'], [Buffer.from('one'), Buffer.from(''), Buffer.from(' two')]);
    const { status, headers, body } = await answer;
    assert.deepEqual([status, headers['x-a'], headers['content-length']], [418, '1', '7']);
    assert.equal(body.toString(), 'one two');
  });

  it('answers before the body was read and goes on with the next request', async () => {
    for (let round = 0; round < 3; round += 1) {
      const seen = next((exchange) => exchange.respond(200, [], [Buffer.from(`round ${round}`)]));
      const { body } = await post(new Uint8Array(100_000));
      await seen;
      assert.equal(body.toString(), `round ${round}`);
    }
  });

  it('sends no body to a HEAD request, but its length', async () => {
    void next((exchange) => exchange.respond(200, [], [Buffer.from('twelve bytes')]));
    const { status, headers, body } = await servers().client.ask(version, { method: 'HEAD', path: '/' });
    assert.deepEqual([status, headers['content-length'], body.length], [200, '12', 0]);
  });

  it('streams an answer, and says when to stop and when to go on', async () => {
    const seen = next();
    const opening = servers().client.open(version, { path: '/' });
    const { exchange, listener } = await seen;
    exchange.startStream(200, ['content-type', 'text/event-stream']);
    const chunk = new Uint8Array(65_536).fill(7);
    let written = 0;
    let pauses = 0;
    const writeOn = (): void => {
      while (written < 64) {
        written += 1;
        if (!exchange.write(Uint8Array.from(chunk))) {
          pauses += 1;
          return;
        }
      }
      exchange.end();
    };
    listener.writable = writeOn;
    writeOn();
    const open = await opening;
    assert.equal(open.headers['content-type'], 'text/event-stream');
    let received = 0;
    for await (const bytes of open.chunks) received += bytes.length;
    assert.equal(received, 64 * 65_536);
    assert.ok(pauses > 0, 'never told to stop');
  });

  it('does nothing more after its end', async () => {
    const seen = next();
    const answer = servers().client.ask(version, { path: '/' });
    const { exchange, listener } = await seen;
    exchange.respond(200, [], [Buffer.from('once')]);
    exchange.respond(500, [], [Buffer.from('twice')]);
    exchange.startStream(500, []);
    exchange.end();
    assert.equal(exchange.write(Buffer.from('more')), true);
    assert.deepEqual([(await answer).status, (await answer).body.toString()], [200, 'once']);
    await listener.over.promise;
    assert.deepEqual([listener.aborts, listener.overs], [0, 1]);
  });

  it('is over when the client has taken the answer, and not before', async () => {
    const seen = next();
    const opening = servers().client.open(version, { path: '/' });
    const { exchange, listener } = await seen;
    exchange.respond(200, [], [new Uint8Array(32 * MIB)]);
    const open = await opening;
    for (let turn = 0; turn < TURNS_ENOUGH_TO_READ_ALL; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(listener.overs, 0);
    let received = 0;
    for await (const bytes of open.chunks) received += bytes.length;
    assert.equal(received, 32 * MIB);
    await listener.over.promise;
    assert.deepEqual([listener.aborts, listener.overs], [0, 1]);
  });
}

function limitTests(version: HttpVersion, next: Next, post: Post, servers: () => ExchangeServers, budget: ByteBudget): void {
  const refuse = async (begun: ReturnType<Next>): Promise<MeshError> => {
    const { exchange, listener } = await begun;
    const error = await listener.refused.promise;
    exchange.respond(413, [], [Buffer.from(error.message)]);
    return error;
  };

  it('refuses an announced length above the limit before a byte was read', async () => {
    const seen = next();
    const answer = post(new Uint8Array(BODY_BYTES_MAX + 1));
    const error = await refuse(seen);
    assert.equal(error.kind, 'too-large');
    assert.match(error.message, /4194305 bytes.*restBodyBytesMax/);
    assert.equal((await answer).status, 413);
    assert.equal(budget.used, 0);
  });

  it('refuses a body that grows above the limit unannounced', async () => {
    const seen = next();
    const answer = post(Array.from({ length: 6 }, () => new Uint8Array(MIB)));
    assert.equal((await refuse(seen)).kind, 'too-large');
    assert.equal((await answer).status, 413);
    assert.equal(budget.used, 0);
  });

  it('refuses a body for which the budget has no room, and takes the next one', async () => {
    assert.ok(budget.take(8 * MIB - 10));
    const seen = next();
    const answer = post('eleven bytes');
    const error = await refuse(seen);
    assert.equal(error.kind, 'overloaded');
    assert.equal(error.retryAfterMs, 1000);
    await answer;
    budget.give(8 * MIB - 10);
    const again = next();
    const second = servers().client.ask(version, { method: 'POST', path: '/', body: 'eleven bytes' });
    const { exchange, listener } = await again;
    assert.equal(Buffer.from(await listener.body.promise).toString(), 'eleven bytes');
    exchange.respond(200, [], []);
    assert.equal((await second).status, 200);
  });
}

function abortTests(version: HttpVersion, next: Next, servers: () => ExchangeServers, budget: ByteBudget): void {
  it('tells that the client went away while it waited', async () => {
    const seen = next();
    const call = servers().client.start(version, { method: 'POST', path: '/', body: 'x' });
    const { exchange, listener } = await seen;
    await listener.body.promise;
    call.answer.catch(() => undefined);
    call.abort();
    await listener.aborted.promise;
    exchange.respond(200, [], [Buffer.from('for nobody')]);
    assert.deepEqual([listener.aborts, listener.overs], [1, 1]);
    assert.equal(budget.used, 0);
  });

  it('tells that the client went away within its own body', async () => {
    const seen = next();
    const call = servers().client.start(version, {
      method: 'POST',
      path: '/',
      headers: { 'content-length': '100' },
      body: [Buffer.from('x')],
      open: true,
    });
    const { listener } = await seen;
    call.answer.catch(() => undefined);
    call.abort();
    await listener.aborted.promise;
    assert.equal(listener.aborts, 1);
    assert.equal(budget.used, 0);
  });

  it('tells that the client went away within a stream', async () => {
    const seen = next();
    const opening = servers().client.open(version, { path: '/' });
    const { exchange, listener } = await seen;
    exchange.startStream(200, []);
    exchange.write(Buffer.from('first'));
    const open = await opening;
    open.abort();
    await listener.aborted.promise;
    assert.equal(exchange.write(Buffer.from('second')), true);
    exchange.end();
    assert.equal(listener.aborts, 1);
  });
}
