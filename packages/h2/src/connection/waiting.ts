import { ERROR_CODE } from '../frames/index.ts';
import type { FieldBlock } from './field-block.ts';
import { H2Stream, type OwnershipLedger, type StreamCarrier, type StreamEvents } from './stream.ts';

/** Keeps what is sent on streams of a client that wait for a connection, or for room on one. */
class Waiting implements StreamCarrier {
  readonly #onGivenUp: (stream: H2Stream, code: number) => void;

  constructor(onGivenUp: (stream: H2Stream, code: number) => void) {
    this.#onGivenUp = onGivenUp;
  }

  sendHeaders(): void {
    // The head of a request goes with its opening.
  }

  sendData(stream: H2Stream, bytes: Uint8Array, end: boolean): boolean {
    if (bytes.byteLength > 0 || end) {
      stream.pending ??= [];
      stream.pending.push(bytes);
    }
    if (end) stream.sending = 'ending';
    else stream.wantsWritable = true;
    return end;
  }

  sendTrailers(stream: H2Stream, block: FieldBlock): void {
    stream.sending = 'ending';
    stream.pending ??= [];
    stream.pendingTrailers = block;
  }

  reset(stream: H2Stream, code: number): void {
    stream.isOver = true;
    stream.pending = undefined;
    this.#onGivenUp(stream, code);
  }

  consumed(): void {
    // Nothing has come.
  }

  evict(stream: H2Stream): void {
    this.reset(stream, ERROR_CODE.cancel);
  }
}

/** Makes streams that wait. `onGivenUp` hears of those that their owner resets meanwhile; nothing was sent of them. */
export class WaitingRoom {
  readonly #carrier: Waiting;
  readonly #makeLedger: (() => OwnershipLedger) | undefined;

  constructor(onGivenUp: (stream: H2Stream, code: number) => void, makeLedger?: () => OwnershipLedger) {
    this.#carrier = new Waiting(onGivenUp);
    this.#makeLedger = makeLedger;
  }

  /** A stream whose head is known and will be sent when it is opened; `end`: it is all that will be. */
  make(handler: StreamEvents, end: boolean): H2Stream {
    const stream = new H2Stream(this.#carrier, handler, this.#makeLedger?.());
    stream.sending = end ? 'done' : 'body';
    return stream;
  }
}
