import type { SeededRandom } from '@modelmesh/core';
import {
  Connection,
  type ConnectionEnd,
  type ConnectionEvents,
  type ConnectionLimits,
  DEFAULT_CONNECTION_LIMITS,
  type FieldBlock,
  type H2Stream,
  type ReceiveBudget,
  type StreamEnd,
  type StreamEvents,
  WaitingRoom,
} from '@modelmesh/h2/connection';
import { SentFrames } from './sent-frames.ts';

/** Limits that a few frames reach, so that what lies behind each of them is played too. */
const SMALL_LIMITS: Partial<ConnectionLimits> = {
  streamsMax: 3,
  refusedStreams: { burst: 5, perSecond: 1 },
  resets: { burst: 5, perSecond: 1 },
  settings: { burst: 5, perSecond: 1 },
  pings: { burst: 5, perSecond: 1 },
  priorities: { burst: 5, perSecond: 1 },
  emptyFrames: { burst: 20, perSecond: 1 },
  windowUpdates: { burst: 20, perSecond: 1 },
  headerBlockBytesMax: 4096,
  continuationsMax: 3,
  headerListBytesMax: 2048,
  headerFieldsMax: 12,
  headerTableBytesMax: 256,
  streamWindowBytes: 65_535,
  streamWindowBytesMax: 100_000,
  connectionWindowBytes: 65_535,
  unreadControlBytesMax: 2000,
  framedBytesMax: 20_000,
  stallMsMax: 5000,
  unreadMsMax: 5000,
  partialMsMax: 5000,
  settingsMsMax: 5000,
  rememberedResetsMax: 2,
};

/** Octets that may wait beyond what limits allow: what one frame makes us say, a whole header list among it. */
const OUTPUT_SLACK_BYTES = 200_000;

/** Counts what a connection holds. */
class CountingBudget implements ReceiveBudget {
  usedBytes = 0;
  widenedBytes = 0;
  readonly stalled = new Set<unknown>();
  readonly isTight: boolean = false;
  take(_stream: unknown, byteCount: number): void {
    this.usedBytes += byteCount;
  }
  release(byteCount: number): void {
    this.usedBytes -= byteCount;
  }
  stalls(stream: unknown): void {
    this.stalled.add(stream);
  }
  flows(stream: unknown): void {
    this.stalled.delete(stream);
  }
  refuses(): void {}
  widens(byteCount: number): boolean {
    this.widenedBytes += byteCount;
    return true;
  }
  narrows(byteCount: number): void {
    this.widenedBytes -= byteCount;
  }
}

/** Handles one stream as chance has it, and counts its ends. */
class Handler implements StreamEvents {
  ends = 0;
  /** The other direction is over. */
  #isEnded = false;
  readonly #random: SeededRandom;
  readonly #isServer: boolean;
  readonly #consumes: boolean;

  constructor(random: SeededRandom, isServer: boolean) {
    this.#random = random;
    this.#isServer = isServer;
    this.#consumes = random.below(3) > 0;
  }

  /** A server's: the head of the request has come. */
  begin(stream: H2Stream, end: boolean): void {
    this.#isEnded = end;
    if (end || this.#random.below(4) === 0) this.#answer(stream);
  }

  onHeaders(stream: H2Stream, _headers: FieldBlock, end: boolean): void {
    this.#came('headers', end);
    if (this.#random.below(10) === 0) stream.reset(8);
  }

  onData(stream: H2Stream, bytes: Uint8Array, end: boolean): void {
    this.#came('data', end);
    if (this.#consumes) stream.consume(bytes.length);
    if (end && this.#isServer) this.#answer(stream);
  }

  onTrailers(stream: H2Stream): void {
    this.#came('trailers', true);
    if (this.#isServer) this.#answer(stream);
  }

  onReset(_stream: H2Stream, _end: StreamEnd): void {
    this.#live('reset');
    this.ends += 1;
  }

  onWritable(stream: H2Stream): void {
    this.#live('writable');
    if (this.#random.below(2) === 0) stream.sendData(new Uint8Array(this.#random.below(30_000)), this.#random.below(2) === 0);
  }

  onClosed(): void {
    this.#live('closed');
    this.ends += 1;
  }

  #came(what: string, end: boolean): void {
    this.#live(what);
    if (this.#isEnded) throw new Error(`${what} were told behind the end of their direction`);
    this.#isEnded = end;
  }

  #live(what: string): void {
    if (this.ends > 0) throw new Error(`${what} was told behind the end of a stream`);
  }

  #answer(stream: H2Stream): void {
    const random = this.#random;
    switch (random.below(6)) {
      case 0:
        stream.reset(random.below(14));
        return;
      case 1:
        stream.sendHeaders({ raw: () => [':status', '200'] }, true);
        return;
      default: {
        const secret = ['authorization', 'b'.repeat(random.below(40))];
        stream.sendHeaders({ raw: () => [':status', '200', 'content-type', 'application/grpc', ...secret] }, false);
        stream.sendData(new Uint8Array(random.below(2) * random.below(150_000)), random.below(3) === 0);
        if (random.below(4) === 0) stream.sendData(new Uint8Array(0), true);
        if (random.below(2) === 0) stream.sendTrailers({ raw: () => ['grpc-status', String(random.below(17))] });
        if (random.below(8) === 0) stream.reset(0);
      }
    }
  }
}

/** What one case came to. */
export interface CaseOutcome {
  readonly streams: number;
  readonly end: ConnectionEnd['kind'];
}

/**
 * Gives octets to one connection of either side, whose streams are handled as chance has it.
 *
 * @throws what law of the connection was broken
 */
export class ConnectionCase implements ConnectionEvents {
  readonly connection: Connection;
  readonly #random: SeededRandom;
  readonly #side: 'client' | 'server';
  readonly #budget = new CountingBudget();
  readonly #limits: ConnectionLimits;
  readonly #handlers: Handler[] = [];
  readonly #streams: H2Stream[] = [];
  readonly #sent: SentFrames;
  readonly #waiting = new WaitingRoom((stream, code) => stream.handler.onReset(stream, { kind: 'local-reset', code }));
  #nowMs = 1000;
  /** One turn in so many something is done that an owner may do. */
  readonly #whimEvery: number;
  #isCongested = false;
  #toOpen: number;
  #end: ConnectionEnd | undefined = undefined;

  constructor(random: SeededRandom, side: 'client' | 'server', calls: number) {
    this.#random = random;
    this.#side = side;
    this.#toOpen = side === 'client' ? calls : 0;
    this.#whimEvery = random.below(2) === 0 ? 12 : 60;
    const limits = random.below(3) === 0 ? SMALL_LIMITS : {};
    this.#limits = { ...DEFAULT_CONNECTION_LIMITS, ...limits };
    this.#sent = new SentFrames(side);
    this.connection = new Connection({ side, events: this, budget: this.#budget, nowMs: this.#nowMs, limits });
  }

  play(pieces: readonly Uint8Array[]): CaseOutcome {
    this.#open();
    this.#turn();
    for (const piece of pieces) {
      this.#nowMs += this.#random.below(3) === 0 ? this.#random.below(50) : 0;
      if (!this.connection.isOver) this.connection.receive(piece, this.#nowMs);
      this.#open();
      this.#turn();
      this.#check();
      this.#whims();
    }
    this.connection.relieved(this.#nowMs);
    this.#isCongested = false;
    this.#turn();
    this.connection.lost('the end of the case');
    this.#turn();
    return this.#finish();
  }

  onStream(stream: H2Stream, _headers: FieldBlock, end: boolean): StreamEvents {
    const handler = new Handler(this.#random, true);
    this.#note(stream, handler);
    handler.begin(stream, end);
    return handler;
  }

  onTooLong(stream: H2Stream, _headers: FieldBlock, _end: boolean): StreamEvents | undefined {
    if (this.#random.below(2) === 0) return undefined;
    const handler = new Handler(this.#random, true);
    this.#note(stream, handler);
    stream.sendHeaders({ raw: () => [':status', '431'] }, true);
    return handler;
  }

  onReady(): void {
    this.#mustLive('onReady');
  }
  onRoom(): void {
    this.#mustLive('onRoom');
  }
  onGoaway(): void {
    this.#mustLive('onGoaway');
  }
  onPong(): void {
    this.#mustLive('onPong');
  }
  onLimit(): void {}
  onWork(): void {}
  onOver(end: ConnectionEnd): void {
    this.#mustLive('onOver');
    this.#end = end;
  }

  #mustLive(what: string): void {
    if (this.#end !== undefined) throw new Error(`${what} was told behind the end of the connection`);
  }

  #note(stream: H2Stream, handler: Handler): void {
    this.#streams.push(stream);
    this.#handlers.push(handler);
  }

  /** Opens the calls of a client, as the connection has room. */
  #open(): void {
    while (this.#toOpen > 0 && this.connection.hasRoom) {
      this.#toOpen -= 1;
      const handler = new Handler(this.#random, false);
      const end = this.#random.below(3) === 0;
      const stream = this.#waiting.make(handler, end);
      this.#note(stream, handler);
      if (!end && this.#random.below(4) === 0) stream.sendTrailers({ raw: () => ['x', '1'] });
      const path = `/call/${this.#toOpen}`;
      this.connection.open(stream, { raw: () => [':method', 'POST', ':scheme', 'http', ':path', path, ':authority', 'test'] });
      if (!end) stream.sendData(new Uint8Array(this.#random.below(100_000)), this.#random.below(2) === 0);
    }
  }

  /** What the owner of a connection does once a turn. */
  #turn(): void {
    const { connection } = this;
    connection.deliver();
    if (this.#isCongested && !connection.isOver) return;
    for (let pieces = connection.take(); pieces.length > 0; pieces = connection.take()) {
      this.#sent.read(pieces);
      connection.pump();
    }
    connection.deliver();
  }

  /** What an owner may do at any time. */
  #whims(): void {
    const { connection } = this;
    switch (this.#random.below(this.#whimEvery)) {
      case 0:
        this.#isCongested = true;
        connection.congested(this.#nowMs);
        return;
      case 1:
      case 2:
        this.#isCongested = false;
        connection.relieved(this.#nowMs);
        return;
      case 3:
        this.#nowMs += 1000;
        connection.sweep(this.#nowMs);
        return;
      case 4:
        connection.ping(this.#random.below(1000));
        return;
      case 5:
        for (const stream of this.#streams) stream.consume(stream.unconsumedBytes);
        return;
      case 6:
        if (this.#random.below(4) === 0) connection.drain();
        return;
      case 7:
        this.#streams[this.#random.below(this.#streams.length + 1)]?.reset(this.#random.below(14));
        return;
      default:
        return;
    }
  }

  #check(): void {
    const { connection } = this;
    const { streamsMax, streamWindowBytesMax, streamWindowBytes, framedBytesMax, unreadControlBytesMax } = this.#limits;
    const outputMax = framedBytesMax + unreadControlBytesMax + OUTPUT_SLACK_BYTES;
    if (connection.outputBytes > outputMax)
      throw new Error(`${connection.outputBytes} octets wait to be taken, at most ${outputMax} may`);
    if (this.#side === 'server' && connection.streamCount > streamsMax) throw new Error(`${connection.streamCount} streams live`);
    let unconsumed = 0;
    for (const { unconsumedBytes } of this.#streams) {
      unconsumed += unconsumedBytes;
      if (unconsumedBytes > Math.max(streamWindowBytes, streamWindowBytesMax))
        throw new Error(`a stream holds ${unconsumedBytes} octets, beyond every window`);
    }
    if (unconsumed !== this.#budget.usedBytes)
      throw new Error(`${unconsumed} octets are held and ${this.#budget.usedBytes} counted`);
  }

  #finish(): CaseOutcome {
    this.#sent.finish();
    for (const { ends } of this.#handlers) if (ends !== 1) throw new Error(`a stream has ended ${ends} times`);
    const { usedBytes, widenedBytes, stalled } = this.#budget;
    if (usedBytes !== 0 || widenedBytes !== 0 || stalled.size > 0)
      throw new Error(
        `${usedBytes} octets, ${widenedBytes} of windows and ${stalled.size} stalled streams are left in the budget`,
      );
    if (this.connection.streamCount > 0) throw new Error(`${this.connection.streamCount} streams live on`);
    if (this.#end === undefined) throw new Error('the connection has not ended');
    return { streams: this.#streams.length, end: this.#end.kind };
  }
}
