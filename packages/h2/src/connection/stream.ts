import { ERROR_CODE } from '../frames/index.ts';
import type { StreamEnd } from './errors.ts';
import { FieldBlock } from './field-block.ts';

/** Hears what happens on a stream; in the order headers, data*, trailers?, and then exactly one of closed and reset. */
export interface StreamEvents {
  /** Of a client: the head of the answer. `end`: nothing follows. */
  onHeaders(stream: H2Stream, headers: FieldBlock, end: boolean): void;
  /** `bytes` are a slice of what was read. They count against the window until {@link H2Stream.consume}. */
  onData(stream: H2Stream, bytes: Uint8Array, end: boolean): void;
  onTrailers(stream: H2Stream, trailers: FieldBlock): void;
  onReset(stream: H2Stream, end: StreamEnd): void;
  /** After {@link H2Stream.sendData} returned false. */
  onWritable(stream: H2Stream): void;
  /** Both directions ended. */
  onClosed(stream: H2Stream): void;
}

/**
 * How far a direction of a stream is; the two together are the state of RFC 9113 §5.1: none done is *open*, one done is *half-closed*, both
 * are *closed*. *Idle* streams have no object, and *reserved* ones do not exist, since push is refused.
 */
export type SendPhase =
  /** The head was not sent. */
  | 'head'
  | 'body'
  /** Nothing more may be given; what was given waits for windows. */
  | 'ending'
  | 'done';

/** As {@link SendPhase}, of what comes. */
export type ReceivePhase = 'head' | 'body' | 'done';

/** What a stream asks of its connection. */
export interface StreamCarrier {
  sendHeaders(stream: H2Stream, block: FieldBlock, end: boolean): void;
  sendData(stream: H2Stream, bytes: Uint8Array, end: boolean): boolean;
  sendTrailers(stream: H2Stream, block: FieldBlock): void;
  reset(stream: H2Stream, code: number): void;
  consumed(stream: H2Stream, byteCount: number): void;
  /** The stream is more than its receiver may hold, and has waited longest. */
  evict(stream: H2Stream, why: string): void;
}

/** A block as a caller may have it: our own, or anything that lists its fields, which keeps in `prepared` what is made of it once. */
export type SentBlock = FieldBlock | { raw(): readonly string[]; prepared?: unknown };

/** `block` as ours. */
export function fieldBlock(block: SentBlock): FieldBlock {
  if (block instanceof FieldBlock) return block;
  if (block.prepared instanceof FieldBlock) return block.prepared;
  const made = FieldBlock.of(block.raw());
  block.prepared = made;
  return made;
}

/** Debugging of ownership: hands out copies, and overwrites what was given back. */
export interface OwnershipLedger {
  /** What to deliver in place of `bytes`. */
  deliver(bytes: Uint8Array): Uint8Array;
  consumed(byteCount: number): void;
  /** What to send in place of `bytes`, which the caller may no longer use. */
  takeForSending(bytes: Uint8Array): Uint8Array;
}

/** One stream of a connection, or one that waits for its connection. All of its state lies here; its connection alone writes the fields that are not of the caller. */
export class H2Stream {
  /** Free for whoever handles the stream. */
  owner: unknown = undefined;
  /** 0 while it waits. */
  id = 0;
  handler: StreamEvents;
  sending: SendPhase = 'head';
  receiving: ReceivePhase = 'head';
  /** Its handler is about to be known: an end is told once it is. */
  isBeingAccepted = false;
  /** Its last event was told, or will be before anything else. */
  isOver = false;
  /** Octets that may still be sent (RFC 9113 §6.9.1); negative after the other side lowered its windows (§6.9.2). */
  sendWindow = 0;
  /** Octets that may still come. */
  receiveWindow = 0;
  /** The window that credit fills up to. */
  windowBytes = 0;
  /** Delivered and not consumed. */
  unconsumedBytes = 0;
  /** Consumed, and not yet told to the other side. */
  uncreditedBytes = 0;
  /** What of the credit is kept back, because a window that was widened is as narrow as at the start again. */
  owedBytes = 0;
  /** Whether the receiver has never yet held more than half of the window of the start: only then windows grow. */
  keepsUp = true;
  /** Whether the receiver holds more than half a window. */
  isHeldUp = false;
  /** Octets of the body that have come, and how many `content-length` announced; −1: none or not binding. */
  receivedBytes = 0;
  contentLength = -1;
  /** Whether the answer to the request has no body, whatever it announces (HEAD). */
  isHead = false;
  /** What waits for windows or for the socket; `pendingAt` is the first piece that is left. */
  pending: Uint8Array[] | undefined = undefined;
  pendingAt = 0;
  /** Ends our direction, behind what waits. */
  pendingTrailers: FieldBlock | undefined = undefined;
  /** A reset without error that follows what waits (RFC 9113 §8.1). */
  resetsWhenSent = false;
  wantsWritable = false;
  /** Since when it has had something to send and no window for it; 0: it has not. */
  stalledSinceMs = 0;
  /** Its place among the streams that have something to do. */
  isReady = false;
  nextReady: H2Stream | undefined = undefined;
  readonly ledger: OwnershipLedger | undefined;
  #carrier: StreamCarrier;

  constructor(carrier: StreamCarrier, handler: StreamEvents, ledger?: OwnershipLedger) {
    this.#carrier = carrier;
    this.handler = handler;
    this.ledger = ledger;
  }

  /** Its connection and its place there are known. */
  begin(carrier: StreamCarrier, id: number, sendWindow: number, receiveWindow: number): void {
    this.#carrier = carrier;
    this.id = id;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
    this.windowBytes = receiveWindow;
  }

  /** Of a server: the head of the answer, once. */
  sendHeaders(headers: SentBlock, end: boolean): void {
    if (!this.isOver && this.sending === 'head') this.#carrier.sendHeaders(this, fieldBlock(headers), end);
  }

  /** Takes `bytes` over. False: stop until `onWritable`. */
  sendData(bytes: Uint8Array, end: boolean): boolean {
    if (this.isOver || this.sending !== 'body') return true;
    return this.#carrier.sendData(this, this.ledger === undefined ? bytes : this.ledger.takeForSending(bytes), end);
  }

  /** Ends our direction with a trailing block. */
  sendTrailers(trailers: SentBlock): void {
    if (!this.isOver && this.sending === 'body') this.#carrier.sendTrailers(this, fieldBlock(trailers));
  }

  /**
   * Ends both directions. With {@link ERROR_CODE}`.noError` after our direction was ended, what was given before is still sent: a server's
   * way of saying that it needs no more of the request (RFC 9113 §8.1).
   */
  reset(code: number): void {
    if (this.isOver || this.resetsWhenSent) return;
    if (code === ERROR_CODE.noError && this.sending === 'ending') this.resetsWhenSent = true;
    else this.#carrier.reset(this, code);
  }

  /** Returns credit for `byteCount` octets that `onData` delivered; nothing else does. */
  consume(byteCount: number): void {
    if (this.isOver) return;
    this.ledger?.consumed(byteCount);
    this.#carrier.consumed(this, Math.min(byteCount, this.unconsumedBytes));
  }

  /** Ends the stream for what its receiver holds. */
  evict(why: string): void {
    if (!this.isOver) this.#carrier.evict(this, why);
  }
}
