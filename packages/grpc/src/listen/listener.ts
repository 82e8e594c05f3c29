import { createServer, type Server, type Socket } from 'node:net';
import { type Clock, type DurationMs, MeshError } from '@modelmesh/core';
import { refuseHeaders } from '../call/index.ts';
import type { AcceptStream, ServerConnection, StreamEngine, StreamLimits } from '../stream/index.ts';
import { connectionInfoOf } from './connection-info.ts';

/** Where a listener listens; port 0 takes any free one. */
export type ListenTarget =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** Connections that one listener holds at once; further ones are closed at once. */
const CONNECTIONS_MAX = 10_000;

/** The longest path of a unix socket that every system takes, in bytes: 104 with the final zero on macOS. */
export const UNIX_PATH_BYTES_MAX = 103;

/** What a listener passes its connections to. */
export interface ListenOptions {
  readonly engine: StreamEngine;
  readonly limits: StreamLimits;
  readonly accept: AcceptStream;
}

/** A listening socket that speaks nothing but HTTP/2, without TLS: a runtime's, or a test's. */
export class Listener {
  readonly #server: Server;
  readonly #options: ListenOptions;
  readonly #connections = new Set<ServerConnection>();
  #drained: (() => void) | undefined = undefined;

  constructor(options: ListenOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** The port, or 0 on a unix socket. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** @throws {MeshError} `invalid-argument` for a path that is too long, `failed-precondition` if the address cannot be taken. */
  listen(target: ListenTarget): Promise<void> {
    if (target.kind === 'unix' && Buffer.byteLength(target.path) > UNIX_PATH_BYTES_MAX) {
      const sentence = `the unix socket path ${target.path} is longer than ${UNIX_PATH_BYTES_MAX} bytes; use a shorter directory`;
      return Promise.reject(new MeshError('invalid-argument', sentence));
    }
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        reject(new MeshError('failed-precondition', `cannot listen on ${describe(target)}: ${error.message}`, { cause: error }));
      });
      this.#server.listen(target.kind === 'unix' ? { path: target.path } : { host: target.host, port: target.port }, resolve);
    });
  }

  /** Takes no new connection, lets calls end for `graceMs`, then ends the rest. */
  async close(clock: Clock, graceMs: DurationMs): Promise<void> {
    this.#server.close();
    if (this.#connections.size === 0) return;
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    for (const connection of this.#connections) connection.drain();
    const timer = clock.after(graceMs, () => {
      for (const connection of this.#connections) connection.destroy();
    });
    await drained;
    timer.cancel();
  }

  #accept(socket: Socket): void {
    const { engine, limits, accept } = this.#options;
    const connection = engine.serve(socket, connectionInfoOf(socket), limits, accept, refuseHeaders);
    this.#connections.add(connection);
    connection.onClose = () => {
      this.#connections.delete(connection);
      if (this.#connections.size === 0) this.#drained?.();
    };
  }
}

const describe = (target: ListenTarget): string => (target.kind === 'unix' ? target.path : `${target.host}:${target.port}`);
