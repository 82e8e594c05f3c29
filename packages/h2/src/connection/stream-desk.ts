import { ERROR_CODE, writeRstStream, writeWindowUpdate } from '../frames/index.ts';
import type { ConnectionContext } from './context.ts';
import type { StreamEnd } from './errors.ts';
import type { FieldBlock } from './field-block.ts';
import type { LimitName } from './limits.ts';
import type { SendEnd, Sender } from './sender.ts';
import type { PeerSettings } from './settings.ts';
import { SILENT } from './silent.ts';
import type { H2Stream, StreamCarrier } from './stream.ts';
import type { Streams } from './streams.ts';

/** An end that its handler has yet to hear of: what we reset ourselves is told in a later call, never inside of the one that did it. */
interface OwedEnd {
  readonly stream: H2Stream;
  readonly end: StreamEnd;
}

/** What streams do and how they end, on either side. */
export class StreamDesk implements StreamCarrier, SendEnd {
  readonly #context: ConnectionContext;
  readonly #streams: Streams;
  readonly #sender: Sender;
  readonly #peer: PeerSettings;
  #owed: OwedEnd[] = [];

  constructor(context: ConnectionContext, streams: Streams, sender: Sender, peer: PeerSettings) {
    this.#context = context;
    this.#streams = streams;
    this.#sender = sender;
    this.#peer = peer;
  }

  /** Opens a stream of ours with its head, and with what was given for it while it waited. */
  begin(stream: H2Stream, block: FieldBlock): void {
    const fault = this.#faultOf(block);
    if (fault !== undefined) {
      // The other side never hears of it.
      stream.isOver = true;
      this.#owed.push({ stream, end: { kind: 'protocol-error', message: fault } });
      this.#context.work();
      return;
    }
    stream.begin(this, this.#streams.nextOwnId, this.#peer.streamWindowBytes, this.#context.limits.streamWindowBytes);
    this.#streams.add(stream);
    this.#sender.block(stream.id, block, stream.sending === 'done');
    if (stream.pending !== undefined || stream.wantsWritable) this.#sender.ready(stream);
    this.#sender.pump();
    this.#context.work();
  }

  sendHeaders(stream: H2Stream, block: FieldBlock, end: boolean): void {
    if (!this.#mayBeSent(stream, block)) return;
    this.#sender.headers(stream, block, end);
    this.#context.work();
  }

  sendData(stream: H2Stream, bytes: Uint8Array, end: boolean): boolean {
    const more = this.#sender.data(stream, bytes, end);
    this.#context.work();
    return more;
  }

  sendTrailers(stream: H2Stream, block: FieldBlock): void {
    if (!this.#mayBeSent(stream, block)) return;
    this.#sender.trailers(stream, block);
    this.#context.work();
  }

  reset(stream: H2Stream, code: number): void {
    this.#giveUp(stream, code, { kind: 'local-reset', code });
  }

  evict(stream: H2Stream, why: string): void {
    this.breach(stream, ERROR_CODE.enhanceYourCalm, why);
  }

  /** The other side broke the protocol or a limit on `stream`: it is reset, and its handler told (RFC 9113 §5.4.2). */
  breach(stream: H2Stream, code: number, message: string, limit?: LimitName): void {
    if (stream.isOver) return;
    if (limit !== undefined) this.#context.passed(limit);
    this.#giveUp(stream, code, { kind: 'protocol-error', message });
    this.#context.meter('resets');
  }

  /** A frame of a stream that we do not have was wrong: told by a reset, within the rate of those. */
  refuse(streamId: number, code: number): void {
    if (!this.#context.meter('resets')) return;
    writeRstStream(this.#sender.output.writer, streamId, code);
    this.#context.work();
  }

  /** A frame with a part of a message came for a stream that does not live (RFC 9113 §5.1). */
  ofNoStream(streamId: number, frame: 'DATA' | 'HEADERS'): void {
    switch (this.#streams.meaningOf(streamId)) {
      case 'idle':
        this.#context.misused(`${frame} on stream ${streamId}, which nobody has opened`);
        return;
      case 'closed':
        this.refuse(streamId, ERROR_CODE.streamClosed);
        return;
      case 'reset':
      case 'live':
        return;
    }
  }

  /** A stream that we do not begin; whoever opened it may try again (RFC 9113 §8.7). */
  refuseUnprocessed(streamId: number): void {
    this.#streams.rememberReset(streamId);
    writeRstStream(this.#sender.output.writer, streamId, ERROR_CODE.refusedStream);
    this.#context.work();
  }

  consumed(stream: H2Stream, byteCount: number): void {
    stream.unconsumedBytes -= byteCount;
    this.#context.budget.release(byteCount);
    if (stream.isHeldUp && stream.unconsumedBytes * 2 <= stream.windowBytes) {
      stream.isHeldUp = false;
      this.#context.budget.flows(stream);
    }
    this.credit(stream, byteCount);
  }

  /** Octets of the window of `stream` are free again; told when they are half of it, so that updates are few (RFC 9113 §6.9). */
  credit(stream: H2Stream, byteCount: number): void {
    const repaid = Math.min(stream.owedBytes, byteCount);
    stream.owedBytes -= repaid;
    stream.uncreditedBytes += byteCount - repaid;
    if (stream.receiving === 'done' || stream.uncreditedBytes * 2 < stream.windowBytes) return;
    let credit = stream.uncreditedBytes;
    // Both sides keep up where a whole window came and was consumed since the last word: the next one is twice as wide.
    if (stream.keepsUp && stream.unconsumedBytes === 0 && stream.receivedBytes >= 2 * stream.windowBytes) {
      const wider = Math.min(stream.windowBytes, this.#context.limits.streamWindowBytesMax - stream.windowBytes);
      if (wider > 0 && this.#context.budget.widens(wider)) {
        credit += wider;
        stream.windowBytes += wider;
      }
    }
    stream.uncreditedBytes = 0;
    stream.receiveWindow += credit;
    writeWindowUpdate(this.#sender.output.writer, stream.id, credit);
    this.#context.work();
  }

  /** The receiver does not keep up: a wide window would only let more pile up here. It is as at the start again, and stays so. */
  narrow(stream: H2Stream): void {
    stream.keepsUp = false;
    const excess = stream.windowBytes - this.#context.limits.streamWindowBytes;
    if (excess <= 0) return;
    stream.windowBytes -= excess;
    stream.owedBytes += excess;
    this.#context.budget.narrows(excess);
  }

  sendEnded(stream: H2Stream): void {
    if (stream.resetsWhenSent && stream.receiving !== 'done') {
      this.reset(stream, ERROR_CODE.noError);
      return;
    }
    this.closeIfDone(stream);
  }

  /** Tells the normal end of a stream both of whose directions are over. */
  closeIfDone(stream: H2Stream): void {
    if (stream.isOver || stream.isBeingAccepted || stream.sending !== 'done' || stream.receiving !== 'done') return;
    this.#remove(stream);
    const { handler } = stream;
    stream.handler = SILENT;
    handler.onClosed(stream);
  }

  /** Ends `stream` for what is known of the other side; nothing is sent. */
  finish(stream: H2Stream, end: StreamEnd): void {
    if (stream.isOver) return;
    if (stream.isBeingAccepted) {
      this.finishLater(stream, end);
      return;
    }
    this.#remove(stream);
    this.#tell(stream, end);
  }

  /** As {@link StreamDesk.finish}, told with what else is owed. */
  finishLater(stream: H2Stream, end: StreamEnd): void {
    if (stream.isOver) return;
    this.#remove(stream);
    this.#owed.push({ stream, end });
  }

  /** Tells the ends that are owed. */
  tellOwed(): void {
    while (this.#owed.length > 0) {
      const owed = this.#owed;
      this.#owed = [];
      for (const { stream, end } of owed) this.#tell(stream, end);
    }
  }

  #tell(stream: H2Stream, end: StreamEnd): void {
    const { handler } = stream;
    stream.handler = SILENT;
    handler.onReset(stream, end);
  }

  /** The other side has changed the window of its streams (RFC 9113 §6.9.2). False: one has more than a window can hold. */
  shiftWindows(byBytes: number): boolean {
    for (const stream of this.#streams.all()) {
      if (byBytes < 0) stream.sendWindow += byBytes;
      else if (!this.#sender.streamCredit(stream, byBytes)) return false;
    }
    return true;
  }

  #mayBeSent(stream: H2Stream, block: FieldBlock): boolean {
    const fault = this.#faultOf(block);
    if (fault === undefined) return true;
    this.#giveUp(stream, ERROR_CODE.internalError, { kind: 'protocol-error', message: fault });
    return false;
  }

  /** Why a block of ours cannot be sent. */
  #faultOf(block: FieldBlock): string | undefined {
    // What the other side tells of its own limit is advice (RFC 9113 §6.5.2): it answers a longer list in its own words.
    const max = this.#context.limits.sentListBytesMax;
    if (block.textBytes > max) {
      return `a header list of ${block.listBytes} bytes is not sent, above the limit of ${max} bytes (headerListBytesMax)`;
    }
    if (block.malformedName === undefined) return undefined;
    return `a header list is not sent: its field ${JSON.stringify(block.malformedName)} has characters that it must not have`;
  }

  #giveUp(stream: H2Stream, code: number, end: StreamEnd): void {
    if (stream.isOver) return;
    writeRstStream(this.#sender.output.writer, stream.id, code);
    this.#streams.rememberReset(stream.id);
    this.#remove(stream);
    this.#owed.push({ stream, end });
    this.#context.work();
  }

  #remove(stream: H2Stream): void {
    stream.isOver = true;
    stream.pending = undefined;
    stream.pendingTrailers = undefined;
    this.#streams.remove(stream);
    const { budget, limits } = this.#context;
    if (stream.windowBytes > limits.streamWindowBytes) budget.narrows(stream.windowBytes - limits.streamWindowBytes);
    if (stream.isHeldUp) budget.flows(stream);
    if (stream.unconsumedBytes > 0) budget.release(stream.unconsumedBytes);
    stream.unconsumedBytes = 0;
    this.#context.streamGone();
  }
}
