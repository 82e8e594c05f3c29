import { ERROR_CODE, FLAG, uint32At } from '../frames/index.ts';
import { type HeaderBlock as DecodedBlock, type DecodedList, HpackDecoder } from '../hpack/index.ts';
import type { ConnectionContext } from './context.ts';
import { FieldBlock } from './field-block.ts';
import { readFacts } from './messages.ts';
import type { Sender } from './sender.ts';
import { SILENT } from './silent.ts';
import { H2Stream } from './stream.ts';
import type { StreamDesk } from './stream-desk.ts';
import type { Streams } from './streams.ts';

/** A header block whose frames have not all come. */
interface OpenBlock {
  readonly streamId: number;
  readonly flags: number;
  readonly dependsOnItself: boolean;
  readonly parts: Uint8Array[];
  byteCount: number;
  continuations: number;
}

/** What can be told of a block. */
type Told = Exclude<DecodedBlock, { kind: 'compression-error' }>;
type TooLong = Extract<DecodedBlock, { kind: 'too-long' }>;

const LIMIT_NAMES = { listBytesMax: 'headerListBytesMax', fieldsMax: 'headerFieldsMax' } as const;
const CONTINUE = FieldBlock.of([':status', '100']);
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

/** The parts of a block as one. */
function joined(parts: readonly Uint8Array[], byteCount: number): Uint8Array {
  const whole = new Uint8Array(byteCount);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

/**
 * Takes HEADERS and CONTINUATION in: puts blocks together, decodes each of them in order, whatever becomes of its stream (RFC 9113 §4.3),
 * and tells the head of a request, an answer, or trailers.
 */
export class HeaderReceiver {
  readonly #context: ConnectionContext;
  readonly #streams: Streams;
  readonly #desk: StreamDesk;
  readonly #sender: Sender;
  readonly #decoder: HpackDecoder;
  #open: OpenBlock | undefined = undefined;
  /** Streams of the other side above this id came behind our last GOAWAY and are not begun. */
  acceptedIdMax = Number.POSITIVE_INFINITY;

  constructor(context: ConnectionContext, streams: Streams, desk: StreamDesk, sender: Sender) {
    this.#context = context;
    this.#streams = streams;
    this.#desk = desk;
    this.#sender = sender;
    const { headerTableBytesMax, headerListBytesMax, headerFieldsMax } = context.limits;
    this.#decoder = new HpackDecoder({ listBytesMax: headerListBytesMax, fieldsMax: headerFieldsMax });
    this.#decoder.setTableBytesMax(headerTableBytesMax);
  }

  /** The stream whose block is not whole: no other frame may come before the rest of it (RFC 9113 §6.10). */
  get openStreamId(): number | undefined {
    return this.#open?.streamId;
  }

  onHeaders(flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void {
    if (streamId === 0) {
      this.#context.misused('HEADERS on stream 0');
      return;
    }
    let from = start;
    let until = end;
    if ((flags & FLAG.padded) !== 0) {
      until -= bytes[from] ?? 0;
      from += 1;
    }
    let dependsOnItself = false;
    if ((flags & FLAG.priority) !== 0) {
      dependsOnItself = from + 4 <= end && (uint32At(bytes, from) & 0x7fff_ffff) === streamId;
      from += 5;
    }
    if (from > until) {
      const isCutOff = from > end;
      this.#context.fail(
        isCutOff ? ERROR_CODE.frameSizeError : ERROR_CODE.protocolError,
        'the padding of HEADERS is longer than the frame',
      );
      return;
    }
    if ((flags & FLAG.endHeaders) !== 0) {
      this.#onBlock(streamId, flags, dependsOnItself, bytes, from, until);
      return;
    }
    // A copy, since the rest comes in another read.
    this.#open = {
      streamId,
      flags,
      dependsOnItself,
      parts: [bytes.slice(from, until)],
      byteCount: until - from,
      continuations: 0,
    };
  }

  onContinuation(flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void {
    const open = this.#open;
    if (open === undefined || open.streamId !== streamId) {
      this.#context.misused(`CONTINUATION on stream ${streamId} without HEADERS before it`);
      return;
    }
    const { continuationsMax, headerBlockBytesMax } = this.#context.limits;
    open.continuations += 1;
    open.byteCount += end - start;
    const isLast = (flags & FLAG.endHeaders) !== 0;
    if (open.continuations > continuationsMax) {
      this.#context.fail(
        ERROR_CODE.enhanceYourCalm,
        `a header block of more than ${continuationsMax} CONTINUATION frames`,
        'continuationsMax',
      );
      return;
    }
    if (open.byteCount > headerBlockBytesMax) {
      this.#context.fail(
        ERROR_CODE.enhanceYourCalm,
        `a header block of more than ${headerBlockBytesMax} bytes`,
        'headerBlockBytesMax',
      );
      return;
    }
    if (end === start && !isLast && !this.#context.meter('emptyFrames')) return;
    if (!isLast) {
      open.parts.push(bytes.slice(start, end));
      return;
    }
    open.parts.push(bytes.subarray(start, end));
    this.#open = undefined;
    const block = joined(open.parts, open.byteCount);
    this.#onBlock(streamId, open.flags, open.dependsOnItself, block, 0, block.byteLength);
  }

  #onBlock(streamId: number, flags: number, dependsOnItself: boolean, bytes: Uint8Array, start: number, end: number): void {
    const decoded = this.#decoder.decode(bytes, start, end);
    if (decoded.kind === 'compression-error') {
      this.#context.fail(ERROR_CODE.compressionError, decoded.reason);
      return;
    }
    if (decoded.kind === 'too-long') this.#context.passed(LIMIT_NAMES[decoded.limit]);
    const endStream = (flags & FLAG.endStream) !== 0;
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      if (dependsOnItself) this.#desk.breach(stream, ERROR_CODE.protocolError, 'the stream depends on itself');
      else this.#onMore(stream, decoded, endStream);
    } else if (this.#context.side === 'server') this.#onRequest(streamId, decoded, endStream, dependsOnItself);
    else this.#desk.ofNoStream(streamId, 'HEADERS');
  }

  /** A block on a stream that lives: an answer, or trailers. */
  #onMore(stream: H2Stream, decoded: Told, end: boolean): void {
    if (stream.receiving === 'done') {
      this.#desk.breach(stream, ERROR_CODE.streamClosed, 'HEADERS behind the end of the stream');
    } else if (decoded.kind === 'too-long') {
      this.#desk.breach(stream, ERROR_CODE.enhanceYourCalm, this.#tooLong(decoded));
    } else if (stream.receiving === 'head') this.#onAnswer(stream, blockOf(decoded), end);
    else this.#onTrailers(stream, blockOf(decoded), end);
  }

  #onAnswer(stream: H2Stream, block: FieldBlock, end: boolean): void {
    const { fault, status, contentLength } = readFacts(block, 'response');
    if (fault !== undefined) {
      this.#desk.breach(stream, ERROR_CODE.protocolError, `the answer is malformed: ${fault}`);
      return;
    }
    if (status < 200) {
      // Informational (RFC 9113 §8.1): the answer itself is still to come.
      if (end) this.#desk.breach(stream, ERROR_CODE.protocolError, `an answer ends with the informational status ${status}`);
      return;
    }
    const hasNoBody = stream.isHead || status === NO_CONTENT || status === NOT_MODIFIED;
    stream.contentLength = hasNoBody ? -1 : contentLength;
    if (end && stream.contentLength > 0) {
      this.#desk.breach(stream, ERROR_CODE.protocolError, `no body under a content-length of ${contentLength}`);
      return;
    }
    stream.receiving = end ? 'done' : 'body';
    stream.handler.onHeaders(stream, block, end);
    if (end) this.#desk.closeIfDone(stream);
  }

  #onTrailers(stream: H2Stream, block: FieldBlock, end: boolean): void {
    const fault = end ? readFacts(block, 'trailers').fault : 'they do not end the stream';
    if (fault !== undefined) {
      this.#desk.breach(stream, ERROR_CODE.protocolError, `the trailers are malformed: ${fault}`);
      return;
    }
    if (stream.contentLength >= 0 && stream.contentLength !== stream.receivedBytes) {
      const message = `a body of ${stream.receivedBytes} bytes under a content-length of ${stream.contentLength}`;
      this.#desk.breach(stream, ERROR_CODE.protocolError, message);
      return;
    }
    stream.receiving = 'done';
    stream.handler.onTrailers(stream, block);
    this.#desk.closeIfDone(stream);
  }

  #onRequest(streamId: number, decoded: Told, end: boolean, dependsOnItself: boolean): void {
    if (!this.#streams.isPeerId(streamId)) {
      this.#context.misused(`a client opens stream ${streamId}, and its ids are odd`);
      return;
    }
    const meaning = this.#streams.meaningOf(streamId);
    if (meaning !== 'idle') {
      if (meaning === 'closed') this.#context.misused(`HEADERS on stream ${streamId}, which is closed`, ERROR_CODE.streamClosed);
      return;
    }
    const { limits, budget } = this.#context;
    // Whatever becomes of it, the id is used.
    this.#streams.lastPeerId = streamId;
    if (streamId > this.acceptedIdMax) return;
    const isFull = this.#streams.count >= limits.streamsMax;
    if (isFull || budget.isTight) {
      if (isFull) this.#context.passed('streamsMax');
      else budget.refuses();
      if (this.#context.meter('refusedStreams')) this.#desk.refuseUnprocessed(streamId);
      return;
    }
    const stream = new H2Stream(this.#desk, SILENT, this.#context.makeLedger?.());
    stream.begin(this.#desk, streamId, this.#sender.streamWindowBytes, limits.streamWindowBytes);
    stream.receiving = end ? 'done' : 'body';
    this.#streams.add(stream);
    if (dependsOnItself) this.#desk.breach(stream, ERROR_CODE.protocolError, 'the stream depends on itself');
    else if (decoded.kind === 'too-long') this.#onTooLong(stream, decoded, end);
    else this.#accept(stream, blockOf(decoded), end);
  }

  #onTooLong(stream: H2Stream, decoded: TooLong, end: boolean): void {
    stream.isBeingAccepted = true;
    const handler = this.#context.events.onTooLong(stream, new FieldBlock(decoded.fields), end, decoded.listBytes);
    stream.isBeingAccepted = false;
    if (handler !== undefined) {
      stream.handler = handler;
      this.#desk.closeIfDone(stream);
      return;
    }
    this.#desk.breach(stream, ERROR_CODE.enhanceYourCalm, this.#tooLong(decoded));
  }

  #tooLong({ listBytes, limit }: TooLong): string {
    const { headerListBytesMax, headerFieldsMax } = this.#context.limits;
    if (limit === 'fieldsMax') return `a header list of more than ${headerFieldsMax} fields (headerFieldsMax)`;
    return `a header list of ${listBytes} bytes is above the limit of ${headerListBytesMax} bytes (headerListBytesMax)`;
  }

  #accept(stream: H2Stream, block: FieldBlock, end: boolean): void {
    const { fault, contentLength, expectsContinue } = readFacts(block, 'request');
    const isShort = fault === undefined && end && contentLength > 0;
    if (fault !== undefined || isShort) {
      const what = fault ?? `no body under a content-length of ${contentLength}`;
      this.#desk.breach(stream, ERROR_CODE.protocolError, `the request is malformed: ${what}`);
      return;
    }
    stream.contentLength = contentLength;
    if (expectsContinue && !end) this.#sender.block(stream.id, CONTINUE, false);
    stream.isBeingAccepted = true;
    stream.handler = this.#context.events.onStream(stream, block, end);
    stream.isBeingAccepted = false;
    this.#desk.closeIfDone(stream);
  }
}

/** What was read of a list that comes again is read once. */
function blockOf(decoded: DecodedList): FieldBlock {
  if (decoded.made instanceof FieldBlock) return decoded.made;
  const block = new FieldBlock(decoded.fields);
  decoded.made = block;
  return block;
}
