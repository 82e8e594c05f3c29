import { ByteWriter } from '../bytes/index.ts';
import {
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  FRAME_PAYLOAD_BYTES_MAX,
  putFrameHeader,
  takeHeadroom,
  writeFrameHeader,
} from '../frames/index.ts';
import type { HpackEncoder, SentList } from '../hpack/index.ts';

/** Up to here a copy costs less than one more piece of a gathered write. */
const COPIED_BYTES_MAX = 4096;

/** What a connection has to send and nobody has taken yet: small frames one behind the other in one buffer, large payloads as they are. */
export class Output {
  /** Where frames without a large payload are written. */
  readonly writer = new ByteWriter();
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  /** Frames that lie side by side where they were read and come before what is in the writer, as yet without a view of their own. */
  #run: Buffer | undefined = undefined;
  #runStart = 0;
  #runEnd = 0;

  /** Octets that wait to be taken. */
  get byteCount(): number {
    return this.#pieceBytes + (this.#runEnd - this.#runStart) + this.writer.length;
  }

  /** DATA (RFC 9113 §6.1): `bytes` in one frame, so at most {@link FRAME_PAYLOAD_BYTES_MAX}; they belong to the connection from now on. */
  data(streamId: number, bytes: Uint8Array, flags: number): void {
    const length = bytes.byteLength;
    const headroom = length > COPIED_BYTES_MAX ? takeHeadroom(bytes) : -1;
    if (headroom >= 0) {
      this.#dataInPlace(streamId, bytes, headroom, flags);
      return;
    }
    writeFrameHeader(this.writer, length, FRAME.data, flags, streamId);
    if (length <= COPIED_BYTES_MAX) this.writer.raw(bytes);
    else {
      this.#seal();
      this.#push(bytes);
    }
  }

  /** DATA whose header can stand right before it, at `headroom` of its buffer. */
  #dataInPlace(streamId: number, bytes: Uint8Array, headroom: number, flags: number): void {
    const { buffer, byteLength } = bytes;
    let run = this.#run;
    if (run === undefined || this.writer.length > 0 || run.buffer !== buffer || this.#runEnd !== headroom) {
      this.#seal();
      run = Buffer.from(buffer);
      this.#run = run;
      this.#runStart = headroom;
    }
    this.#runEnd = headroom + FRAME_HEADER_BYTES + byteLength;
    putFrameHeader(run, headroom, byteLength, FRAME.data, flags, streamId);
  }

  /** A header block (RFC 9113 §6.2): HEADERS, and as many CONTINUATION frames as it needs (§6.10). */
  headers(streamId: number, list: SentList, encoder: HpackEncoder, flags: number): void {
    const { writer } = this;
    const start = writer.length;
    writeFrameHeader(writer, 0, FRAME.headers, flags | FLAG.endHeaders, streamId);
    encoder.write(list, writer);
    const length = writer.length - start - FRAME_HEADER_BYTES;
    if (length <= FRAME_PAYLOAD_BYTES_MAX) writer.putU24(start, length);
    else this.#split(streamId, start, flags);
  }

  /** Everything that waits, in order; it belongs to the caller. */
  take(): Uint8Array[] {
    this.#seal();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#pieceBytes = 0;
    return pieces;
  }

  /** What was written from `start` on is a frame whose payload is too long for one. */
  #split(streamId: number, start: number, flags: number): void {
    this.#sealRun();
    const written = this.writer.take();
    if (start > 0) this.#push(written.subarray(0, start));
    const block = written.subarray(start + FRAME_HEADER_BYTES);
    for (let at = 0; at < block.byteLength; at += FRAME_PAYLOAD_BYTES_MAX) {
      const part = block.subarray(at, at + FRAME_PAYLOAD_BYTES_MAX);
      const isLast = at + FRAME_PAYLOAD_BYTES_MAX >= block.byteLength;
      const type = at === 0 ? FRAME.headers : FRAME.continuation;
      writeFrameHeader(this.writer, part.byteLength, type, (at === 0 ? flags : 0) | (isLast ? FLAG.endHeaders : 0), streamId);
      this.#seal();
      this.#push(part);
    }
  }

  #seal(): void {
    this.#sealRun();
    if (this.writer.length > 0) this.#push(this.writer.take());
  }

  #sealRun(): void {
    if (this.#run === undefined) return;
    this.#push(this.#run.subarray(this.#runStart, this.#runEnd));
    this.#run = undefined;
    this.#runStart = 0;
    this.#runEnd = 0;
  }

  #push(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#pieceBytes += bytes.byteLength;
  }
}
