import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { type Clock, durationMs, toMeshError } from '@modelmesh/core';
import type { AdminListenerConfig } from '../config/index.ts';
import type { Log } from '../log/index.ts';
import { cannotListen } from '../sockets/index.ts';

/** Connections of one port: probes, scrapes and hooks are few. Further ones are closed at once. */
export const ADMIN_CONNECTIONS_MAX = 256;
/** Until the headers of a request are complete. */
const HEADERS_TIMEOUT_MS = 10_000;
const HEADER_BYTES_MAX = 16_384;
/** How long answers that were begun may take to leave once the port closes. */
const LAST_ANSWERS_MS = 500;

/** An answer in full. */
export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
}

/** Answers one path. `gone` aborts when the client has left. */
export type AdminRoute = (query: URLSearchParams, gone: AbortSignal) => AdminAnswer | Promise<AdminAnswer>;

/** A listening port of an operator's tool. */
export interface AdminServer {
  readonly address: { readonly host: string; readonly port: number };
  /** Under TLS: new connections see this certificate. */
  useTls(material: SecureContextOptions): void;
  /** Takes no more requests, lets answers that are on their way leave, and ends all connections. */
  close(): Promise<void>;
}

/** What such a port needs. */
export interface AdminServerParts {
  readonly listener: AdminListenerConfig;
  readonly routes: ReadonlyMap<string, AdminRoute>;
  /** `null`: plain HTTP. */
  readonly tls: SecureContextOptions | null;
  readonly clock: Clock;
  readonly log: Log;
}

/** Opens a port that speaks HTTP/1.1. @throws {MeshError} `failed-precondition` if it cannot be opened; the message says what to do. */
export async function startAdminServer({ listener, routes, tls, clock, log }: AdminServerParts): Promise<AdminServer> {
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    response.on('close', () => {
      if (!server.listening) server.closeIdleConnections();
    });
    void answer(request, response, routes, log);
  };
  const options = { headersTimeout: HEADERS_TIMEOUT_MS, maxHeaderSize: HEADER_BYTES_MAX, noDelay: true };
  const secure = tls === null ? null : createTlsServer({ ...options, ...tls }, serve);
  const server: Server | TlsServer = secure ?? createServer(options, serve);
  server.maxConnections = ADMIN_CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(error, listener)));
    server.listen(listener.port, listener.host, resolve);
  });
  server.on('error', (error) => log.error('accept-failed', 'a connection was not accepted', { error }));
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? { host: address.address, port: address.port } : listener;
  return {
    address: bound,
    useTls: (material) => secure?.setSecureContext(material),
    close: () =>
      new Promise((resolve) => {
        const last = clock.after(durationMs(LAST_ANSWERS_MS), () => server.closeAllConnections());
        server.close(() => {
          last.cancel();
          resolve();
        });
        // An answer that is written from now on ends its connection.
        server.closeIdleConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: ReadonlyMap<string, AdminRoute>,
  log: Log,
): Promise<void> {
  request.resume();
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  // A target that is no path, such as `*`, is looked for like any other.
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const route = routes.get(path);
  try {
    if (route === undefined)
      send(request, response, { status: 404, body: `not found; there is ${[...routes.keys()].join(', ')}\n` });
    else if (request.method !== 'GET' && request.method !== 'HEAD') send(request, response, { status: 405, body: 'only GET\n' });
    else send(request, response, await route(new URLSearchParams(query), gone.signal));
  } catch (error) {
    if (gone.signal.aborted) return;
    const mesh = toMeshError(error);
    log.error('admin-fault', `an answer to ${path} met a fault of ours`, { error: mesh.cause ?? mesh });
    send(request, response, { status: 500, body: `${mesh.message}\n` });
  }
}

function send(request: IncomingMessage, response: ServerResponse, { status, body, contentType }: AdminAnswer): void {
  if (response.destroyed) return;
  const headers = { 'content-type': contentType ?? 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, status === 405 ? { ...headers, allow: 'GET, HEAD' } : headers);
  response.end(request.method === 'HEAD' ? undefined : body);
}
