import type { ConnectionEnd } from './errors.ts';
import type { FieldBlock } from './field-block.ts';
import type { LimitName } from './limits.ts';
import type { H2Stream, StreamEvents } from './stream.ts';

/** What GOAWAY said (RFC 9113 §6.8). */
export interface Goaway {
  /** The highest id that the other side has processed or will. */
  readonly lastStreamId: number;
  readonly code: number;
  /** Its word of why; from the other side, so never to be trusted. */
  readonly why: string;
}

/** Hears what happens on a connection. */
export interface ConnectionEvents {
  /** Of a server: a stream with the head of its request. `end`: the request has no body. Returns who hears of it. */
  onStream(stream: H2Stream, headers: FieldBlock, end: boolean): StreamEvents;
  /**
   * Of a server: a stream whose header list of `listBytes` octets is over the limit; `headers` has what was below it. Returns who hears of it,
   * having answered, or `undefined`: it is reset with ENHANCE_YOUR_CALM.
   */
  onTooLong(stream: H2Stream, headers: FieldBlock, end: boolean, listBytes: number): StreamEvents | undefined;
  /** The first SETTINGS of the other side have come. */
  onReady(): void;
  /** Of a client: a stream may be opened again. */
  onRoom(): void;
  onGoaway(goaway: Goaway): void;
  /** The answer to {@link Connection.ping} with this number. */
  onPong(id: number): void;
  /** A limit was passed by the other side: for a metric. */
  onLimit(limit: LimitName): void;
  /** There is something to take or to deliver; told once until both were done. */
  onWork(): void;
  /** The last word: what is left of the output is to be sent, and the socket to be ended. */
  onOver(end: ConnectionEnd): void;
}

/** Streams that give their octets back when they are asked. */
export interface Evictable {
  evict(why: string): void;
}

/** What may lie delivered and not consumed over several streams, or connections; flow control bounds one stream only. */
export interface ReceiveBudget {
  /** Octets that are about to be delivered to `stream`; above the budget somebody is evicted, perhaps `stream`. */
  take(stream: Evictable, byteCount: number): void;
  release(byteCount: number): void;
  /** `stream` has not consumed half of its window. */
  stalls(stream: Evictable): void;
  /** `stream` flows again, or is over. */
  flows(stream: Evictable): void;
  /** Whether new streams are to be refused. */
  readonly isTight: boolean;
  /** A new stream was refused because it is. */
  refuses(): void;
  /** Whether the window of a stream may be wider by `byteCount` octets; if so they are taken until {@link ReceiveBudget.narrows}. */
  widens(byteCount: number): boolean;
  narrows(byteCount: number): void;
}
