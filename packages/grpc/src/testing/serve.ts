import { type Clock, durationMs } from '@modelmesh/core';
import { GrpcClient, type GrpcClientOptions, GrpcRouter, type GrpcRouterOptions } from '../call/index.ts';
import { Listener } from '../listen/index.ts';
import {
  type AcceptStream,
  type ClientConnection,
  createFrameEngine,
  DEFAULT_STREAM_LIMITS,
  type StreamLimits,
} from '../stream/index.ts';
import { TimerWheel } from '../timer-wheel/index.ts';
import { realClock } from './real-clock.ts';

/** The engine under the whole suite: it poisons what was consumed or given away. */
export const poisoningEngine = createFrameEngine({ clock: realClock, poison: true, connectTimeoutMs: durationMs(5000) });

/** Message limit of the tests' routers and clients. */
export const TEST_MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

/** A served router with a client; `await using` ends both. */
export interface Served extends AsyncDisposable {
  readonly port: number;
  readonly address: string;
  readonly connection: ClientConnection;
  readonly client: GrpcClient;
  readonly timers: TimerWheel;
}

/** Listens on a free port of the loopback. */
export async function listenOnLoopback(accept: AcceptStream, limits: StreamLimits = DEFAULT_STREAM_LIMITS): Promise<Listener> {
  const listener = new Listener({ engine: poisoningEngine, limits, accept });
  await listener.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  return listener;
}

/** Serves what `register` adds to a router. */
export async function serveRouter(
  register: (router: GrpcRouter) => void,
  options: {
    /** The clock of deadlines; the sockets always live in real time. */
    readonly clock?: Clock;
    readonly router?: Partial<GrpcRouterOptions>;
    readonly client?: Partial<GrpcClientOptions>;
    readonly limits?: StreamLimits;
  } = {},
): Promise<Served> {
  const clock = options.clock ?? realClock;
  const timers = new TimerWheel(clock);
  const router = new GrpcRouter({ clock, timers, messageBytesMax: TEST_MESSAGE_BYTES_MAX, ...options.router });
  register(router);
  const listener = await listenOnLoopback(router.accept, options.limits);
  const connection = poisoningEngine.connect({ kind: 'tcp', host: '127.0.0.1', port: listener.port }, DEFAULT_STREAM_LIMITS);
  const address = `127.0.0.1:${listener.port}`;
  const client = new GrpcClient(connection, {
    clock,
    timers,
    authority: address,
    messageBytesMax: TEST_MESSAGE_BYTES_MAX,
    ...options.client,
  });
  return {
    port: listener.port,
    address,
    connection,
    client,
    timers,
    [Symbol.asyncDispose]: async () => {
      connection.close();
      await listener.close(realClock, durationMs(0));
    },
  };
}

/** Collects an iterable. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Gives the items of an array one by one. */
export async function* each<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}
