import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Clock, type DurationMs, durationMs, MeshError, type Timer } from '@modelmesh/core';
import { UNIX_PATH_BYTES_MAX } from '@modelmesh/grpc/listen';
import type { AcceptStream, StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import type { LimitsConfig, ListenerConfig, TlsConfig } from '../../config/index.ts';
import type { Log } from '../../log/index.ts';
import { cannotListen } from '../../sockets/index.ts';
import type { ConnectionLoads } from './connection-loads.ts';
import { Http1Door } from './http1-door.ts';
import { Http2Door } from './http2-door.ts';
import { type Protocol, sniff } from './sniff.ts';
import { TlsDoor } from './tls-door.ts';

/** What a listener does with streams of HTTP/2 and requests of HTTP/1.1. */
export interface ListenerHandlers {
  readonly accept: AcceptStream;
  /** `awaitsContinue`: the client sends the body only after `100 Continue`. */
  onRequest(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void;
}

/** How long a connection may take before it has shown that it means it. */
export interface ListenerTimeouts {
  /** Until its first bytes say which protocol it speaks. */
  readonly sniffMs: DurationMs;
  readonly tlsHandshakeMs: DurationMs;
  /** Until the headers of a request of HTTP/1.1 are complete. */
  readonly headersMs: DurationMs;
}

/** Generous for people on bad lines, short enough that silent connections do not pile up. */
export const LISTENER_TIMEOUTS: ListenerTimeouts = {
  sniffMs: durationMs(10_000),
  tlsHandshakeMs: durationMs(10_000),
  headersMs: durationMs(20_000),
};

/** Limits of connections that may change while a listener is open. */
export type ConnectionLimits = Pick<LimitsConfig, 'connectionsMax' | 'connectionAgeMaxMs' | 'connectionAgeGraceMs'>;

/** What a listener needs. */
export interface ListenOptions {
  readonly config: ListenerConfig;
  /** Taken where `config` asks for TLS. */
  readonly tls: TlsConfig | null;
  readonly limits: ConnectionLimits & Pick<LimitsConfig, 'headerListBytesMax'>;
  readonly streamLimits: StreamLimits;
  readonly engine: StreamEngine;
  readonly clock: Clock;
  readonly log: Log;
  readonly handlers: ListenerHandlers;
  /** Other threads of this process listen at the same port; each connection goes to one of them. */
  readonly sharesPort?: boolean;
  /** Keeps the HTTP/2 connections of a worker that is one of several. */
  readonly loads?: ConnectionLoads;
  readonly timeouts?: ListenerTimeouts;
}

/** A listening port. */
export interface RunningListener {
  /** Where it listens; port 0 on a unix socket, whose path is the host. */
  readonly address: { readonly host: string; readonly port: number };
  /** Connections that are open, and that were closed at once because there were `connectionsMax` already. */
  counts(): { readonly open: number; readonly refused: number };
  /** Other certificate files. @throws {MeshError} `invalid-argument` if they cannot be used: the old ones stay in force. */
  useTls(config: TlsConfig): void;
  /** How many connections there may be at a time, and for how long each. */
  setLimits(limits: ConnectionLimits): void;
  /**
   * Takes no new connection, lets calls end for `graceMs`, then ends the rest. Requests of HTTP/1.1 that are not complete after
   * `incompleteMs` are refused.
   */
  close(graceMs: DurationMs, incompleteMs?: DurationMs): Promise<void>;
}

/**
 * Listens on one port for gRPC and REST, over HTTP/2 and HTTP/1.1: told apart by the first bytes, or by ALPN under TLS. A listener with
 * TLS speaks nothing else.
 *
 * @throws {MeshError} `failed-precondition` if the port is taken or may not be used, `invalid-argument` for unusable TLS files or a unix
 * socket whose path is too long; the message says what to do
 */
export async function listen(options: ListenOptions): Promise<RunningListener> {
  const listener = new Listener(options);
  try {
    await listener.open();
  } catch (error) {
    listener.release();
    throw error;
  }
  return listener;
}

class Listener implements RunningListener {
  readonly #options: ListenOptions;
  readonly #timeouts: ListenerTimeouts;
  readonly #server: Server;
  readonly #tls: TlsDoor | null;
  readonly #http1: Http1Door;
  readonly #http2: Http2Door;
  readonly #sockets = new Set<Socket>();
  /** Connections that have not yet shown what they speak, with the timers that end them. */
  readonly #undecided = new Map<Socket, Timer>();
  #refused = 0;
  #onEmpty: (() => void) | undefined;

  constructor(options: ListenOptions) {
    const { config, limits, handlers, clock, log, engine, streamLimits } = options;
    this.#options = options;
    this.#timeouts = options.timeouts ?? LISTENER_TIMEOUTS;
    this.#tls = config.tls ? this.#tlsDoor(options) : null;
    this.#http1 = new Http1Door({
      headerBytesMax: limits.headerListBytesMax,
      headersTimeoutMs: this.#timeouts.headersMs,
      onRequest: (request, response, awaitsContinue) => handlers.onRequest(request, response, awaitsContinue),
    });
    this.#http2 = new Http2Door({
      engine,
      limits: streamLimits,
      clock,
      accept: handlers.accept,
      age: limits,
      loads: options.loads,
    });
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#connected(socket));
    this.#server.maxConnections = limits.connectionsMax;
    this.#server.on('drop', (facts) => {
      this.#refused += 1;
      log.warn('connection-refused', `there are ${this.#server.maxConnections} connections already (limits.connectionsMax)`, {
        remoteAddress: facts?.remoteAddress,
      });
    });
  }

  get address(): { readonly host: string; readonly port: number } {
    const address = this.#server.address();
    if (typeof address === 'object' && address !== null) return { host: address.address, port: address.port };
    return { host: this.#options.config.socketPath ?? this.#options.config.host, port: 0 };
  }

  counts(): { readonly open: number; readonly refused: number } {
    return { open: this.#sockets.size, refused: this.#refused };
  }

  useTls(config: TlsConfig): void {
    this.#tls?.use(config);
  }

  setLimits(limits: ConnectionLimits): void {
    this.#server.maxConnections = limits.connectionsMax;
    this.#http2.setAge(limits);
  }

  open(): Promise<void> {
    const { host, port, socketPath } = this.#options.config;
    if (socketPath !== undefined && Buffer.byteLength(socketPath) > UNIX_PATH_BYTES_MAX) {
      const sentence = `the unix socket path ${socketPath} is longer than ${UNIX_PATH_BYTES_MAX} bytes; use a shorter folder`;
      throw new MeshError('invalid-argument', sentence);
    }
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => reject(cannotListen(error, this.#options.config));
      this.#server.once('error', failed);
      const reusePort = this.#options.sharesPort === true;
      this.#server.listen(socketPath === undefined ? { host, port, reusePort } : { path: socketPath }, () => {
        this.#server.off('error', failed);
        // Running out of file descriptors while accepting is no reason to end.
        this.#server.on('error', (error) => this.#options.log.error('accept-failed', 'a connection was not accepted', { error }));
        resolve();
      });
    });
  }

  /** Lets go of what is held without listening. */
  release(): void {
    this.#tls?.close();
    this.#http1.drain();
  }

  async close(graceMs: DurationMs, incompleteMs: DurationMs = graceMs): Promise<void> {
    this.#server.close();
    this.release();
    this.#http2.drain();
    for (const socket of this.#undecided.keys()) socket.destroy();
    if (this.#sockets.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    const timer = this.#options.clock.after(graceMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    const incomplete = this.#options.clock.after(incompleteMs, () => this.#http1.refuseIncomplete());
    await empty;
    incomplete.cancel();
    timer.cancel();
  }

  #tlsDoor({ tls, clock, log, config }: ListenOptions): TlsDoor {
    if (tls === null)
      throw new MeshError('invalid-argument', `the listener on port ${config.port} speaks TLS and has no certificate`);
    const onSecure = (socket: TLSSocket): void => this.#secured(socket);
    return new TlsDoor({ config: tls, clock, log, handshakeTimeoutMs: this.#timeouts.tlsHandshakeMs, onSecure });
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket);
    // Whoever takes the socket over reports errors that matter; a lost connection is none.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onEmpty?.();
    });
    this.#decide(socket, (protocol) => {
      if (this.#tls === null) this.#serve(socket, protocol);
      else if (protocol === 'tls') this.#tls.accept(fullClosing(socket));
      else refusePlaintext(socket, protocol);
    });
  }

  #secured(socket: TLSSocket): void {
    socket.on('error', () => {});
    if (socket.alpnProtocol === 'h2') this.#serve(socket, 'http2');
    else if (socket.alpnProtocol === 'http/1.1') this.#serve(socket, 'http1');
    else this.#decide(socket, (protocol) => this.#serve(socket, protocol));
  }

  #serve(socket: Socket, protocol: Protocol): void {
    switch (protocol) {
      case 'http2':
        this.#http2.accept(fullClosing(socket));
        return;
      case 'http1':
        this.#http1.accept(socket);
        return;
      case 'tls':
        this.#options.log.debug('tls-unexpected', 'a client spoke TLS where it is not spoken');
        socket.destroy();
    }
  }

  #decide(socket: Socket, decided: (protocol: Protocol) => void): void {
    this.#undecided.set(
      socket,
      this.#options.clock.after(this.#timeouts.sniffMs, () => socket.destroy()),
    );
    const settle = (): void => {
      this.#undecided.get(socket)?.cancel();
      this.#undecided.delete(socket);
    };
    socket.once('close', settle);
    sniff(socket, (protocol) => {
      settle();
      socket.off('close', settle);
      decided(protocol);
    });
  }
}

/** HTTP/1.1 alone knows a client that has said everything and still listens. */
function fullClosing(socket: Socket): Socket {
  socket.allowHalfOpen = false;
  return socket;
}

const PLAINTEXT_ANSWER = JSON.stringify({ error: 'this port speaks TLS only: use https' });

/** A client of HTTP/1.1 is told; one of HTTP/2 sees the connection end, as it would not read a sentence. */
function refusePlaintext(socket: Socket, protocol: Protocol): void {
  if (protocol !== 'http1') {
    socket.destroy();
    return;
  }
  const head = `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: ${PLAINTEXT_ANSWER.length}\r\nconnection: close`;
  socket.end(`${head}\r\n\r\n${PLAINTEXT_ANSWER}`, 'latin1', () => socket.destroy());
}
