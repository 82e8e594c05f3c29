import type { Socket } from 'node:net';
import { MeshError } from '@modelmesh/core';
import {
  Connection,
  type ConnectionEnd,
  type ConnectionEvents,
  type FieldBlock,
  type H2Stream,
  HEADER_EXCESS_BYTES_MAX,
  type LimitName,
  type StreamEvents,
} from '@modelmesh/h2/connection';
import type { AcceptStream, ConnectionInfo, RefuseStream, ServerConnection, StreamLimits } from '../port.ts';
import type { FrameSetup } from './engine.ts';
import { SocketLink } from './socket-link.ts';

/** Where new streams go. */
export interface StreamDoors {
  readonly accept: AcceptStream;
  /** For those whose header list is over the limit; they are reset without it. */
  readonly refuse: RefuseStream | undefined;
}

/** One accepted connection, on frames. */
export class FrameServerConnection implements ServerConnection, ConnectionEvents {
  readonly info: ConnectionInfo;
  onClose: (() => void) | undefined = undefined;
  readonly #doors: StreamDoors;
  readonly #limits: StreamLimits;
  readonly #setup: FrameSetup;
  readonly #connection: Connection;
  readonly #link: SocketLink;

  constructor(socket: Socket, info: ConnectionInfo, setup: FrameSetup, doors: StreamDoors) {
    this.info = info;
    this.#doors = doors;
    this.#limits = setup.limits;
    this.#setup = setup;
    this.#connection = new Connection({
      side: 'server',
      events: this,
      budget: setup.budget,
      limits: setup.connectionLimits,
      nowMs: setup.turns.nowMs(),
      makeLedger: setup.makeLedger,
    });
    this.#link = new SocketLink(socket, this.#connection, setup.turns);
    socket.once('close', () => this.onClose?.());
    setup.turns.needs(this.#link);
  }

  get streamCount(): number {
    return this.#connection.streamCount;
  }

  drain(): void {
    this.#connection.drain();
  }

  destroy(): void {
    this.#link.endAtOnce();
    this.#connection.close();
  }

  onStream(stream: H2Stream, headers: FieldBlock, end: boolean): StreamEvents {
    return this.#doors.accept(stream, headers, end, this);
  }

  onTooLong(stream: H2Stream, headers: FieldBlock, end: boolean, listBytes: number): StreamEvents | undefined {
    const { headerListBytesMax: max } = this.#limits;
    if (this.#doors.refuse === undefined || listBytes > max + HEADER_EXCESS_BYTES_MAX) return undefined;
    const message = `a header list of ${listBytes} bytes is above the limit of ${max} bytes (headerListBytesMax)`;
    return this.#doors.refuse(stream, headers, end, new MeshError('too-large', message));
  }

  onReady(): void {
    // Nothing waits for the settings of a client.
  }

  onRoom(): void {
    // A server opens no streams.
  }

  onGoaway(): void {
    // A client that goes ends its streams or lets them end.
  }

  onPong(): void {
    // A server asks for none.
  }

  onLimit(limit: LimitName): void {
    this.#setup.onLimit?.(limit);
  }

  onWork(): void {
    this.#setup.turns.needs(this.#link);
  }

  onOver(_end: ConnectionEnd): void {
    // The link ends the socket once the last words are written, and its end is told by it.
  }
}
