import { CLIENT_PREFACE, FLAG, FRAME, FRAME_PAYLOAD_BYTES_MAX } from '@modelmesh/h2/frames';
import { HpackDecoder } from '@modelmesh/h2/hpack';
import { cut, type LooseFrame } from '../conversations/index.ts';

/** A table of any width: the mutated settings of the other side say how wide ours may be. */
const TABLE_BYTES_MAX = 0xffff_ffff;

interface SentStream {
  ended: boolean;
  reset: boolean;
}

/**
 * Holds what a connection sends against RFC 9113: whole frames of the right size, settings first, header blocks in one piece that can be decoded in
 * order, and nothing on a stream behind its end.
 *
 * @throws what is wrong with it
 */
export class SentFrames {
  readonly #side: 'client' | 'server';
  readonly #decoder = new HpackDecoder({ listBytesMax: 16_777_216, fieldsMax: 100_000 });
  readonly #streams = new Map<number, SentStream>();
  #rest: Uint8Array;
  #open: { readonly streamId: number; readonly parts: Uint8Array[]; readonly flags: number } | undefined = undefined;
  #count = 0;
  #prefaceLeft: number;

  constructor(side: 'client' | 'server') {
    this.#side = side;
    this.#decoder.setTableBytesMax(TABLE_BYTES_MAX);
    this.#rest = new Uint8Array(0);
    this.#prefaceLeft = side === 'client' ? CLIENT_PREFACE.length : 0;
  }

  read(pieces: readonly Uint8Array[]): void {
    let octets: Uint8Array = new Uint8Array(Buffer.concat([this.#rest, ...pieces]));
    if (this.#prefaceLeft > 0 && octets.length >= this.#prefaceLeft) {
      octets = octets.subarray(this.#prefaceLeft);
      this.#prefaceLeft = 0;
    }
    const { frames } = cut(octets, 'server');
    let length = 0;
    for (const frame of frames) {
      length += 9 + frame.payload.length;
      this.#frame(frame);
    }
    this.#rest = octets.slice(length);
  }

  /** Nothing may be left in the middle of a frame or of a header block. */
  finish(): void {
    if (this.#rest.length > 0) throw new Error(`${this.#rest.length} octets are sent behind the last frame`);
    if (this.#open !== undefined) throw new Error(`the header block of stream ${this.#open.streamId} is not sent to its end`);
  }

  #frame(frame: LooseFrame): void {
    const { type, flags, streamId, payload } = frame;
    this.#count += 1;
    if (this.#count === 1 && type !== FRAME.settings) throw new Error(`the first frame that was sent is of type ${type}`);
    if (payload.length > FRAME_PAYLOAD_BYTES_MAX) throw new Error(`a frame of ${payload.length} octets was sent`);
    if (this.#open !== undefined && (type !== FRAME.continuation || streamId !== this.#open.streamId))
      throw new Error('a frame was sent inside a header block');
    switch (type) {
      case FRAME.headers:
        this.#mustBeOpen(streamId, 'HEADERS');
        this.#open = { streamId, parts: [payload], flags };
        this.#closeBlock(flags);
        return;
      case FRAME.continuation:
        if (this.#open === undefined) throw new Error('CONTINUATION was sent without HEADERS');
        this.#open.parts.push(payload);
        this.#closeBlock(flags);
        return;
      case FRAME.data:
        this.#mustBeOpen(streamId, 'DATA');
        if ((flags & FLAG.endStream) !== 0) this.#of(streamId).ended = true;
        return;
      case FRAME.rstStream:
        this.#of(streamId).reset = true;
        return;
      default:
        return;
    }
  }

  #closeBlock(flags: number): void {
    const open = this.#open;
    if (open === undefined || (flags & FLAG.endHeaders) === 0) return;
    this.#open = undefined;
    const block = new Uint8Array(Buffer.concat(open.parts));
    const decoded = this.#decoder.decode(block, 0, block.length);
    if (decoded.kind !== 'list') throw new Error(`a header block was sent that is ${decoded.kind}`);
    if ((open.flags & FLAG.endStream) !== 0) this.#of(open.streamId).ended = true;
  }

  #mustBeOpen(streamId: number, what: string): void {
    const { ended, reset } = this.#of(streamId);
    if (ended || reset)
      throw new Error(`${this.#side}: ${what} was sent on stream ${streamId} behind its ${ended ? 'end' : 'reset'}`);
  }

  #of(streamId: number): SentStream {
    let stream = this.#streams.get(streamId);
    if (stream === undefined) {
      stream = { ended: false, reset: false };
      this.#streams.set(streamId, stream);
    }
    return stream;
  }
}
