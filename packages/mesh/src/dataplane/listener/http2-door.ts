import type { Socket } from 'node:net';
import type { Clock, DurationMs } from '@modelmesh/core';
import { refuseHeaders } from '@modelmesh/grpc/call';
import { connectionInfoOf } from '@modelmesh/grpc/listen';
import type { AcceptStream, ServerConnection, StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import type { ConnectionLoads } from './connection-loads.ts';

/** What a door for HTTP/2 needs. */
export interface Http2DoorParts {
  readonly engine: StreamEngine;
  readonly limits: StreamLimits;
  readonly clock: Clock;
  readonly accept: AcceptStream;
  readonly age: ConnectionAge;
  /** Keeps the connections of a worker that is one of several. */
  readonly loads: ConnectionLoads | undefined;
}

/** How long a connection lives. */
export interface ConnectionAge {
  /** A connection of this age is drained; `null`: never. */
  readonly connectionAgeMaxMs: DurationMs | null;
  /** It is ended this much later; `null`: when its last stream is over. */
  readonly connectionAgeGraceMs: DurationMs | null;
}

/** Serves HTTP/2 on sockets that are handed to it. */
export class Http2Door {
  readonly #parts: Http2DoorParts;
  readonly #connections = new Set<ServerConnection>();
  #age: ConnectionAge;

  constructor(parts: Http2DoorParts) {
    this.#parts = parts;
    this.#age = parts.age;
  }

  /** How long connections live that are made from now on. */
  setAge(age: ConnectionAge): void {
    this.#age = age;
  }

  /** Serves a socket, whose first bytes may have been read and unshifted. */
  accept(socket: Socket): void {
    const { engine, limits, accept, clock, loads } = this.#parts;
    const { connectionAgeMaxMs: ageMaxMs, connectionAgeGraceMs: ageGraceMs } = this.#age;
    const connection = engine.serve(socket, connectionInfoOf(socket), limits, accept, refuseHeaders);
    this.#connections.add(connection);
    loads?.add(connection);
    let aging = ageMaxMs === null ? undefined : clock.after(ageMaxMs, grow);
    connection.onClose = () => {
      aging?.cancel();
      this.#connections.delete(connection);
      loads?.remove(connection);
    };
    function grow(): void {
      connection.drain();
      if (ageGraceMs !== null) aging = clock.after(ageGraceMs, () => connection.destroy());
    }
  }

  /** GOAWAY to everyone; each connection ends with its last stream. */
  drain(): void {
    for (const connection of this.#connections) connection.drain();
  }
}
