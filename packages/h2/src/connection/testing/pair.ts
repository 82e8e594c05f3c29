import { Connection } from '../connection.ts';
import type { ConnectionEnd, StreamEnd } from '../errors.ts';
import type { ConnectionEvents, ReceiveBudget } from '../events.ts';
import type { FieldBlock } from '../field-block.ts';
import type { ConnectionLimits, LimitName } from '../limits.ts';
import type { H2Stream, StreamEvents } from '../stream.ts';
import { WaitingRoom } from '../waiting.ts';

/** A budget without a bound. */
export const FREE_BUDGET: ReceiveBudget = {
  take: () => undefined,
  release: () => undefined,
  stalls: () => undefined,
  flows: () => undefined,
  isTight: false,
  refuses: () => undefined,
  widens: () => true,
  narrows: () => undefined,
};

/** Notes what one stream hears. */
export class Heard implements StreamEvents {
  readonly log: string[] = [];
  bytes = 0;
  consumes = false;
  end: StreamEnd | undefined = undefined;
  /** The stream that was heard of last. */
  stream: H2Stream | undefined = undefined;

  onHeaders(_stream: H2Stream, headers: FieldBlock, end: boolean): void {
    this.log.push(`headers ${headers.get(':status') ?? ''}${end ? ' end' : ''}`);
  }
  onData(stream: H2Stream, bytes: Uint8Array, end: boolean): void {
    this.bytes += bytes.byteLength;
    this.stream = stream;
    if (bytes.byteLength > 0 && bytes.byteLength < 100)
      this.log.push(`data ${Buffer.from(bytes).toString('latin1')}${end ? ' end' : ''}`);
    else if (end) this.log.push('end');
    if (this.consumes) stream.consume(bytes.byteLength);
  }
  onTrailers(_stream: H2Stream, trailers: FieldBlock): void {
    this.log.push(`trailers ${trailers.raw().join(' ')}`);
  }
  onReset(_stream: H2Stream, end: StreamEnd): void {
    this.end = end;
    this.log.push(`reset ${end.kind}`);
  }
  onWritable(): void {
    this.log.push('writable');
  }
  onClosed(): void {
    this.log.push('closed');
  }
}

/** One accepted stream. */
export interface Served {
  readonly stream: H2Stream;
  readonly headers: FieldBlock;
  readonly end: boolean;
  readonly heard: Heard;
}

/** What both ends of a {@link Pair} may differ in. */
export interface PairOptions {
  readonly client?: Partial<ConnectionLimits>;
  readonly server?: Partial<ConnectionLimits>;
  /** What the server may hold; as much as it likes unless given. */
  readonly serverBudget?: ReceiveBudget;
}

/** A client and a server whose octets a test carries. */
export class Pair {
  readonly client: Connection;
  readonly server: Connection;
  readonly served: Served[] = [];
  readonly heard: Heard[] = [];
  /** Streams of the client. */
  readonly opened: H2Stream[] = [];
  readonly limits: LimitName[] = [];
  readonly ends: ConnectionEnd[] = [];
  /** Lengths of the reads of either side, again and again; as pieces were written unless given. */
  cut: readonly number[] = [];
  /** Makes who hears of an accepted stream. */
  makeHeard: () => Heard = () => new Heard();
  nowMs = 1000;
  readonly #waiting = new WaitingRoom((stream, code) => stream.handler.onReset(stream, { kind: 'local-reset', code }));

  constructor(options: PairOptions = {}) {
    const rest = (): Omit<ConnectionEvents, 'onStream'> => ({
      onTooLong: () => undefined,
      onReady: () => undefined,
      onRoom: () => undefined,
      onGoaway: () => undefined,
      onPong: () => undefined,
      onLimit: (limit) => this.limits.push(limit),
      onWork: () => undefined,
      onOver: (end) => this.ends.push(end),
    });
    const onStream = (stream: H2Stream, headers: FieldBlock, end: boolean): Heard => {
      const heard = this.makeHeard();
      this.served.push({ stream, headers, end, heard });
      return heard;
    };
    const { client = {}, server = {}, serverBudget = FREE_BUDGET } = options;
    const { nowMs } = this;
    const events = (): ConnectionEvents => ({ ...rest(), onStream });
    this.client = new Connection({ side: 'client', events: events(), budget: FREE_BUDGET, nowMs, limits: client });
    this.server = new Connection({ side: 'server', events: events(), budget: serverBudget, nowMs, limits: server });
    this.run();
  }

  /** Opens a POST with `extra` fields. */
  open(extra: readonly string[], end = false): H2Stream {
    const heard = new Heard();
    this.heard.push(heard);
    const raw = [':method', 'POST', ':scheme', 'http', ':path', '/test', ':authority', 'test', ...extra];
    const stream = this.#waiting.make(heard, end);
    this.client.open(stream, { raw: () => raw });
    this.opened.push(stream);
    return stream;
  }

  /** Carries octets to and fro until there are none. */
  run(): void {
    let isMoving = true;
    while (isMoving) {
      isMoving = false;
      for (const [from, to] of [
        [this.client, this.server],
        [this.server, this.client],
      ] as const) {
        for (const piece of this.#reads(from.take())) {
          isMoving = true;
          to.receive(new Uint8Array(piece), this.nowMs);
        }
        from.pump();
        from.deliver();
      }
    }
  }

  #reads(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
    if (this.cut.length === 0) return pieces;
    const whole = Buffer.concat(pieces);
    const reads: Uint8Array[] = [];
    for (let at = 0, turn = 0; at < whole.length; turn += 1) {
      const length = this.cut[turn % this.cut.length] ?? whole.length;
      reads.push(whole.subarray(at, at + length));
      at += length;
    }
    return reads;
  }
}
