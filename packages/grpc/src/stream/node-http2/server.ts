import {
  type Http2Session,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import { MeshError } from '@modelmesh/core';
import { headerBlock } from '../header-block.ts';
import {
  type AcceptStream,
  type ConnectionInfo,
  type HeaderBlock,
  RESET_CODE,
  type RefuseStream,
  type ResetCause,
  type ServerConnection,
  type StreamLimits,
} from '../port.ts';
import { SILENT } from '../silent.ts';
import { BoundStream, type Carrier, type StreamSetup } from './bound-stream.ts';
import { sessionOptions } from './session-options.ts';

const END_STREAM_FLAG = 0x1;

/** `sendDate` is missing in the type declarations of `node:http2`; without it every answer would carry a date that nobody asked for. */
type RespondOptions = ServerStreamResponseOptions & { readonly sendDate: boolean };

/** Where new streams go. */
export interface StreamDoors {
  readonly accept: AcceptStream;
  /** For those whose header list is over the limit; they are reset without it. */
  readonly refuse: RefuseStream | undefined;
}

/** The block as the object that `sendTrailers` of `node:http2` wants; equal names become lists in their order. */
function toHeaderObject(block: HeaderBlock): Record<string, string | string[]> {
  const fields = block.raw();
  const object: Record<string, string | string[]> = {};
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? '';
    const value = fields[at + 1] ?? '';
    const known = object[name];
    if (known === undefined) object[name] = value;
    else object[name] = Array.isArray(known) ? [...known, value] : [known, value];
  }
  return object;
}

/** The server's half: one request and its answer. */
class ServerStream extends BoundStream<ServerHttp2Stream> {
  #trailersToSend: HeaderBlock | undefined = undefined;
  /** The engine has taken everything that ends our direction. */
  #flushed = false;

  start(
    native: ServerHttp2Stream,
    headers: HeaderBlock,
    end: boolean,
    doors: StreamDoors,
    connection: NodeServerConnection,
  ): void {
    this.bind(native, connection);
    const excess = this.excessOf(headers);
    if (excess !== undefined && doors.refuse === undefined) {
      this.break(excess);
      return;
    }
    native.on('wantTrailers', onWantTrailers);
    (native as Trailing)[SERVER] = this;
    this.handler =
      excess !== undefined && doors.refuse !== undefined
        ? doors.refuse(this, headers, end, new MeshError('too-large', excess))
        : doors.accept(this, headers, end, connection);
    this.headersReceived(end);
  }

  override sendHeaders(headers: HeaderBlock, end: boolean): void {
    const native = this.native;
    if (native === undefined || native.headersSent || this.over || this.resetCode !== undefined) return;
    if (end) {
      this.sendEnded = true;
      this.#flushed = true;
    }
    const options: RespondOptions = { endStream: end, waitForTrailers: !end, sendDate: false };
    try {
      native.respond([...headers.raw()], options);
    } catch {
      this.#refusedBlock();
    }
  }

  override sendTrailers(trailers: HeaderBlock): void {
    const native = this.native;
    if (native === undefined || this.sendEnded || this.over || this.resetCode !== undefined) return;
    this.sendEnded = true;
    this.#trailersToSend = trailers;
    native.end();
  }

  /** The engine has sent all data and waits for the trailing block; without one it ends the direction with an empty frame. */
  flushTrailers(): void {
    const native = this.native;
    this.#flushed = true;
    if (native === undefined || native.destroyed || native.closed) return;
    const block = this.#trailersToSend;
    try {
      native.sendTrailers(block === undefined ? {} : toHeaderObject(block));
    } catch {
      this.#refusedBlock();
    }
    // The engine sends the block in the next immediate; a graceful reset has to stand behind it.
    if (this.resetCode === RESET_CODE.noError) setImmediate(closeQuietly, native);
  }

  override reset(code: number): void {
    if (this.over || this.resetCode !== undefined) return;
    const native = this.native;
    const graceful = code === RESET_CODE.noError && this.sendEnded && native !== undefined && !native.destroyed;
    if (!graceful) super.reset(code);
    else if (this.#flushed) {
      this.resetCode = code;
      setImmediate(closeQuietly, native);
    } else this.resetCode = code;
  }

  /** A block that the engine refuses to send (an invalid name or value) ends the stream instead of the process. */
  #refusedBlock(): void {
    super.reset(RESET_CODE.internalError);
  }
}

function closeQuietly(native: ServerHttp2Stream): void {
  if (!native.destroyed) native.close(RESET_CODE.noError);
}

const SERVER: unique symbol = Symbol('server stream');
type Trailing = ServerHttp2Stream & { [SERVER]: ServerStream };
function onWantTrailers(this: ServerHttp2Stream): void {
  (this as Trailing)[SERVER].flushTrailers();
}

/** One accepted connection on a `node:http2` server session. */
export class NodeServerConnection implements ServerConnection, Carrier {
  readonly info: ConnectionInfo;
  onClose: (() => void) | undefined = undefined;
  readonly #session: ServerHttp2Session;
  #streamCount = 0;
  #failure = 'the connection was closed';
  #destroyed = false;

  constructor(socket: Socket, info: ConnectionInfo, setup: StreamSetup, doors: StreamDoors) {
    const { limits } = setup;
    this.info = info;
    const session = performServerHandshake(socket, sessionOptions(limits, 'server'));
    this.#session = session;
    growConnectionWindow(session, limits);
    session.on('error', (error: Error) => {
      this.#failure = error.message;
    });
    session.on('close', () => this.onClose?.());
    session.on('stream', (native, _headers, flags, raw) => {
      const { isTight } = setup.budget;
      if (isTight) setup.budget.refuses();
      if (native.destroyed || isTight) {
        // A stream that its client has reset already still tells its error, to which nobody else would listen.
        native.on('error', () => undefined);
        native.close(RESET_CODE.refusedStream);
        return;
      }
      this.#streamCount += 1;
      const end = (flags & END_STREAM_FLAG) !== 0;
      new ServerStream(SILENT, setup).start(native, headerBlock(raw), end, doors, this);
    });
  }

  get streamCount(): number {
    return this.#streamCount;
  }

  drain(): void {
    this.#session.close();
  }

  destroy(): void {
    this.#destroyed = true;
    this.#session.destroy();
  }

  get isDestroyed(): boolean {
    return this.#session.destroyed;
  }

  causeOf(_streamId: number, code: number): ResetCause {
    if (this.#destroyed) return { kind: 'local-reset', code: RESET_CODE.cancel };
    if (this.#session.destroyed) return { kind: 'connection-lost', message: this.#failure };
    return { kind: 'peer-reset', code };
  }

  streamGone(): void {
    this.#streamCount -= 1;
  }
}

/** Widens the window of the connection, whose default of 65 535 bytes one stream alone would fill. */
export function growConnectionWindow(session: Http2Session, limits: StreamLimits): void {
  session.setLocalWindowSize(limits.connectionWindowBytes);
}
