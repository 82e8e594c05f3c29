import { constants, type Http2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import { headerBlock, headerListBytes } from '../header-block.ts';
import type { EngineLimitName } from '../limits.ts';
import { PoisonLedger } from '../ownership.ts';
import {
  type ByteStream,
  CREDIT_SLACK,
  type HeaderBlock,
  RESET_CODE,
  type ResetCause,
  type StreamHandler,
  type StreamLimits,
} from '../port.ts';
import type { Evictable, ReceiveBudget } from '../receive-budget.ts';
import { SILENT } from '../silent.ts';

/** What a stream asks of the connection that carries it. */
export interface Carrier {
  /** Why the stream ended, when it did not end normally. `code` is the HTTP/2 code that the engine saw. */
  causeOf(streamId: number, code: number): ResetCause;
  /** The connection is gone, so that an end with code 0 may not be the peer's. */
  readonly isDestroyed: boolean;
  /** The stream is gone; called before its handler hears of it. */
  streamGone(): void;
}

/** What all streams of a connection share. */
export interface StreamSetup {
  readonly limits: StreamLimits;
  readonly budget: ReceiveBudget<EngineLimitName>;
  readonly poison: boolean;
}

const PORT: unique symbol = Symbol('port stream');

/** A `node:http2` stream that knows its port stream, so that listeners are shared functions and not closures per stream. */
type Bound<Native> = Native & { [PORT]: BoundStream<Http2Stream> };

const NO_BYTES = new Uint8Array(0);
const ERROR_IS_TOLD_BY_CLOSE = (): void => undefined;

const streamPush: (chunk: unknown, encoding?: BufferEncoding) => boolean = Readable.prototype.push;

/**
 * Takes the bytes of a DATA frame as they come instead of through the Readable's buffer: saves a turn and several copies of state per
 * chunk, and makes credit exact, since the engine withholds window updates from the moment that `push` answers false until the next
 * `_read`.
 */
function pushToPort(this: Bound<Http2Stream>, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (chunk instanceof Uint8Array) return this[PORT].received(chunk);
  // An end that comes after the stream was closed is the engine's tidying up, not the peer's END_STREAM.
  if (!this.closed) this[PORT].endSeen = true;
  const more = streamPush.call(this, chunk, encoding);
  // Nobody reads the Readable, so nothing else would make it notice its end.
  this.read(0);
  return more;
}

function onEnd(this: Bound<Http2Stream>): void {
  this[PORT].receivedEnd();
}
function onTrailers(this: Bound<Http2Stream>, _headers: unknown, _flags: number, raw: string[] = []): void {
  this[PORT].trailersReceived(headerBlock(raw));
}
function onDrain(this: Bound<Http2Stream>): void {
  this[PORT].drained();
}
function onClose(this: Bound<Http2Stream>): void {
  this[PORT].closed();
}

/**
 * Both sides of the port on one `node:http2` stream; the client's and the server's stream add what differs.
 *
 * The order of the laws is kept here: headers before data, data before the end, one end, and nothing after it.
 */
export abstract class BoundStream<Native extends Http2Stream> implements ByteStream, Evictable {
  owner: unknown = undefined;
  endSeen = false;
  protected handler: StreamHandler;
  protected native: Native | undefined = undefined;
  protected readonly poison: PoisonLedger | undefined;
  /** The last callback was given, or the owner gave the stream up. */
  protected over = false;
  protected resetCode: number | undefined = undefined;
  protected sendEnded = false;
  protected headersSeen = false;
  #receiveEnded = false;
  #early: Uint8Array[] | undefined = undefined;
  #unconsumedBytes = 0;
  #stopped = false;
  readonly #limits: StreamLimits;
  readonly #budget: ReceiveBudget<EngineLimitName>;
  #trailers: HeaderBlock | undefined = undefined;
  #breach: ResetCause | undefined = undefined;
  readonly #creditBytes: number;
  #carrier: Carrier | undefined = undefined;

  constructor(handler: StreamHandler, setup: StreamSetup) {
    const { limits } = setup;
    this.handler = handler;
    this.poison = setup.poison ? new PoisonLedger() : undefined;
    this.#budget = setup.budget;
    this.#limits = limits;
    this.#creditBytes = limits.streamWindowBytes * CREDIT_SLACK;
  }

  protected bind(native: Native, carrier: Carrier): void {
    this.native = native;
    this.#carrier = carrier;
    const bound = native as Bound<Native>;
    bound[PORT] = this;
    bound.push = pushToPort;
    bound.on('end', onEnd);
    bound.on('trailers', onTrailers);
    bound.on('drain', onDrain);
    bound.on('error', ERROR_IS_TOLD_BY_CLOSE);
    bound.on('close', onClose);
    // Bytes that came before this turn lie in the Readable; reading also starts the engine's reading.
    let chunk: unknown = native.read();
    while (chunk instanceof Uint8Array) {
      this.#early ??= [];
      this.#early.push(chunk);
      chunk = native.read();
    }
  }

  /** The headers of the other side are known: from now on data may be delivered. */
  protected headersReceived(end: boolean): void {
    this.headersSeen = true;
    if (end) this.#receiveEnded = true;
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    for (const bytes of early) this.received(bytes);
  }

  /** Delivers bytes. False tells the engine to withhold further credit. */
  received(bytes: Uint8Array): boolean {
    if (this.over || this.resetCode !== undefined) return true;
    if (!this.headersSeen) {
      this.#early ??= [];
      this.#early.push(bytes);
      return true;
    }
    this.#unconsumedBytes += bytes.byteLength;
    this.#budget.take(this, bytes.byteLength);
    // The budget may have ended this very stream.
    if (this.#isBroken) return true;
    this.handler.onData(this, this.poison === undefined ? bytes : this.poison.deliver(bytes), false);
    const stops = this.#unconsumedBytes > this.#creditBytes;
    if (stops && !this.#stopped) this.#budget.stalls(this);
    else if (!stops && this.#stopped) this.#budget.flows(this);
    this.#stopped = stops;
    return !stops;
  }

  /** The budget of unconsumed bytes is passed, and this stream has to go. */
  evict(why: string): void {
    this.break(why);
    this.#settleBudget();
  }

  trailersReceived(trailers: HeaderBlock): void {
    if (this.over || this.resetCode !== undefined) return;
    const excess = this.excessOf(trailers);
    if (excess === undefined) this.#trailers = trailers;
    else this.break(excess);
  }

  /** What is wrong with a received header list that is over the limit, and `undefined` for one that is not. */
  protected excessOf(headers: HeaderBlock): string | undefined {
    const max = this.#limits.headerListBytesMax;
    const listBytes = headerListBytes(headers);
    if (listBytes <= max) return undefined;
    return `a header list of ${listBytes} bytes is above the limit of ${max} bytes (headerListBytesMax)`;
  }

  get #isBroken(): boolean {
    return this.#breach !== undefined;
  }

  /** Resets the stream because the other side passed a limit of ours. */
  protected break(message: string): void {
    this.#breach = { kind: 'protocol-error', message };
    this.resetCode = RESET_CODE.enhanceYourCalm;
    this.native?.close(RESET_CODE.enhanceYourCalm);
  }

  #settleBudget(): void {
    this.#budget.flows(this);
    this.#budget.release(this.#unconsumedBytes);
    this.#unconsumedBytes = 0;
  }

  receivedEnd(): void {
    if (this.over || this.resetCode !== undefined || this.#receiveEnded) return;
    // An end that came before the port was bound was not seen when it was pushed; the engine's tidying up comes to closed streams only.
    if (!this.endSeen && this.native?.closed !== false) return;
    this.#receiveEnded = true;
    if (this.#trailers === undefined) this.handler.onData(this, NO_BYTES, true);
    else this.handler.onTrailers(this, this.#trailers);
  }

  drained(): void {
    if (!this.over && this.resetCode === undefined && !this.sendEnded) this.handler.onWritable(this);
  }

  closed(): void {
    const native = this.native;
    const carrier = this.#carrier;
    if (this.over || native === undefined || carrier === undefined) return;
    const code = native.rstCode ?? constants.NGHTTP2_NO_ERROR;
    // The last write may not have called back yet although the peer has answered it.
    const sent = this.sendEnded && (native.writableFinished || !carrier.isDestroyed);
    const normal = this.#receiveEnded && sent && code === constants.NGHTTP2_NO_ERROR;
    const cause = this.resetCode === undefined ? (this.unsent(code) ?? carrier.causeOf(native.id ?? 0, code)) : this.#breach;
    carrier.streamGone();
    this.#settleBudget();
    if (normal) {
      this.over = true;
      this.#release().onClosed(this);
    } else this.finish(cause ?? { kind: 'local-reset', code: this.resetCode ?? code });
  }

  /** Why the stream ended, when it was the engine that would not begin it. */
  protected unsent(_code: number): ResetCause | undefined {
    return undefined;
  }

  /** Ends the stream abnormally, once. */
  finish(cause: ResetCause): void {
    if (this.over) return;
    this.over = true;
    this.#release().onReset(this, cause);
  }

  /**
   * Lets go of whoever handles the stream, who hears one last word. The engine keeps its streams in a map, and V8 keeps what the tables of a map
   * that has grown old once held until the next full collection: a call and all that it made would stay as long.
   */
  #release(): StreamHandler {
    const { handler } = this;
    this.handler = SILENT;
    return handler;
  }

  abstract sendHeaders(headers: HeaderBlock, end: boolean): void;
  abstract sendTrailers(trailers: HeaderBlock): void;

  sendData(bytes: Uint8Array, end: boolean): boolean {
    const native = this.native;
    if (native === undefined || this.over || this.resetCode !== undefined || this.sendEnded) return true;
    // A HEAD request or a status without content ended our direction by itself.
    if (native.writableEnded) return true;
    const owned = this.poison === undefined ? bytes : this.poison.takeForSending(bytes);
    if (!end) return owned.byteLength === 0 || native.write(owned);
    this.sendEnded = true;
    if (owned.byteLength === 0) native.end();
    else native.end(owned);
    return true;
  }

  reset(code: number): void {
    if (this.over || this.resetCode !== undefined) return;
    this.resetCode = code;
    this.native?.close(code);
  }

  consume(byteCount: number): void {
    if (this.over) return;
    const returned = Math.min(byteCount, this.#unconsumedBytes);
    this.#unconsumedBytes -= returned;
    this.#budget.release(returned);
    this.poison?.consumed(byteCount);
    if (!this.#stopped || this.#unconsumedBytes > this.#creditBytes) return;
    this.#stopped = false;
    this.#budget.flows(this);
    this.native?._read(0);
  }
}
