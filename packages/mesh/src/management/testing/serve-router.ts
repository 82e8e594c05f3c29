import { type Clock, durationMs } from '@modelmesh/core';
import { GrpcClient, GrpcRouter, type GrpcRouterOptions } from '@modelmesh/grpc/call';
import { Listener } from '@modelmesh/grpc/listen';
import { type ClientConnection, createFrameEngine, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';

const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** A served router and a client of it; `await using` ends both. */
export interface ServedRouter extends AsyncDisposable {
  readonly port: number;
  readonly client: GrpcClient;
  readonly connection: ClientConnection;
}

/** Serves a router on a free port of the loopback, with buffers poisoned once they were given back. */
export async function serveRouter(
  clock: Clock,
  register: (router: GrpcRouter) => void,
  options: Pick<GrpcRouterOptions, 'http'> = {},
): Promise<ServedRouter> {
  const engine = createFrameEngine({ clock, poison: true });
  const timers = new TimerWheel(clock);
  const router = new GrpcRouter({ clock, timers, messageBytesMax: MESSAGE_BYTES_MAX, ...options });
  register(router);
  const listener = new Listener({ engine, limits: DEFAULT_STREAM_LIMITS, accept: router.accept });
  await listener.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  const { port } = listener;
  const connection = engine.connect({ kind: 'tcp', host: '127.0.0.1', port }, DEFAULT_STREAM_LIMITS);
  const client = new GrpcClient(connection, {
    clock,
    timers,
    authority: `127.0.0.1:${port}`,
    messageBytesMax: MESSAGE_BYTES_MAX,
  });
  return {
    port,
    client,
    connection,
    [Symbol.asyncDispose]: async () => {
      connection.close();
      await listener.close(clock, durationMs(0));
    },
  };
}
