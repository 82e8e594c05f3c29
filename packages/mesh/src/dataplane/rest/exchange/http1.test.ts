import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { ByteBudget } from '../../call/index.ts';
import { ExchangeServers } from '../testing/index.ts';
import { TestListener } from './contract.ts';
import type { HttpExchange } from './port.ts';

const MIB = 1024 * 1024;
const LIMITS = { bytesMax: MIB, budget: new ByteBudget(64 * MIB) };

/** A client that writes what it wants and keeps what it gets. */
class RawClient {
  readonly socket: Socket;
  text = '';
  closed = false;
  #waiting: (() => void) | undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      this.text += text;
      this.#waiting?.();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
      this.#waiting?.();
    });
  }

  /** Resolves as soon as `holds` does. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }
}

describe('HTTP/1.1', () => {
  let servers: ExchangeServers;
  let client: RawClient;
  const seen: { exchange: HttpExchange; listener: TestListener }[] = [];
  let onExchange: (exchange: HttpExchange) => void = () => undefined;

  before(async () => {
    servers = await ExchangeServers.start((exchange) => {
      const listener = new TestListener();
      exchange.listener = listener;
      seen.push({ exchange, listener });
      onExchange(exchange);
    });
  });
  after(() => servers.close());
  const open = (): RawClient => {
    seen.length = 0;
    client = new RawClient(servers.ports.http1);
    return client;
  };
  const echo = (exchange: HttpExchange): void => {
    const { listener } = exchange;
    assert.ok(listener instanceof TestListener);
    listener.body.promise.then((body) => exchange.respond(200, [], [body]));
    exchange.readBody(LIMITS);
  };

  it('answers pipelined requests in their order, whatever order they are done in', async () => {
    onExchange = () => undefined;
    const { socket } = open();
    socket.write('GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\nGET /3 HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise<void>((resolve) => {
      onExchange = () => {
        if (seen.length === 3) resolve();
      };
    });
    for (const { exchange } of [...seen].reverse()) exchange.respond(200, [], [Buffer.from(`answer ${exchange.path}`)]);
    await client.until(() => client.text.includes('answer /3'));
    assert.deepEqual(client.text.match(/answer \/\d/g), ['answer /1', 'answer /2', 'answer /3']);
    socket.destroy();
  });

  it('tells a client that waits for it to send the body once somebody reads it', async () => {
    onExchange = echo;
    const { socket } = open();
    socket.write('POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n');
    await client.until(() => client.text.includes('\r\n\r\n'));
    assert.match(client.text, /^HTTP\/1\.1 100 /);
    socket.write('hello');
    await client.until(() => client.text.endsWith('hello'));
    assert.match(client.text, /HTTP\/1\.1 200 /);
    socket.destroy();
  });

  it('refuses a client that waits without asking for the body, and closes since it may or may not send it', async () => {
    onExchange = (exchange) => {
      const { listener } = exchange;
      assert.ok(listener instanceof TestListener);
      listener.refused.promise.then((error) => exchange.respond(413, [], [Buffer.from(error.message)]));
      exchange.readBody(LIMITS);
    };
    const { socket } = open();
    socket.write('POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 99999999\r\n\r\n');
    await client.until(() => client.closed);
    assert.match(client.text, /^HTTP\/1\.1 413 /);
    assert.match(client.text, /connection: close/i);
    assert.doesNotMatch(client.text, /100 Continue/);
  });

  it('keeps the connection behind a refused body that is small, and closes it behind one that is not', async () => {
    onExchange = (exchange) => exchange.respond(404, [], []);
    const { socket } = open();
    socket.write('POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\nhost: x\r\n\r\n');
    await client.until(() => (client.text.match(/HTTP\/1\.1 404/g) ?? []).length === 2);
    socket.write('POST /3 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await client.until(() => /connection: close/i.test(client.text));
    assert.equal(client.closed, false, 'closed under a client that still sends');
    socket.write('0\r\n\r\n');
    await client.until(() => client.closed);
  });

  it('gives up on a client that goes on sending what nobody wants', async () => {
    onExchange = (exchange) => exchange.respond(404, [], []);
    const { socket } = open();
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(MIB), Buffer.from('\r\n')]);
    const pump = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', pump);
    pump();
    await client.until(() => client.closed);
    assert.match(client.text, /HTTP\/1\.1 404/);
  });

  it('reads a target in absolute form', async () => {
    onExchange = (exchange) => exchange.respond(200, [], [Buffer.from(`${exchange.path} ${exchange.query}.`)]);
    const { socket } = open();
    socket.write('GET http://x/v2/models?a=b HTTP/1.1\r\nhost: x\r\n\r\n');
    await client.until(() => client.text.endsWith('/v2/models a=b.'));
    socket.destroy();
  });

  it('answers a client of HTTP/1.0, a stream too', async () => {
    onExchange = (exchange) => {
      exchange.startStream(200, []);
      exchange.write(Buffer.from('one '));
      exchange.write(Buffer.from('two'));
      exchange.end();
    };
    const { socket } = open();
    socket.write('GET / HTTP/1.0\r\n\r\n');
    await client.until(() => client.closed);
    assert.match(client.text, /^HTTP\/1\.1 200 .*\r\n\r\none two$/s);
  });
});
