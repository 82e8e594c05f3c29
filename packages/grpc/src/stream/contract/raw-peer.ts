import { createServer, type Server, type Socket } from 'node:net';
import { listen } from './pair.ts';

const PREFACE_BYTES = 24;
const FRAME_HEADER_BYTES = 9;
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, goaway: 7 } as const;
const FLAG_ACK = 1;
const FLAG_END_STREAM = 1;
const FLAG_END_HEADERS = 4;

function frame(type: number, flags: number, payload: Buffer, streamId = 0): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** What a client says first: the preface and its settings. Source: RFC 9113 §3.4. */
export const clientPreface = (): Buffer =>
  Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'), frame(TYPE.settings, 0, Buffer.alloc(0))]);

/** A HEADERS frame of short fields, none of them compressed. Sources: RFC 9113 §6.2, RFC 7541 §6.2.2. */
export function headersFrame(streamId: number, fields: readonly string[], end = false): Buffer {
  const literal = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')]);
  const block = fields.flatMap((text, at) => (at % 2 === 0 ? [Buffer.from([0]), literal(text)] : [literal(text)]));
  return frame(TYPE.headers, FLAG_END_HEADERS | (end ? FLAG_END_STREAM : 0), Buffer.concat(block), streamId);
}

/** A DATA frame. Source: RFC 9113 §6.1. */
export const dataFrame = (streamId: number, text: string, end: boolean): Buffer =>
  frame(TYPE.data, end ? FLAG_END_STREAM : 0, Buffer.from(text, 'latin1'), streamId);

/** A RST_STREAM frame. Source: RFC 9113 §6.4. */
export function resetFrame(streamId: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code, 0);
  return frame(TYPE.reset, 0, payload, streamId);
}

/** A GOAWAY frame. Source: RFC 9113 §6.8. */
export function goawayFrame(lastStreamId: number, code: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStreamId, 0);
  payload.writeUInt32BE(code, 4);
  return frame(TYPE.goaway, 0, payload);
}

/** A server that answers settings and nothing else, so that a test can say at frame level what a well-behaved engine never would. */
export class RawPeer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  #headersSeen = 0;
  #waiting: { readonly count: number; readonly resolve: (socket: Socket) => void } | undefined = undefined;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async listen(): Promise<RawPeer> {
    const server = createServer((socket) => peer.#accept(socket));
    const port = await listen(server);
    const peer = new RawPeer(server, port);
    return peer;
  }

  /** The socket on which `count` HEADERS frames have come. */
  untilHeaders(count: number): Promise<Socket> {
    return new Promise((resolve) => {
      this.#waiting = { count, resolve };
      const [socket] = this.#sockets;
      if (socket !== undefined) this.#look(socket);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #accept(socket: Socket): void {
    this.#sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write(frame(TYPE.settings, 0, Buffer.alloc(0)));
    let pending = Buffer.alloc(0);
    let prefaceSeen = false;
    socket.on('data', (bytes) => {
      pending = Buffer.concat([pending, typeof bytes === 'string' ? Buffer.from(bytes) : bytes]);
      if (!prefaceSeen && pending.length >= PREFACE_BYTES) {
        prefaceSeen = true;
        pending = pending.subarray(PREFACE_BYTES);
      }
      while (prefaceSeen && pending.length >= FRAME_HEADER_BYTES) {
        const length = FRAME_HEADER_BYTES + pending.readUIntBE(0, 3);
        if (pending.length < length) return;
        this.#frame(socket, pending[3] ?? 0, pending[4] ?? 0);
        pending = pending.subarray(length);
      }
    });
  }

  #frame(socket: Socket, type: number, flags: number): void {
    if (type === TYPE.settings && (flags & FLAG_ACK) === 0) socket.write(frame(TYPE.settings, FLAG_ACK, Buffer.alloc(0)));
    if (type !== TYPE.headers) return;
    this.#headersSeen += 1;
    this.#look(socket);
  }

  #look(socket: Socket): void {
    if (this.#waiting === undefined || this.#headersSeen < this.#waiting.count) return;
    this.#waiting.resolve(socket);
    this.#waiting = undefined;
  }
}
