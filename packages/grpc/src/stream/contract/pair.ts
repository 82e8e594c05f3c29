import { createServer, type Server, type Socket } from 'node:net';
import { headerBlock } from '../header-block.ts';
import { DEFAULT_STREAM_LIMITS } from '../limits.ts';
import type {
  AcceptStream,
  ByteStream,
  ClientConnection,
  HeaderBlock,
  RefuseStream,
  ServerConnection,
  StreamEngine,
  StreamLimits,
} from '../port.ts';
import { type Consumption, Recorder } from './recorder.ts';

/** One accepted stream with the recorder that hears it. */
export interface Accepted {
  readonly stream: ByteStream;
  readonly headers: HeaderBlock;
  readonly end: boolean;
  readonly connection: ServerConnection;
  readonly heard: Recorder;
}

/** How a pair differs from the ordinary. */
export interface PairSetup {
  readonly serverLimits?: Partial<StreamLimits>;
  readonly clientLimits?: Partial<StreamLimits>;
  readonly serverConsumes?: Consumption;
  /** Answers streams whose header list is over the limit. */
  readonly refuse?: RefuseStream;
  /** Called for every accepted stream, after it was noted. */
  readonly serve?: (accepted: Accepted) => void;
}

/** A server and a client of one engine on the loopback. */
export class Pair implements AsyncDisposable {
  readonly accepted: Accepted[] = [];
  readonly connections: ServerConnection[] = [];
  readonly sockets: Socket[] = [];
  readonly client: ClientConnection;
  readonly port: number;
  readonly #server: Server;
  #waiting: { count: number; resolve: () => void }[] = [];

  private constructor(server: Server, port: number, client: ClientConnection) {
    this.#server = server;
    this.port = port;
    this.client = client;
  }

  static async over(engine: StreamEngine, setup: PairSetup = {}): Promise<Pair> {
    const limits = { ...DEFAULT_STREAM_LIMITS, ...setup.serverLimits };
    const info = { remoteAddress: '127.0.0.1', encrypted: false, clientCertificate: undefined };
    const server = createServer((socket) => {
      pair.sockets.push(socket);
      const accept: AcceptStream = (stream, headers, end, from) => {
        const heard = new Recorder(setup.serverConsumes);
        const accepted = { stream, headers, end, connection: from, heard };
        pair.#accept(accepted);
        setup.serve?.(accepted);
        return heard;
      };
      const connection = engine.serve(socket, info, limits, accept, setup.refuse);
      pair.connections.push(connection);
    });
    const port = await listen(server);
    const client = engine.connect({ kind: 'tcp', host: '127.0.0.1', port }, { ...DEFAULT_STREAM_LIMITS, ...setup.clientLimits });
    const pair = new Pair(server, port, client);
    return pair;
  }

  /** The `index`-th accepted stream, as soon as it is there. */
  async nthAccepted(index: number): Promise<Accepted> {
    if (this.accepted.length <= index) {
      await new Promise<void>((resolve) => {
        this.#waiting.push({ count: index + 1, resolve });
      });
    }
    const accepted = this.accepted[index];
    if (accepted === undefined) throw new Error(`stream ${index} was not accepted`);
    return accepted;
  }

  /** Opens a POST. */
  open(heard: Recorder, end = false, extra: readonly string[] = []): ByteStream {
    return this.client.open(requestHeaders(extra), end, heard);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    for (const connection of this.connections) connection.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #accept(accepted: Accepted): void {
    this.accepted.push(accepted);
    const ready = this.#waiting.filter(({ count }) => this.accepted.length >= count);
    this.#waiting = this.#waiting.filter((waiting) => !ready.includes(waiting));
    for (const { resolve } of ready) resolve();
  }
}

/** Listens on a free port of the loopback and says which. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

/** The headers of a POST to `/test`, with `extra` fields behind. */
export const requestHeaders = (extra: readonly string[] = []): HeaderBlock =>
  headerBlock([':method', 'POST', ':scheme', 'http', ':path', '/test', ':authority', 'test', ...extra]);

/** The headers of an answer 200. */
export const okHeaders = headerBlock([':status', '200']);

/** Bytes to send: each call makes new ones, since sending gives them away. */
export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

/** Resolves after a round trip on the connection: everything that was on its way before has come. */
export function roundTrip(client: ClientConnection): Promise<number | null> {
  return new Promise((resolve) => {
    client.ping(resolve);
  });
}
