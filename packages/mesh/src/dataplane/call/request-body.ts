import { assert } from '@modelmesh/core';
import { keepBeyondTurn } from '@modelmesh/grpc/stream';

/** Chunks below this are kept as copies, which share buffers. */
const SMALL_BYTES = 4096;

/** Bytes that all calls of one worker together may keep for one purpose. */
export class ByteBudget {
  #bytesMax: number;
  #used = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Another bound for what is taken from now on. */
  setMax(bytesMax: number): void {
    this.#bytesMax = bytesMax;
  }

  /** Bytes kept now. */
  get used(): number {
    return this.#used;
  }

  /** Books `byteCount`; false when that is more than is left, and nothing is booked. */
  take(byteCount: number): boolean {
    if (this.#used + byteCount > this.#bytesMax) return false;
    this.#used += byteCount;
    return true;
  }

  /** Gives back what was taken. */
  give(byteCount: number): void {
    this.#used -= byteCount;
  }
}

/**
 * The framed bytes of one request: what is still to be sent, and a copy of all of it while it can be afforded to send it again.
 *
 * *Whole*: nothing was taken since the beginning, so that an attempt can start whatever the size. That is so before the first attempt, and
 * again after {@link rewind}. Otherwise an attempt can start only from the copy, which lasts until the request grows beyond its own limit, the
 * worker's budget is used up, or {@link forget} is called.
 */
export class RequestBody {
  readonly #budget: ByteBudget;
  readonly #replayBytesMax: number;
  #unsent: Uint8Array[] = [];
  #unsentAt = 0;
  #kept: Uint8Array[] | undefined = [];
  #keptBytes = 0;
  #ended = false;
  #whole = true;

  constructor(budget: ByteBudget, replayBytesMax: number) {
    this.#budget = budget;
    this.#replayBytesMax = replayBytesMax;
  }

  /** Whether the request is complete. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the body can be sent from its beginning. */
  get replayable(): boolean {
    return this.#whole || this.#kept !== undefined;
  }

  /** Whether everything that arrived was taken by {@link next}. */
  get drained(): boolean {
    return this.#unsentAt === this.#unsent.length;
  }

  /** Adds what arrived. While the body is whole nothing of it can leave, so it is put by in a form that pins no read buffer. */
  push(bytes: Uint8Array, end: boolean): void {
    if (end) this.#ended = true;
    if (bytes.length === 0) return;
    if (this.#kept !== undefined && !this.#keep(this.#kept, bytes)) this.forget();
    if (!this.#whole) this.#unsent.push(bytes);
    else if (this.#kept === undefined) this.#unsent.push(keepBeyondTurn(bytes));
  }

  /** A new attempt: what comes from {@link next} starts at the beginning. The body must be {@link replayable}. */
  beginAttempt(): void {
    assert(this.replayable, 'a request that was not kept cannot be sent again');
    this.#whole = false;
    if (this.#kept === undefined) return;
    // Whoever sends bytes owns them from then on, so that each attempt needs its own.
    this.#unsent = this.#kept.map((chunk) => Buffer.from(chunk));
    this.#unsentAt = 0;
  }

  /** The attempt is over and another one may follow: from now on nothing leaves, and what still comes is held with the rest. */
  rewind(): void {
    if (this.#kept === undefined) return;
    this.#whole = true;
    this.#unsent = [];
    this.#unsentAt = 0;
  }

  /** How many bytes {@link next} will give; 0 when none are left for now. */
  get nextBytes(): number {
    return this.#unsent[this.#unsentAt]?.length ?? 0;
  }

  /** The next bytes to send, which the caller then owns; `undefined` when none are left for now. */
  next(): Uint8Array | undefined {
    const chunk = this.#unsent[this.#unsentAt];
    if (chunk === undefined) return undefined;
    this.#unsentAt += 1;
    if (this.#unsentAt === this.#unsent.length) {
      this.#unsent = [];
      this.#unsentAt = 0;
    }
    return chunk;
  }

  /** Gives up the copy, for instance at a second message or once an answer has begun. A body that is whole stays so. */
  forget(): void {
    if (this.#kept === undefined) return;
    if (this.#whole) this.#unsent.push(...this.#kept);
    this.#kept = undefined;
    this.#budget.give(this.#keptBytes);
    this.#keptBytes = 0;
  }

  /** The call is over. */
  release(): void {
    this.forget();
    this.#unsent = [];
    this.#unsentAt = 0;
  }

  #keep(kept: Uint8Array[], bytes: Uint8Array): boolean {
    if (this.#keptBytes + bytes.length > this.#replayBytesMax || !this.#budget.take(bytes.length)) return false;
    this.#keptBytes += bytes.length;
    // Small ones share a buffer of their own. Large ones stay where they were read, since sending leaves them as they are.
    kept.push(bytes.length < SMALL_BYTES ? Buffer.from(bytes) : keepBeyondTurn(bytes));
    return true;
  }
}
