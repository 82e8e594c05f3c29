import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, DurationMs } from '@modelmesh/core';
import { GrpcRouter, refuseHttp } from '@modelmesh/grpc/call';
import { connectionInfoOf } from '@modelmesh/grpc/listen';
import type { AcceptStream } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { acceptGrpcWeb, acceptHttp1, isGrpcWeb } from '@modelmesh/grpc/web';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { type Authorizer, principalOf } from '../authz/index.ts';
import type { ListenerRole } from '../config/index.ts';
import {
  acceptCors,
  answerCorsHttp1,
  type CorsPolicy,
  type DataPlane,
  http1Exchange,
  OIP_SERVICE,
  type OipService,
  REST_EXTENSIONS,
  type RestHandler,
  serveIntrospection,
  serveOip,
  streamExchange,
  variantAsked,
} from '../dataplane/index.ts';
import type { Log } from '../log/index.ts';
import { type ManagementApp, serveModelMesh } from '../management/index.ts';
import type { Control } from '../node/index.ts';

/** What a listener's doors lead to. */
export interface DoorParts {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly authorizer: Authorizer;
  readonly control: Control;
  readonly dataPlane: DataPlane;
  readonly rest: RestHandler;
  readonly management: ManagementApp;
  readonly messageBytesMax: number;
  /** Which pages from elsewhere may ask; the one in force, which changes with the configuration. */
  readonly cors: () => CorsPolicy;
  readonly loadFailureExpiryMs: DurationMs;
  readonly server: { readonly name: string; readonly version: string };
  readonly log: Log;
}

/** What one listener does with streams and requests. */
export interface Doors {
  readonly accept: AcceptStream;
  /** What a worker relays, which has seen to pages from elsewhere and to gRPC-Web. */
  readonly acceptRelayed: AcceptStream;
  /** gRPC methods that are answered here, as paths with their slash. */
  readonly methods: readonly string[];
  /** An HTTP/1.1 request; `awaitsContinue` when it came as `Expect: 100-continue`. */
  onRequest(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void;
  /** The node became ready or unready. */
  readyChanged(): void;
  /**
   * The node takes no more calls: health says so, streams end that would last as long as the node, and requests of HTTP that are not complete
   * after `incompleteMs` are refused.
   */
  drain(incompleteMs: DurationMs): void;
}

/** The doors of a listener with those roles: what a role does not name is not there. */
export function openDoors(roles: ReadonlySet<ListenerRole>, parts: DoorParts): Doors {
  const { dataPlane, rest, management, log, cors } = parts;
  const [infers, manages] = [roles.has('inference'), roles.has('management')];
  const http: AcceptStream = (stream, headers, end, connection) => {
    const path = headers.get(':path') ?? '/';
    if (infers && rest.handles(path)) {
      const exchange = streamExchange(stream, headers, end, principalOf(connection.info), connection.info.encrypted);
      rest.handle(exchange);
      return exchange;
    }
    return manages ? management.bridge(stream, headers, end, connection.info) : refuseHttp(stream, 404, end);
  };
  const router = new GrpcRouter({
    clock: parts.clock,
    timers: parts.timers,
    messageBytesMax: parts.messageBytesMax,
    http,
    onFault: (error, path) => log.error('fault', `a call of ${path} met a fault of ours`, { error }),
    ...(infers ? { fallback: dataPlane.accept } : {}),
  });
  if (manages)
    serveModelMesh(router, parts.control, parts.authorizer, { logState: (lines) => log.info('state', lines.join('\n')) });
  const introspection = introspect(router, roles, parts);
  const accept = acceptGrpcWeb(router.accept);
  return {
    accept: acceptCors(cors, accept),
    acceptRelayed: router.accept,
    methods: router.paths(),
    onRequest: (request, response, awaitsContinue) => {
      if (answerCorsHttp1(cors(), request, response)) return;
      if (isGrpcWeb(request.method, request.headers['content-type'])) {
        acceptHttp1(request, response, awaitsContinue, accept);
      } else if (infers && rest.handles(request.url ?? '/')) {
        const info = connectionInfoOf(request.socket);
        const facts = { principal: principalOf(info), encrypted: info.encrypted, awaitsContinue };
        rest.handle(http1Exchange(request, response, facts));
      } else if (manages) {
        if (awaitsContinue) response.writeContinue();
        management.handle(request, response);
      } else {
        refusePlainly(response);
      }
    },
    readyChanged: () => introspection.readyChanged(),
    drain: (incompleteMs) => {
      introspection.close();
      rest.drain(incompleteMs);
      management.drain(incompleteMs);
    },
  };
}

function introspect(router: GrpcRouter, roles: ReadonlySet<ListenerRole>, parts: DoorParts): OipService {
  const { control, authorizer, clock, loadFailureExpiryMs, dataPlane, server } = parts;
  const services = [...(roles.has('management') ? [ModelMesh.typeName] : []), ...(roles.has('inference') ? [OIP_SERVICE] : [])];
  if (!roles.has('inference')) return serveIntrospection(router, control, { services });
  return serveOip(router, {
    control,
    names: dataPlane.plane.routes,
    variantAsked: (name, version, headers) => variantAsked(dataPlane.plane, name, version, headers),
    learn: (names, signal) => dataPlane.plane.names.learn(names, signal),
    authorizer,
    clock,
    loadFailureExpiryMs,
    server: { ...server, extensions: REST_EXTENSIONS },
    introspection: { services },
  });
}

function refusePlainly(response: ServerResponse): void {
  const body = JSON.stringify({ error: 'nothing is served here' });
  response.writeHead(404, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
}
