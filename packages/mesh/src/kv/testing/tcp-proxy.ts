import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to the bytes of one direction. */
type Way =
  /** They pass. */
  | 'open'
  /** They wait, and pass when the way is open again, also those of connections that were given up meanwhile. */
  | 'held'
  /** The connection is cut as soon as some come, half of them delivered. */
  | 'halved';

/** One connection through the proxy. Each direction keeps what it holds, in its order. */
class Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Requests are held here whatever becomes of other connections. */
  frozen = false;
  readonly #proxy: TcpProxy;
  readonly #held: { readonly to: Socket; readonly chunk: Buffer }[] = [];

  constructor(proxy: TcpProxy, client: Socket, port: number) {
    this.#proxy = proxy;
    this.client = client;
    this.server = connect({ host: '127.0.0.1', port });
    // An error is followed by the close, which ends the other side.
    for (const socket of [client, this.server]) socket.setNoDelay(true).on('error', () => undefined);
    client.on('data', (chunk: Buffer) => this.#pass(this.server, chunk, this.frozen ? 'held' : proxy.requests));
    this.server.on('data', (chunk: Buffer) => this.#pass(client, chunk, proxy.answers));
    this.server.on('close', () => client.destroy());
    // A request that is held goes on its way although nobody waits for its answer any more.
    client.on('close', () => {
      if (this.#held.length === 0) this.server.destroy();
    });
  }

  release(): void {
    this.frozen = false;
    for (const { to, chunk } of this.#held.splice(0)) to.write(chunk);
    if (this.client.destroyed) this.server.end();
  }

  cut(): void {
    this.client.destroy();
    this.server.destroy();
  }

  #pass(to: Socket, chunk: Buffer, way: Way): void {
    if (way === 'halved') {
      to.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () => this.cut());
    } else if (way === 'held' || this.#held.some((one) => one.to === to)) {
      this.#held.push({ to, chunk });
      this.#proxy.heldChunks += 1;
    } else to.write(chunk);
  }
}

/** A TCP proxy on the loopback that holds, halves and cuts what passes through it, each direction by itself. */
export class TcpProxy {
  requests: Way = 'open';
  answers: Way = 'open';
  /** Chunks that were held so far. */
  heldChunks = 0;
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Listens on a free port and passes on to `target`. */
  static async start(target: number): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const proxy = new TcpProxy(server, address.port);
    server.on('connection', (client) => proxy.#accept(client, target));
    return proxy;
  }

  get endpoint(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.port };
  }

  /** Breaks every connection; new ones are taken. */
  cut(): void {
    for (const pair of this.#pairs) pair.cut();
  }

  /** Holds the requests of every connection that there is now; those of new ones pass. */
  freeze(): void {
    for (const pair of this.#pairs) pair.frozen = true;
  }

  /** Breaks every connection and refuses new ones until {@link mend}. */
  async away(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  /** Both ways are open, what was held passes, and connections are taken. */
  async mend(): Promise<void> {
    this.requests = 'open';
    this.answers = 'open';
    for (const pair of this.#pairs) pair.release();
    if (this.#server.listening) return;
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.away();
    else this.cut();
  }

  #accept(client: Socket, target: number): void {
    const pair = new Pair(this, client, target);
    this.#pairs.add(pair);
    pair.server.once('close', () => this.#pairs.delete(pair));
  }
}
