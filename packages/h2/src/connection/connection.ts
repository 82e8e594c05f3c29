import {
  CLIENT_PREFACE,
  ERROR_CODE,
  type ErrorCode,
  FLAG,
  FRAME,
  type FrameFault,
  FrameReader,
  type FrameSink,
  INT31_MAX,
  uint32At,
  writeGoaway,
  writePing,
  writeSettings,
} from '../frames/index.ts';
import { HpackEncoder } from '../hpack/index.ts';
import type { ConnectionContext } from './context.ts';
import { ControlFrames } from './control-frames.ts';
import { DataReceiver } from './data-receiver.ts';
import { type ConnectionEnd, streamEndOf } from './errors.ts';
import type { ConnectionEvents, ReceiveBudget } from './events.ts';
import { HeaderReceiver } from './header-receiver.ts';
import {
  type ConnectionLimits,
  DEFAULT_CONNECTION_LIMITS,
  type LimitName,
  makeMeters,
  type RateMeter,
  type RateName,
} from './limits.ts';
import type { ConnectionSetup, Leaving, Phase } from './phase.ts';
import { Sender } from './sender.ts';
import { initialPeerSettings, ownSettings } from './settings.ts';
import { fieldBlock, type H2Stream, type OwnershipLedger, type SentBlock } from './stream.ts';
import { StreamDesk } from './stream-desk.ts';
import { Streams } from './streams.ts';

const PREFACE_BYTES = Uint8Array.from(CLIENT_PREFACE, (letter) => letter.charCodeAt(0));

/** The pings of {@link Connection.ping} carry a number; the one of a graceful end this, which those never reach. */
const DRAIN_PING = 0xffff_ffff;
const PING_BYTES = 8;
/** What is kept of the word of a GOAWAY. */
const GOAWAY_WORD_BYTES_MAX = 256;

/**
 * One HTTP/2 connection (RFC 9113) without I/O: octets in by {@link Connection.receive}, octets out by {@link Connection.take}, and events
 * between. It owns neither socket nor timer; the instant comes with each call.
 *
 * Laws: whatever comes in, it never throws, holds no more than its limits allow, and tells each stream exactly one end; what it sends is
 * always a valid sequence of frames; after {@link ConnectionEvents.onOver} it tells nothing.
 */
export class Connection implements FrameSink, ConnectionContext {
  readonly side: 'client' | 'server';
  readonly limits: ConnectionLimits;
  readonly events: ConnectionEvents;
  readonly budget: ReceiveBudget;
  readonly makeLedger: (() => OwnershipLedger) | undefined;
  nowMs: number;
  readonly #streams: Streams;
  readonly #sender: Sender;
  readonly #desk: StreamDesk;
  readonly #headers: HeaderReceiver;
  readonly #data: DataReceiver;
  readonly #control: ControlFrames;
  readonly #reader: FrameReader;
  readonly #peer = initialPeerSettings();
  readonly #meters: Record<RateName, RateMeter>;
  readonly #pingBytes = new Uint8Array(PING_BYTES);
  #phase: Phase;
  #leaving: Leaving = 'staying';
  /** The other side has said that it takes no further stream of ours. */
  #peerLeaves = false;
  /** What the constructor writes is the first thing that its maker takes. */
  #workTold = true;
  readonly #startedMs: number;
  #announcedMs = 0;
  #settingsAcknowledged = false;
  /** Since when something has waited for the socket; 0: nothing does. */
  #unreadSinceMs = 0;
  /** Since when a frame or header block has been in the middle; 0: none is. */
  #partialSinceMs = 0;

  constructor(setup: ConnectionSetup) {
    const { side, events, budget, nowMs } = setup;
    this.side = side;
    this.events = events;
    this.budget = budget;
    this.makeLedger = setup.makeLedger;
    this.nowMs = nowMs;
    this.#startedMs = nowMs;
    this.limits = { ...DEFAULT_CONNECTION_LIMITS, ...setup.limits };
    this.#streams = new Streams(side, this.limits.rememberedResetsMax);
    const ends = { sendEnded: (stream: H2Stream): void => this.#desk.sendEnded(stream) };
    this.#sender = new Sender(new HpackEncoder(), this.limits.framedBytesMax, ends);
    this.#desk = new StreamDesk(this, this.#streams, this.#sender, this.#peer);
    this.#headers = new HeaderReceiver(this, this.#streams, this.#desk, this.#sender);
    this.#data = new DataReceiver(this, this.#streams, this.#desk, this.#sender.output);
    this.#control = new ControlFrames(this, { streams: this.#streams, desk: this.#desk, sender: this.#sender, peer: this.#peer });
    this.#reader = new FrameReader(this);
    this.#meters = makeMeters(this.limits, nowMs);
    this.#phase = side === 'server' ? { kind: 'preface', matchedBytes: 0 } : { kind: 'settings' };
    this.#start();
  }

  // —— What the owner asks ——

  get isOver(): boolean {
    return this.#phase.kind === 'over';
  }

  /** Streams that live. */
  get streamCount(): number {
    return this.#streams.count;
  }

  /** Whether the first SETTINGS of the other side have come. */
  get isReady(): boolean {
    return this.#phase.kind === 'open';
  }

  /** Of a client: whether {@link Connection.open} may be called. */
  get hasRoom(): boolean {
    return (
      this.#phase.kind === 'open' &&
      !this.#peerLeaves &&
      this.#leaving === 'staying' &&
      this.#streams.count < this.#peer.streamsMax &&
      this.#streams.nextOwnId <= INT31_MAX
    );
  }

  /** Whether no further stream can be opened on this connection, ever: the other side leaves, or the ids are used up. */
  get isSpent(): boolean {
    return this.isOver || this.#peerLeaves || this.#leaving !== 'staying' || this.#streams.nextOwnId > INT31_MAX;
  }

  /** Takes in what was read; it belongs to the connection from now on. Events come before this returns. */
  receive(bytes: Uint8Array, nowMs: number): void {
    this.#setNow(nowMs);
    let at = 0;
    if (this.#phase.kind === 'preface') at = this.#matchPreface(this.#phase, bytes);
    this.#reader.read(bytes, at, bytes.byteLength);
    const isPartial = this.#reader.heldBytes > 0 || this.#headers.openStreamId !== undefined;
    if (!isPartial) this.#partialSinceMs = 0;
    else if (this.#partialSinceMs === 0) this.#partialSinceMs = nowMs;
  }

  /** What is to be sent, in order; it belongs to the caller. Empty: nothing. */
  take(): Uint8Array[] {
    this.#workTold = false;
    return this.#sender.output.take();
  }

  /** Tells handlers what they are owed; to be called once a turn, after {@link ConnectionEvents.onWork}. */
  deliver(): void {
    this.#desk.tellOwed();
  }

  /** Octets that wait to be taken. */
  get outputBytes(): number {
    return this.#sender.output.byteCount;
  }

  /** The socket has more than it should: data stays with its streams until {@link Connection.relieved}. */
  congested(nowMs: number): void {
    this.#setNow(nowMs);
    this.#sender.isCongested = true;
    if (this.#unreadSinceMs === 0) this.#unreadSinceMs = nowMs;
  }

  /** The socket has room: what waits is framed, and handlers that wait may go on. */
  relieved(nowMs: number): void {
    this.#setNow(nowMs);
    this.#sender.isCongested = false;
    this.#unreadSinceMs = 0;
    this.#sender.pump();
  }

  /** Frames what waits where the output was taken and the socket has room. */
  pump(): void {
    this.#sender.pump();
  }

  /** Of a client: opens a stream that has waited, with its head, if {@link Connection.hasRoom}. No event comes before this returns. */
  open(stream: H2Stream, headers: SentBlock): void {
    const block = fieldBlock(headers);
    stream.isHead = block.get(':method') === 'HEAD';
    this.#desk.begin(stream, block);
  }

  /** Asks for a sign of life; {@link ConnectionEvents.onPong} has the same `id`, below 2³² − 1. */
  ping(id: number): void {
    if (this.isOver) return;
    this.#writePing(id);
    this.work();
  }

  /** Ends in good order: no further stream is taken, and those that live end by themselves; then {@link ConnectionEvents.onOver}. */
  drain(): void {
    if (this.isOver || this.#leaving !== 'staying') return;
    if (this.side === 'client') this.#leaving = 'leaving';
    else {
      this.#leaving = 'announced';
      this.#announcedMs = this.nowMs;
      writeGoaway(this.#sender.output.writer, INT31_MAX, ERROR_CODE.noError, '');
      this.#writePing(DRAIN_PING);
      this.work();
    }
    this.#endIfDrained();
  }

  /** Ends at once: streams that live are reset, and the other side told by GOAWAY. */
  close(): void {
    if (this.isOver) return;
    writeGoaway(this.#sender.output.writer, this.#streams.lastPeerId, ERROR_CODE.noError, '');
    this.#over({ kind: 'closed' });
  }

  /** The socket is gone. */
  lost(message: string): void {
    if (!this.isOver) this.#over({ kind: 'lost', message });
  }

  /** Ends what has made no progress for too long; to be called every second or so. */
  sweep(nowMs: number): void {
    this.#setNow(nowMs);
    if (this.isOver) return;
    const { limits } = this;
    if (!this.#settingsAcknowledged && nowMs - this.#startedMs > limits.settingsMsMax) {
      this.fail(
        ERROR_CODE.settingsTimeout,
        `no SETTINGS and no answer to ours within ${limits.settingsMsMax} ms`,
        'settingsMsMax',
      );
    } else if (this.#partialSinceMs > 0 && nowMs - this.#partialSinceMs > limits.partialMsMax) {
      this.fail(
        ERROR_CODE.enhanceYourCalm,
        `a frame or header block in the middle for ${limits.partialMsMax} ms`,
        'partialMsMax',
      );
    } else if (this.#unreadSinceMs > 0 && nowMs - this.#unreadSinceMs > limits.unreadMsMax) {
      this.fail(ERROR_CODE.enhanceYourCalm, `nothing read for ${limits.unreadMsMax} ms`, 'unreadMsMax');
    } else this.#sweepStalls(nowMs);
  }

  // —— What the parts of the connection tell ——

  fail(code: ErrorCode, message: string, limit?: LimitName): void {
    if (this.isOver) return;
    if (limit !== undefined) this.passed(limit);
    writeGoaway(this.#sender.output.writer, this.#streams.lastPeerId, code, message);
    this.#over({ kind: 'error', error: { kind: 'connection', code, message, limit } });
  }

  misused(message: string, code: ErrorCode = ERROR_CODE.protocolError): void {
    this.fail(code, message, 'misusedStreamIdsMax');
  }

  meter(rate: RateName): boolean {
    if (this.#meters[rate].allows(this.nowMs)) return true;
    const { burst, perSecond } = this.limits[rate];
    this.fail(ERROR_CODE.enhanceYourCalm, `more than ${burst} at once and ${perSecond} a second (${rate})`, rate);
    return false;
  }

  passed(limit: LimitName): void {
    this.events.onLimit(limit);
  }

  work(): void {
    if (this.#sender.isCongested && this.outputBytes > this.limits.unreadControlBytesMax + this.limits.framedBytesMax) {
      const { unreadControlBytesMax } = this.limits;
      this.fail(
        ERROR_CODE.enhanceYourCalm,
        `more than ${unreadControlBytesMax} bytes of answers not read`,
        'unreadControlBytesMax',
      );
    }
    if (this.#workTold) return;
    this.#workTold = true;
    this.events.onWork();
  }

  /** A stream is gone. */
  streamGone(): void {
    if (this.side === 'client' && this.#streams.count === this.#peer.streamsMax - 1 && this.hasRoom) this.events.onRoom();
    this.#endIfDrained();
  }

  // —— What the reader finds ——

  onFrame(type: number, flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void {
    const openBlock = this.#headers.openStreamId;
    if (openBlock !== undefined && type !== FRAME.continuation) {
      this.fail(ERROR_CODE.protocolError, `a frame of type ${type} inside the header block of stream ${openBlock}`);
      return;
    }
    if (this.#phase.kind === 'settings' && (type !== FRAME.settings || (flags & FLAG.ack) !== 0)) {
      this.fail(ERROR_CODE.protocolError, `the first frame is of type ${type}, not SETTINGS`);
      return;
    }
    switch (type) {
      case FRAME.headers:
        this.#headers.onHeaders(flags, streamId, bytes, start, end);
        return;
      case FRAME.windowUpdate:
        this.#control.onWindowUpdate(streamId, bytes, start, end);
        return;
      case FRAME.rstStream:
        this.#control.onRstStream(streamId, bytes, start, end);
        return;
      case FRAME.continuation:
        this.#headers.onContinuation(flags, streamId, bytes, start, end);
        return;
      case FRAME.settings:
        this.#onSettings(flags, streamId, bytes, start, end);
        return;
      case FRAME.ping:
        if (this.#control.isPing(streamId, end - start)) this.#onPing(flags, bytes, start);
        return;
      case FRAME.goaway:
        this.#onGoaway(streamId, bytes, start, end);
        return;
      case FRAME.priority:
        this.#control.onPriority(streamId, bytes, start, end);
        return;
      case FRAME.priorityUpdate:
        this.#control.onPriorityUpdate(streamId, bytes, start, end);
        return;
      case FRAME.pushPromise:
        this.fail(ERROR_CODE.protocolError, 'PUSH_PROMISE, and push is refused');
        return;
      default:
        // Frames of unknown types mean nothing (RFC 9113 §4.1), but are not free.
        this.meter('emptyFrames');
    }
  }

  onDataBegin(streamId: number, flags: number, length: number): void {
    const openBlock = this.#headers.openStreamId;
    if (openBlock !== undefined) this.fail(ERROR_CODE.protocolError, `DATA inside the header block of stream ${openBlock}`);
    else if (this.#phase.kind === 'settings') this.fail(ERROR_CODE.protocolError, 'the first frame is DATA, not SETTINGS');
    else this.#data.begin(streamId, flags, length);
  }

  onDataPadding(byteCount: number): void {
    this.#data.padding(byteCount);
  }

  onDataBytes(bytes: Uint8Array, last: boolean): void {
    if (!this.isOver) this.#data.bytes(bytes, last);
  }

  onUnreadable(fault: FrameFault): void {
    if (fault.kind === 'too-large') {
      const message = `a frame of ${fault.lengthBytes} bytes (type ${fault.type})`;
      this.fail(ERROR_CODE.frameSizeError, message, 'frameBytesMax');
    } else this.fail(ERROR_CODE.protocolError, `the padding of DATA on stream ${fault.streamId} is longer than the frame`);
  }

  // —— Its own ——

  #start(): void {
    const { writer } = this.#sender.output;
    if (this.side === 'client') writer.raw(PREFACE_BYTES);
    writeSettings(writer, ownSettings(this.limits, this.side));
    this.#data.start();
    this.work();
  }

  #matchPreface(phase: Extract<Phase, { kind: 'preface' }>, bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.byteLength && phase.matchedBytes < PREFACE_BYTES.byteLength) {
      if (bytes[at] !== PREFACE_BYTES[phase.matchedBytes]) {
        this.fail(ERROR_CODE.protocolError, 'what comes first is not the preface of HTTP/2');
        return at;
      }
      at += 1;
      phase.matchedBytes += 1;
    }
    if (phase.matchedBytes === PREFACE_BYTES.byteLength) this.#phase = { kind: 'settings' };
    return at;
  }

  #onSettings(flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void {
    if ((flags & FLAG.ack) !== 0) {
      if (streamId !== 0) this.misused(`SETTINGS on stream ${streamId}`);
      else if (end > start) this.fail(ERROR_CODE.frameSizeError, `the answer to SETTINGS has ${end - start} bytes`);
      this.#settingsAcknowledged = true;
      return;
    }
    if (!this.#control.onSettings(streamId, bytes, start, end)) return;
    if (this.#phase.kind === 'settings') {
      this.#phase = { kind: 'open' };
      this.events.onReady();
    }
    if (this.side === 'client' && this.hasRoom) this.events.onRoom();
  }

  #onPing(flags: number, bytes: Uint8Array, start: number): void {
    if ((flags & FLAG.ack) === 0) {
      this.#control.onPing(bytes, start);
      return;
    }
    const id = uint32At(bytes, start + 4);
    if (uint32At(bytes, start) !== 0) return;
    if (id !== DRAIN_PING) this.events.onPong(id);
    else if (this.#leaving === 'announced') this.#leave();
  }

  #onGoaway(streamId: number, bytes: Uint8Array, start: number, end: number): void {
    if (streamId !== 0) {
      this.misused(`GOAWAY on stream ${streamId}`);
      return;
    }
    if (end - start < 8) {
      this.fail(ERROR_CODE.frameSizeError, `GOAWAY of ${end - start} bytes`);
      return;
    }
    const lastStreamId = uint32At(bytes, start) & INT31_MAX;
    const word = bytes.subarray(start + 8, Math.min(end, start + 8 + GOAWAY_WORD_BYTES_MAX));
    this.#peerLeaves = true;
    const code = uint32At(bytes, start + 4);
    this.events.onGoaway({ lastStreamId, code, why: String.fromCharCode(...word) });
    for (const stream of this.#streams.all()) {
      if (this.side === 'client' && stream.id > lastStreamId) this.#desk.finish(stream, { kind: 'unprocessed', why: 'goaway' });
    }
    // Of the streams below it, whoever ends a connection for an error says nothing more.
    if (code !== ERROR_CODE.noError) this.lost(`the other side ended the connection (GOAWAY ${code})`);
  }

  /** The round trip after our first GOAWAY is over: whatever the other side opened before it read that has come. */
  #leave(): void {
    this.#leaving = 'leaving';
    this.#headers.acceptedIdMax = this.#streams.lastPeerId;
    writeGoaway(this.#sender.output.writer, this.#streams.lastPeerId, ERROR_CODE.noError, '');
    this.work();
    this.#endIfDrained();
  }

  #endIfDrained(): void {
    if (this.#leaving !== 'leaving' || this.#streams.count > 0 || this.isOver) return;
    if (this.side === 'client') writeGoaway(this.#sender.output.writer, 0, ERROR_CODE.noError, '');
    this.#over({ kind: 'closed' });
  }

  #over(end: ConnectionEnd): void {
    this.#phase = { kind: 'over', end };
    const streamEnd = streamEndOf(end);
    for (const stream of this.#streams.all()) this.#desk.finishLater(stream, streamEnd);
    this.work();
    this.events.onOver(end);
  }

  #sweepStalls(nowMs: number): void {
    const { stallMsMax } = this.limits;
    const { stalledSinceMs } = this.#sender;
    if (stalledSinceMs > 0 && nowMs - stalledSinceMs > stallMsMax) {
      this.fail(ERROR_CODE.flowControlError, `no window for ${stallMsMax} ms`, 'stallMsMax');
      return;
    }
    if (this.#leaving === 'announced' && nowMs - this.#announcedMs > this.limits.settingsMsMax) this.#leave();
    for (const stream of this.#streams.all()) {
      if (stream.stalledSinceMs === 0 || nowMs - stream.stalledSinceMs <= stallMsMax) continue;
      this.#desk.breach(stream, ERROR_CODE.flowControlError, `no window for ${stallMsMax} ms`, 'stallMsMax');
    }
  }

  #writePing(id: number): void {
    const bytes = this.#pingBytes;
    for (let at = 0; at < 4; at += 1) bytes[4 + at] = id >>> (24 - 8 * at);
    writePing(this.#sender.output.writer, 0, bytes, 0);
  }

  #setNow(nowMs: number): void {
    this.nowMs = nowMs;
    this.#sender.nowMs = nowMs;
  }
}
