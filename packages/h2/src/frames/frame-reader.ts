import { FLAG, FRAME, FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX } from './codes.ts';
import { deliverWithHeadroom } from './headroom.ts';

/** Hears what a {@link FrameReader} finds. Octets that are given are those that were read, no copies unless a frame came in pieces. */
export interface FrameSink {
  /** The reader asks before each frame: no further frame is told once this is true. */
  readonly isOver: boolean;
  /** A frame other than DATA, whole: its payload is `bytes[start, end)`, to be read during the call only. */
  onFrame(type: number, flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void;
  /** A DATA frame begins, of `length` octets of payload with its padding, which is what flow control counts (RFC 9113 §6.9.1). */
  onDataBegin(streamId: number, flags: number, length: number): void;
  /** `byteCount` octets of the frame that began are padding, the octet of their length included; told before its data. */
  onDataPadding(byteCount: number): void;
  /** Octets of the data of the frame that began, as they came. `last`: the frame has no more, and only then they may be none. */
  onDataBytes(bytes: Uint8Array, last: boolean): void;
  /** The frame breaks RFC 9113 §4.2 or §6.1; the reader stops for good. */
  onUnreadable(fault: FrameFault): void;
}

/** Why no further frame can be read. */
export type FrameFault =
  | { readonly kind: 'too-large'; readonly type: number; readonly streamId: number; readonly lengthBytes: number }
  /** The padding of a DATA frame is as long as its payload or longer (RFC 9113 §6.1). */
  | { readonly kind: 'padding'; readonly streamId: number };

const NO_BYTES = new Uint8Array(0);

/** Where the reader stands between two reads. */
const AT = { header: 0, payload: 1, padLength: 2, data: 3, padding: 4, stopped: 5 } as const;

/**
 * Cuts what a connection reads into frames, wherever the reads cut it.
 *
 * DATA is passed on as it comes, in slices of what was read; all other frames are told whole and are at most
 * {@link FRAME_PAYLOAD_BYTES_MAX} octets, so that one frame is all that a reader ever keeps.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  #at: number = AT.header;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** Octets of the part that is being read which have not come yet. */
  #left = 0;
  #padding = 0;
  /** Where the header of the frame that is being read ends, if it lies whole in what is being read; −1. */
  #headerEnd = -1;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  #payload: Uint8Array | undefined = undefined;
  #payloadBytes = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Octets that lie here because their frame is not whole. */
  get heldBytes(): number {
    return this.#headerBytes + this.#payloadBytes;
  }

  /** Reads `bytes[start, end)`. */
  read(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    this.#headerEnd = -1;
    while (at < end && this.#at !== AT.stopped && !this.#sink.isOver) {
      if (this.#at === AT.header) at = this.#readHeader(bytes, at, end);
      else if (this.#at === AT.payload) at = this.#readPayload(bytes, at, end);
      else at = this.#readData(bytes, at, end);
    }
    // What was delivered is not held on to, nor what it lies in.
    deliverWithHeadroom(undefined);
  }

  #readHeader(bytes: Uint8Array, at: number, end: number): number {
    if (this.#headerBytes === 0 && end - at >= FRAME_HEADER_BYTES) {
      this.#headerEnd = at + FRAME_HEADER_BYTES;
      this.#begin(bytes, at);
      return at + FRAME_HEADER_BYTES;
    }
    const until = Math.min(end, at + FRAME_HEADER_BYTES - this.#headerBytes);
    for (let from = at; from < until; from += 1) {
      this.#header[this.#headerBytes] = bytes[from] ?? 0;
      this.#headerBytes += 1;
    }
    if (this.#headerBytes === FRAME_HEADER_BYTES) {
      this.#headerBytes = 0;
      this.#begin(this.#header, 0);
    }
    return until;
  }

  #begin(header: Uint8Array, at: number): void {
    const length = ((header[at] ?? 0) << 16) | ((header[at + 1] ?? 0) << 8) | (header[at + 2] ?? 0);
    this.#type = header[at + 3] ?? 0;
    this.#flags = header[at + 4] ?? 0;
    this.#streamId =
      (((header[at + 5] ?? 0) & 0x7f) << 24) |
      ((header[at + 6] ?? 0) << 16) |
      ((header[at + 7] ?? 0) << 8) |
      (header[at + 8] ?? 0);
    this.#left = length;
    if (length > FRAME_PAYLOAD_BYTES_MAX) {
      this.#stop({ kind: 'too-large', type: this.#type, streamId: this.#streamId, lengthBytes: length });
    } else if (this.#type !== FRAME.data) {
      if (length > 0) this.#at = AT.payload;
      else this.#sink.onFrame(this.#type, this.#flags, this.#streamId, header, 0, 0);
    } else this.#beginData(length);
  }

  #beginData(length: number): void {
    const isPadded = (this.#flags & FLAG.padded) !== 0;
    if (isPadded && length === 0) {
      this.#stop({ kind: 'padding', streamId: this.#streamId });
      return;
    }
    this.#padding = 0;
    this.#at = isPadded ? AT.padLength : AT.data;
    this.#sink.onDataBegin(this.#streamId, this.#flags, length);
    if (length > 0) return;
    this.#at = AT.header;
    this.#sink.onDataBytes(NO_BYTES, true);
  }

  #readPayload(bytes: Uint8Array, at: number, end: number): number {
    const available = end - at;
    if (this.#payload === undefined) {
      const until = at + this.#left;
      if (until <= end) {
        this.#at = AT.header;
        this.#sink.onFrame(this.#type, this.#flags, this.#streamId, bytes, at, until);
        return until;
      }
      this.#payload = new Uint8Array(this.#left);
    }
    const taken = Math.min(available, this.#left);
    this.#payload.set(bytes.subarray(at, at + taken), this.#payloadBytes);
    this.#payloadBytes += taken;
    this.#left -= taken;
    if (this.#left === 0) {
      const payload = this.#payload;
      this.#payload = undefined;
      this.#payloadBytes = 0;
      this.#at = AT.header;
      this.#sink.onFrame(this.#type, this.#flags, this.#streamId, payload, 0, payload.byteLength);
    }
    return at + taken;
  }

  #readData(bytes: Uint8Array, at: number, end: number): number {
    if (this.#at === AT.padLength) {
      this.#beginPadded(bytes[at] ?? 0);
      return at + 1;
    }
    const until = Math.min(end, at + this.#left);
    this.#left -= until - at;
    if (this.#at === AT.data) {
      const last = this.#left === 0;
      if (last) this.#beginPadding();
      const slice = bytes.subarray(at, until);
      deliverWithHeadroom(at === this.#headerEnd ? slice : undefined);
      this.#sink.onDataBytes(slice, last);
    } else if (this.#left === 0) this.#at = AT.header;
    return until;
  }

  #beginPadded(padding: number): void {
    this.#left -= 1 + padding;
    this.#padding = padding;
    if (this.#left < 0) {
      this.#stop({ kind: 'padding', streamId: this.#streamId });
      return;
    }
    this.#at = AT.data;
    this.#sink.onDataPadding(padding + 1);
    if (this.#left > 0) return;
    this.#beginPadding();
    this.#sink.onDataBytes(NO_BYTES, true);
  }

  #beginPadding(): void {
    this.#left = this.#padding;
    this.#at = this.#padding === 0 ? AT.header : AT.padding;
  }

  #stop(fault: FrameFault): void {
    this.#at = AT.stopped;
    this.#sink.onUnreadable(fault);
  }
}
