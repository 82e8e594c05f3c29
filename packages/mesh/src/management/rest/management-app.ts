import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { type Clock, type DurationMs, MeshError, type Timer } from '@modelmesh/core';
import { connectionInfoOf } from '@modelmesh/grpc/listen';
import type { ByteStream, ConnectionInfo, HeaderBlock, StreamHandler } from '@modelmesh/grpc/stream';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Authorizer } from '../../authz/index.ts';
import type { Control } from '../../node/index.ts';
import { authorizeCall } from '../authorize.ts';
import { errorAnswer, restError } from './errors.ts';
import { EventStream } from './event-stream.ts';
import { type BridgedPeers, BridgedStream } from './http-bridge.ts';
import { EVENTS_PATH } from './openapi.ts';
import { readQuery } from './query.ts';
import { type AnyRoute, parameterOf } from './route.ts';
import { managementRoutes } from './routes/index.ts';

/** The largest manifest that is read unless configured. */
export const BODY_BYTES_MAX_DEFAULT = 1024 * 1024;
/** The longest percent-encoded key or name in a path: each byte of an id may take three letters. */
const PARAMETER_CHARS_MAX = 4096;
/** The largest head of a bridged request; the engine's own limit on header lists lies below. */
const HEAD_BYTES_MAX = 1024 * 1024;
const PREFIX = '/api/v1';

/** What management over REST stands on. */
export interface ManagementAppDeps {
  readonly control: Control;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  /** What `/api/v1/openapi.json` and `/api/v1/status` say of the server. */
  readonly server: { readonly name: string; readonly version: string };
  /** The largest manifest, in bytes; {@link BODY_BYTES_MAX_DEFAULT} unless given. */
  readonly bodyBytesMax?: number;
  /** Hears of errors that are faults of ours, with their stack; callers are told nothing of them. */
  readonly onFault?: (error: unknown, path: string) => void;
}

/** Management over REST under `/api/v1`: an HTTP app that listens nowhere. */
export interface ManagementApp {
  /** Whether a path (a query is ignored) is one of the app's. */
  handles(path: string): boolean;
  /** Answers an HTTP/1.1 request of any `node:http` server. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Answers an HTTP/2 stream; what the engine reports of it goes to the returned handler. `end`: the request has no body. */
  bridge(stream: ByteStream, headers: HeaderBlock, end: boolean, peer: ConnectionInfo): StreamHandler;
  /**
   * The node takes no more calls: event streams say so and end, since they would last as long as the node, and bridged requests that are not
   * complete after `incompleteMs` are refused.
   */
  drain(incompleteMs: DurationMs): void;
  /** Ends open event streams and refuses further requests. */
  close(): Promise<void>;
}

/** Makes the app. It is ready to answer when the promise resolves. */
export async function createManagementApp(deps: ManagementAppDeps): Promise<ManagementApp> {
  const app = new RestApp(deps);
  await app.open();
  return app;
}

class RestApp implements ManagementApp {
  readonly #deps: ManagementAppDeps;
  readonly #routes: readonly AnyRoute[];
  readonly #peers: BridgedPeers = new WeakMap();
  readonly #streams = new Set<EventStream>();
  /** Bridged requests that are not complete. */
  readonly #incomplete = new Set<BridgedStream>();
  #refusal: Timer | undefined;
  readonly #fastify: FastifyInstance;
  #server: Server | undefined = undefined;
  #streamsEnd = false;

  constructor(deps: ManagementAppDeps) {
    this.#deps = deps;
    const { control, server } = deps;
    this.#routes = managementRoutes(control, server);
    this.#fastify = fastify({
      logger: false,
      exposeHeadRoutes: false,
      bodyLimit: deps.bodyBytesMax ?? BODY_BYTES_MAX_DEFAULT,
      routerOptions: { maxParamLength: PARAMETER_CHARS_MAX },
      frameworkErrors: (error, request, reply) => this.#fail(error, request, reply),
      clientErrorHandler: (error, socket) => refuseUnreadable(error, socket),
      serverFactory: (handler) => {
        this.#server = createServer({ maxHeaderSize: HEAD_BYTES_MAX }, handler);
        return this.#server;
      },
    });
  }

  async open(): Promise<void> {
    const app = this.#fastify;
    app.setErrorHandler((error, request, reply) => this.#fail(error, request, reply));
    app.setNotFoundHandler((request, reply) => {
      const methods = this.#methodsAt(pathOf(request));
      if (methods.length > 0) reply.header('allow', methods.join(', '));
      this.#fail(notOffered(request, methods), request, reply);
    });
    readJsonBodies(app);
    for (const route of this.#routes) {
      app.route({
        method: route.method,
        url: routerPath(route.path),
        handler: (request, reply) => this.#run(route, request, reply),
      });
    }
    app.get(EVENTS_PATH, (request, reply) => this.#streamEvents(request, reply));
    await app.ready();
  }

  handles(path: string): boolean {
    return path.startsWith(PREFIX) && [undefined, '/', '?'].includes(path[PREFIX.length]);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#fastify.routing(request, response);
  }

  bridge(stream: ByteStream, headers: HeaderBlock, end: boolean, peer: ConnectionInfo): StreamHandler {
    if (this.#server === undefined) throw new MeshError('unavailable', 'management is not open');
    const bridged = new BridgedStream(this.#server, this.#peers, stream, headers, end, peer);
    if (!end) {
      this.#incomplete.add(bridged);
      bridged.onSettled = () => this.#incomplete.delete(bridged);
    }
    return bridged;
  }

  drain(incompleteMs: DurationMs): void {
    this.#endStreams();
    this.#refusal ??= this.#deps.clock.after(incompleteMs, () => {
      const error = new MeshError('unavailable', 'the node is shutting down, and the request did not arrive in time');
      for (const bridged of this.#incomplete) bridged.giveUp(error);
    });
  }

  #endStreams(): void {
    this.#streamsEnd = true;
    for (const stream of this.#streams) stream.close();
  }

  async close(): Promise<void> {
    this.#refusal?.cancel();
    this.#endStreams();
    await this.#fastify.close();
  }

  async #run(route: AnyRoute, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const name = nameOf(route, request);
    const peer = this.#peerOf(request);
    authorizeCall(this.#deps.authorizer, peer, { verb: route.verb, target: `${route.resource}${name}` });
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort(new MeshError('cancelled', 'the caller has gone')));
    const answer = await route.run({
      name,
      // The schema of this very route made it; the table of all routes cannot say so.
      query: readQuery(route.query, request.query) as never,
      body: request.body ?? undefined,
      peer,
      signal: gone.signal,
    });
    reply.code(answer.status ?? route.status);
    return route.answer === null ? reply.send() : reply.send(answer.value);
  }

  #streamEvents(request: FastifyRequest, reply: FastifyReply): void {
    authorizeCall(this.#deps.authorizer, this.#peerOf(request), { verb: 'read', target: 'events' });
    const query = readQuery('events', request.query);
    const afterId = lastEventId(request.headers['last-event-id']) ?? query.after ?? (query.follow === 'true' ? null : 0);
    const stream = new EventStream(reply.raw, this.#deps.clock, () => this.#streams.delete(stream));
    stream.open(this.#deps.control, { afterId, follow: query.follow === 'true' });
    reply.hijack();
    if (query.follow === 'true') this.#streams.add(stream);
    if (this.#streamsEnd) stream.close();
  }

  #peerOf({ raw }: FastifyRequest): ConnectionInfo {
    return this.#peers.get(raw.socket) ?? connectionInfoOf(raw.socket);
  }

  #fail(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const error = restError(thrown);
    if (error.kind === 'internal') this.#deps.onFault?.(thrown, request.url);
    const { status, body, headers } = errorAnswer(error);
    reply.code(status).headers(headers).type('application/json; charset=utf-8').send(JSON.stringify(body));
  }

  #methodsAt(path: string): readonly string[] {
    const methods = this.#routes.filter((route) => templatePattern(route.path).test(path)).map((route) => route.method);
    return [...new Set<string>(path === EVENTS_PATH ? [...methods, 'GET'] : methods)];
  }
}

const pathOf = ({ url }: FastifyRequest): string => url.split('?', 1)[0] ?? '';

/** Nothing at this path, or nothing by this method. */
function notOffered(request: FastifyRequest, methods: readonly string[]): MeshError {
  const path = pathOf(request);
  if (methods.length === 0)
    return new MeshError('not-found', `there is nothing at ${path}; ${PREFIX}/openapi.json lists what is`);
  return new MeshError('method-not-allowed', `${request.method} is not offered at ${path}; ${methods.join(', ')} is`);
}

/** Reads JSON as the framework does, and says where a body is none. */
function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, text, done) => {
    const coding = request.headers['content-encoding'];
    if (coding === undefined || coding === 'identity')
      void parse(request, text, (error, value) => done(error && whereNoJson(text, error), value));
    else
      done(
        new MeshError(
          'unsupported-encoding',
          `content-encoding ${JSON.stringify(coding)} is not supported here; send the body as it is`,
        ),
      );
  });
}

function whereNoJson(text: string, error: Error): Error {
  try {
    JSON.parse(text);
    return error;
  } catch (thrown) {
    return new MeshError(
      'invalid-argument',
      `the body is not JSON: ${thrown instanceof Error ? thrown.message : 'it cannot be read'}`,
    );
  }
}

/** What HTTP/1.1's parser cannot read never becomes a request; the connection is one of the bridge's and serves nothing else. */
function refuseUnreadable({ message }: Error, socket: Writable): void {
  if (!socket.writable) return;
  const { status, body } = errorAnswer(new MeshError('invalid-argument', `the request cannot be read: ${message}`));
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} Bad Request`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}

/** The router's form of an OpenAPI template. A parameter before a colon takes everything up to the last one. */
function routerPath(path: string): string {
  return path.replace(/\{(\w+)\}:/, ':$1(^.+)::').replace(/\{(\w+)\}/, ':$1');
}

const templatePattern = (path: string): RegExp => new RegExp(`^${path.replace(/\{\w+\}/, '[^/]+')}$`);

function nameOf(route: AnyRoute, { params }: FastifyRequest): string {
  const parameter = parameterOf(route.path);
  if (parameter === undefined) return '';
  const value: unknown = Reflect.get(Object(params), parameter);
  return typeof value === 'string' ? value : '';
}

function lastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined;
  if (typeof header === 'string' && /^\d{1,15}$/.test(header)) return Number(header);
  throw new MeshError('invalid-argument', `last-event-id: got ${JSON.stringify(header)}, expected the id of an event`);
}
