import { DEFAULT_WINDOW_BYTES, ERROR_CODE, FLAG, writeWindowUpdate } from '../frames/index.ts';
import type { ConnectionContext } from './context.ts';
import type { Output } from './output.ts';
import type { H2Stream } from './stream.ts';
import type { StreamDesk } from './stream-desk.ts';
import type { Streams } from './streams.ts';

/** Takes DATA in: windows of the connection and of its streams, lengths that were announced, and slices handed on as they came. */
export class DataReceiver {
  readonly #context: ConnectionContext;
  readonly #streams: Streams;
  readonly #desk: StreamDesk;
  readonly #output: Output;
  /** Octets that may still come on the connection. */
  #window = DEFAULT_WINDOW_BYTES;
  #uncredited = 0;
  /** The stream of the frame that is being read; `undefined`: nobody hears of it. */
  #stream: H2Stream | undefined = undefined;
  #endsStream = false;

  constructor(context: ConnectionContext, streams: Streams, desk: StreamDesk, output: Output) {
    this.#context = context;
    this.#streams = streams;
    this.#desk = desk;
    this.#output = output;
  }

  /** Opens the window of the connection to its width; behind our SETTINGS. */
  start(): void {
    const more = this.#context.limits.connectionWindowBytes - this.#window;
    if (more <= 0) return;
    this.#window += more;
    writeWindowUpdate(this.#output.writer, 0, more);
  }

  begin(streamId: number, flags: number, length: number): void {
    this.#stream = undefined;
    this.#endsStream = (flags & FLAG.endStream) !== 0;
    if (streamId === 0) {
      this.#context.misused('DATA on stream 0');
      return;
    }
    if (length > this.#window) {
      this.#context.fail(
        ERROR_CODE.flowControlError,
        `DATA of ${length} bytes, and the window of the connection is ${this.#window}`,
      );
      return;
    }
    this.#creditConnection(length);
    if (length === 0 && !this.#endsStream && !this.#context.meter('emptyFrames')) return;
    const stream = this.#streams.get(streamId);
    if (stream === undefined) this.#desk.ofNoStream(streamId, 'DATA');
    else this.#beginOn(stream, length);
  }

  padding(byteCount: number): void {
    if (this.#stream !== undefined && !this.#stream.isOver) this.#desk.credit(this.#stream, byteCount);
  }

  bytes(bytes: Uint8Array, last: boolean): void {
    const stream = this.#stream;
    if (stream === undefined || stream.isOver) return;
    const length = bytes.byteLength;
    const end = last && this.#endsStream;
    stream.receivedBytes += length;
    if (stream.contentLength >= 0 && !this.#isAsAnnounced(stream, end)) return;
    if (length > 0) {
      stream.unconsumedBytes += length;
      this.#context.budget.take(stream, length);
      // The budget may have ended this very stream.
      if (stream.isOver) return;
    } else if (!end) return;
    if (end) stream.receiving = 'done';
    stream.handler.onData(stream, stream.ledger === undefined ? bytes : stream.ledger.deliver(bytes), end);
    if (end) this.#desk.closeIfDone(stream);
    else this.#heldAfter(stream);
  }

  /** What the receiver has not consumed at once it holds, and so does whoever it passes it to. */
  #heldAfter(stream: H2Stream): void {
    if (stream.keepsUp && stream.unconsumedBytes * 2 > this.#context.limits.streamWindowBytes) this.#desk.narrow(stream);
    if (!stream.isHeldUp && stream.unconsumedBytes * 2 > stream.windowBytes) {
      stream.isHeldUp = true;
      this.#context.budget.stalls(stream);
    }
  }

  /** The connection's credit returns on receipt, so that a stream which is slow never stalls its neighbours. */
  #creditConnection(length: number): void {
    this.#window -= length;
    this.#uncredited += length;
    if (this.#uncredited * 2 < this.#context.limits.connectionWindowBytes) return;
    this.#window += this.#uncredited;
    writeWindowUpdate(this.#output.writer, 0, this.#uncredited);
    this.#uncredited = 0;
    this.#context.work();
  }

  #beginOn(stream: H2Stream, length: number): void {
    if (stream.receiving === 'done') {
      this.#desk.breach(stream, ERROR_CODE.streamClosed, 'DATA behind the end of the stream');
    } else if (stream.receiving === 'head') {
      this.#desk.breach(stream, ERROR_CODE.protocolError, 'DATA before the headers');
    } else if (length > stream.receiveWindow) {
      const message = `DATA of ${length} bytes, and the window of the stream is ${stream.receiveWindow}`;
      this.#desk.breach(stream, ERROR_CODE.flowControlError, message, 'streamWindowBytes');
    } else {
      stream.receiveWindow -= length;
      this.#stream = stream;
    }
  }

  /** RFC 9113 §8.1.1: the data of a message is as long as it says. */
  #isAsAnnounced(stream: H2Stream, end: boolean): boolean {
    const { receivedBytes, contentLength } = stream;
    if (end ? receivedBytes === contentLength : receivedBytes <= contentLength) return true;
    const message = `a body of ${receivedBytes} bytes ${end ? '' : 'or more '}under a content-length of ${contentLength}`;
    this.#desk.breach(stream, ERROR_CODE.protocolError, message);
    return false;
  }
}
