import { DEFAULT_WINDOW_BYTES, FLAG, FRAME_PAYLOAD_BYTES_MAX, INT31_MAX } from '../frames/index.ts';
import type { HpackEncoder } from '../hpack/index.ts';
import type { FieldBlock } from './field-block.ts';
import { Output } from './output.ts';
import type { H2Stream } from './stream.ts';

const NO_BYTES = new Uint8Array(0);

/** Told when the last octets of a direction are framed. */
export interface SendEnd {
  sendEnded(stream: H2Stream): void;
}

/**
 * The sending side of a connection: header blocks in the order of their encoding, data as the windows of the other side and the socket
 * allow, and streams that wait taken in turn, a frame each.
 */
export class Sender {
  readonly output = new Output();
  readonly encoder: HpackEncoder;
  /** Octets of data that the connection may still send. */
  windowBytes = DEFAULT_WINDOW_BYTES;
  /** The window of a new stream, as the other side has it. */
  streamWindowBytes = DEFAULT_WINDOW_BYTES;
  /** The socket holds as much as it should. */
  isCongested = false;
  /** Since when the connection has had data and no window; 0: it has not. */
  stalledSinceMs = 0;
  nowMs = 0;
  readonly #framedBytesMax: number;
  readonly #ends: SendEnd;
  #first: H2Stream | undefined = undefined;
  #last: H2Stream | undefined = undefined;
  #isPumping = false;

  constructor(encoder: HpackEncoder, framedBytesMax: number, ends: SendEnd) {
    this.encoder = encoder;
    this.#framedBytesMax = framedBytesMax;
    this.#ends = ends;
  }

  /** HEADERS of `stream`; `end` ends its direction. */
  headers(stream: H2Stream, block: FieldBlock, end: boolean): void {
    this.block(stream.id, block, end);
    stream.sending = end ? 'done' : 'body';
    if (end) this.#ends.sendEnded(stream);
  }

  /** A header block as it is. */
  block(streamId: number, block: FieldBlock, end: boolean): void {
    this.output.headers(streamId, block, this.encoder, end ? FLAG.endStream : 0);
  }

  /** Whether data may be framed now. */
  get #hasRoom(): boolean {
    return !this.isCongested && this.output.byteCount < this.#framedBytesMax;
  }

  data(stream: H2Stream, bytes: Uint8Array, end: boolean): boolean {
    const length = bytes.byteLength;
    const fits = length <= stream.sendWindow && length <= this.windowBytes && length <= FRAME_PAYLOAD_BYTES_MAX;
    if (fits && stream.pending === undefined && this.#hasRoom) {
      this.#frame(stream, bytes, end);
      if (end || this.#hasRoom) return true;
    } else if (length > 0 || end) {
      stream.pending ??= [];
      stream.pending.push(bytes);
      if (end) stream.sending = 'ending';
      this.ready(stream);
      this.pump();
      if (stream.isOver || stream.pending === undefined) return true;
    } else if (stream.pending === undefined && this.#hasRoom) return true;
    stream.wantsWritable = true;
    this.ready(stream);
    return false;
  }

  trailers(stream: H2Stream, block: FieldBlock): void {
    stream.wantsWritable = false;
    if (stream.pending === undefined) {
      this.#endWith(stream, block);
      return;
    }
    stream.sending = 'ending';
    stream.pendingTrailers = block;
  }

  /** `stream` has something to do when there is room. */
  ready(stream: H2Stream): void {
    if (stream.isReady) return;
    stream.isReady = true;
    if (this.#last === undefined) this.#first = stream;
    else this.#last.nextReady = stream;
    this.#last = stream;
  }

  /** Frames what waits, as far as windows and socket allow. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#first !== undefined && this.#hasRoom) {
      const stream = this.#first;
      if (!stream.isOver && stream.pending !== undefined && this.windowBytes <= 0 && this.#needsWindow(stream)) {
        if (this.stalledSinceMs === 0) this.stalledSinceMs = this.nowMs;
        break;
      }
      this.#leave(stream);
      if (!stream.isOver) this.#serve(stream);
    }
    this.#isPumping = false;
  }

  /** Credit of the other side, for the connection. False: more than a window can hold. */
  connectionCredit(byteCount: number): boolean {
    this.windowBytes += byteCount;
    if (this.windowBytes > INT31_MAX) return false;
    this.stalledSinceMs = 0;
    this.pump();
    return true;
  }

  /** Credit of the other side, for one stream. False: more than a window can hold. */
  streamCredit(stream: H2Stream, byteCount: number): boolean {
    stream.sendWindow += byteCount;
    if (stream.sendWindow > INT31_MAX) return false;
    if (stream.pending !== undefined) {
      this.ready(stream);
      this.pump();
    }
    return true;
  }

  #leave(stream: H2Stream): void {
    this.#first = stream.nextReady;
    if (this.#first === undefined) this.#last = undefined;
    stream.nextReady = undefined;
    stream.isReady = false;
  }

  #needsWindow(stream: H2Stream): boolean {
    return (stream.pending?.[stream.pendingAt]?.byteLength ?? 0) > 0;
  }

  /** One frame of a stream whose turn it is, or the word that it may go on. */
  #serve(stream: H2Stream): void {
    if (stream.pending !== undefined) {
      if (stream.sendWindow <= 0 && this.#needsWindow(stream)) {
        // It waits for credit of its own, which puts it back here.
        if (stream.stalledSinceMs === 0) stream.stalledSinceMs = this.nowMs;
        return;
      }
      this.#frameNext(stream, stream.pending);
      if (stream.isOver) return;
      if (stream.pending !== undefined) {
        this.ready(stream);
        return;
      }
    }
    if (!stream.wantsWritable || stream.sending !== 'body') return;
    stream.wantsWritable = false;
    stream.handler.onWritable(stream);
  }

  #frameNext(stream: H2Stream, pending: Uint8Array[]): void {
    // Trailers of a stream that waited for its connection may have nothing before them.
    const piece = pending[stream.pendingAt] ?? NO_BYTES;
    // A window is negative after the other side has lowered it (RFC 9113 §6.9.2); an end without data needs none.
    const room = Math.max(0, Math.min(stream.sendWindow, this.windowBytes));
    const length = Math.min(piece.byteLength, room, FRAME_PAYLOAD_BYTES_MAX);
    const isWhole = length >= piece.byteLength;
    if (isWhole) stream.pendingAt += 1;
    else pending[stream.pendingAt] = piece.subarray(length);
    const isLast = stream.pendingAt >= pending.length;
    if (isLast) {
      stream.pending = undefined;
      stream.pendingAt = 0;
    }
    const trailers = stream.pendingTrailers;
    const end = isLast && stream.sending === 'ending' && trailers === undefined;
    if (piece.byteLength > 0 || end) this.#frame(stream, isWhole ? piece : piece.subarray(0, length), end);
    if (isLast && trailers !== undefined) this.#endWith(stream, trailers);
  }

  #endWith(stream: H2Stream, trailers: FieldBlock): void {
    stream.pendingTrailers = undefined;
    this.block(stream.id, trailers, true);
    stream.sending = 'done';
    this.#ends.sendEnded(stream);
  }

  #frame(stream: H2Stream, bytes: Uint8Array, end: boolean): void {
    const length = bytes.byteLength;
    stream.sendWindow -= length;
    this.windowBytes -= length;
    stream.stalledSinceMs = 0;
    this.output.data(stream.id, bytes, end ? FLAG.endStream : 0);
    if (!end) return;
    stream.sending = 'done';
    this.#ends.sendEnded(stream);
  }
}
