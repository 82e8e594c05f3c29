import { GrpcRouter } from '@modelmesh/grpc/call';
import { connectionInfoOf } from '@modelmesh/grpc/listen';
import type { AcceptStream } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { acceptGrpcWeb, acceptHttp1, isGrpcWeb } from '@modelmesh/grpc/web';
import { canonicalManagementMethod } from '@modelmesh/wire/mmesh';
import { principalOf } from '../authz/index.ts';
import {
  acceptCors,
  answerCorsHttp1,
  type CorsPolicy,
  type DataPlane,
  http1Exchange,
  type ListenerHandlers,
  type RestHandler,
  streamExchange,
} from '../dataplane/index.ts';
import type { Log } from '../log/index.ts';
import { systemClock } from '../node/index.ts';

/** What a worker's listener leads to. */
export interface WorkerDoorParts {
  readonly timers: TimerWheel;
  readonly dataPlane: DataPlane;
  readonly rest: RestHandler;
  readonly messageBytesMax: number;
  readonly cors: () => CorsPolicy;
  /** Takes what is control's to answer. */
  readonly relay: AcceptStream;
  /** gRPC methods that are. */
  readonly relayed: readonly string[];
  readonly log: Log;
}

/** What a worker does with streams and requests at one port: it answers calls for models, and relays everything else. */
export function openWorkerDoors(parts: WorkerDoorParts): ListenerHandlers {
  const { timers, dataPlane, rest, messageBytesMax, cors, relay, log } = parts;
  const relayed = new Set(parts.relayed);
  const isRelayed = (path: string): boolean => relayed.has(path) || canonicalManagementMethod(path.slice(1)) !== undefined;
  const http: AcceptStream = (stream, headers, end, connection) => {
    if (!rest.infers(headers.get(':path') ?? '/')) return relay(stream, headers, end, connection);
    const exchange = streamExchange(stream, headers, end, principalOf(connection.info), connection.info.encrypted);
    rest.handle(exchange);
    return exchange;
  };
  const router = new GrpcRouter({
    clock: systemClock,
    timers,
    messageBytesMax,
    http,
    fallback: (stream, headers, end, connection) =>
      isRelayed(headers.get(':path') ?? '')
        ? relay(stream, headers, end, connection)
        : dataPlane.accept(stream, headers, end, connection),
    onFault: (error, path) => log.error('fault', `a call of ${path} met a fault of ours`, { error }),
  });
  const accept = acceptGrpcWeb(router.accept);
  return {
    accept: acceptCors(cors, accept),
    onRequest: (request, response, awaitsContinue) => {
      if (answerCorsHttp1(cors(), request, response)) return;
      if (isGrpcWeb(request.method, request.headers['content-type'])) {
        acceptHttp1(request, response, awaitsContinue, accept);
      } else if (rest.infers(request.url ?? '/')) {
        const info = connectionInfoOf(request.socket);
        const facts = { principal: principalOf(info), encrypted: info.encrypted, awaitsContinue };
        rest.handle(http1Exchange(request, response, facts));
      } else {
        acceptHttp1(request, response, awaitsContinue, relay);
      }
    },
  };
}
