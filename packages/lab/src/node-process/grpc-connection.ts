import { GrpcClient, type GrpcClientOptions } from '@modelmesh/grpc/call';
import { type ClientConnection, type ConnectTarget, createFrameEngine, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { realClock } from './real-clock.ts';

/** The largest message that a client of the lab takes. */
export const CLIENT_MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
/** Calls that one connection of the lab queues beyond what the other side takes at once. */
const CLIENT_QUEUED_STREAMS_MAX = 100_000;

/** The one engine and timer of all clients in this process. */
const engine = createFrameEngine({ clock: realClock });
const timers = new TimerWheel(realClock);

/** One connection with a client on it; `close` or `await using` ends it. */
export interface GrpcConnection extends Disposable {
  readonly connection: ClientConnection;
  readonly client: GrpcClient;
  close(): void;
}

/** Connects to a node or a runtime; nothing is sent before the first call. */
export function connectGrpc(target: ConnectTarget, options: Partial<GrpcClientOptions> = {}): GrpcConnection {
  const connection = engine.connect(target, { ...DEFAULT_STREAM_LIMITS, queuedStreamsMax: CLIENT_QUEUED_STREAMS_MAX });
  const authority = target.kind === 'unix' ? 'localhost' : `${target.host}:${target.port}`;
  const client = new GrpcClient(connection, {
    clock: realClock,
    timers,
    authority,
    messageBytesMax: CLIENT_MESSAGE_BYTES_MAX,
    ...options,
  });
  const close = (): void => connection.close();
  return { connection, client, close, [Symbol.dispose]: close };
}
