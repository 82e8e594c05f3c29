import type { Socket } from 'node:net';
import type { Connection } from '@modelmesh/h2/connection';
import type { Turns } from './turns.ts';

/** Carries octets between a socket and the connection on it; what is to be sent goes once a turn. */
export class SocketLink {
  readonly #socket: Socket;
  readonly #connection: Connection;
  readonly #turns: Turns;
  #isEnding = false;
  #endsAtOnce = false;

  constructor(socket: Socket, connection: Connection, turns: Turns) {
    this.#socket = socket;
    this.#connection = connection;
    this.#turns = turns;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Uint8Array) => this.#received(bytes));
    socket.on('drain', () => this.#drained());
    // Whoever ends writing ends the connection: HTTP/2 needs both directions.
    socket.on('end', () => this.#gone('the other side closed the connection'));
    socket.on('error', (error) => {
      this.#gone(error.message);
      socket.destroy();
    });
    socket.on('close', () => this.#gone('the connection was closed'));
    // Whoever looked at its first bytes has stopped it.
    socket.resume();
    turns.add(this);
  }

  /** Delivers what is owed and writes what waits. */
  flush(): void {
    const connection = this.#connection;
    connection.deliver();
    let pieces = connection.take();
    while (pieces.length > 0) {
      if (!this.#write(pieces)) {
        connection.congested(this.#turns.nowMs());
        break;
      }
      connection.pump();
      pieces = connection.take();
    }
    if (connection.isOver) this.#end();
  }

  sweep(nowMs: number): void {
    this.#connection.sweep(nowMs);
  }

  /** Ends the socket now. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** The socket ends with the last octet that is written, whatever the other side says meanwhile. */
  endAtOnce(): void {
    this.#endsAtOnce = true;
  }

  #write(pieces: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    if (!socket.writable) return true;
    const [only] = pieces;
    if (pieces.length === 1 && only !== undefined) return socket.write(only);
    socket.cork();
    let hasRoom = true;
    for (const piece of pieces) hasRoom = socket.write(piece);
    socket.uncork();
    return hasRoom;
  }

  #received(bytes: Uint8Array): void {
    const turns = this.#turns;
    turns.begin();
    try {
      this.#connection.receive(bytes, turns.nowMs());
    } finally {
      turns.end();
    }
    turns.garbage.read(bytes.byteLength);
  }

  #drained(): void {
    const turns = this.#turns;
    turns.begin();
    try {
      this.#connection.relieved(turns.nowMs());
      turns.needs(this);
    } finally {
      turns.end();
    }
  }

  #gone(message: string): void {
    const turns = this.#turns;
    turns.remove(this);
    turns.begin();
    try {
      this.#connection.lost(message);
      turns.needs(this);
    } finally {
      turns.end();
    }
  }

  /**
   * The connection is over: its last words go out, and then the socket. What still comes is read and dropped for a while, since a socket that is
   * closed with octets unread takes back those that the other side has not read.
   */
  #end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (this.#endsAtOnce) {
      this.#turns.remove(this);
      socket.destroySoon();
      return;
    }
    socket.end();
    this.#turns.linger(this);
  }
}
