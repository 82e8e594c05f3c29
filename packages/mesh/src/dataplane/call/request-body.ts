/** Bytes that all calls of one worker may keep for sending again. */
export class ReplayBudget {
  readonly #bytesMax: number;
  #used = 0;

  constructor(bytesMax: number) {
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
 * The framed bytes of one request, as far as they arrived, in a form that can be sent again while that is affordable.
 *
 * Replayable until it grows beyond its own limit, the worker's budget is used up, or {@link forget} is called; then what was sent is dropped
 * and only what is still unsent is kept.
 */
export class RequestBody {
  readonly #chunks: Uint8Array[] = [];
  readonly #budget: ReplayBudget;
  readonly #replayBytesMax: number;
  /** Index in the whole body of the first kept chunk. */
  #firstKept = 0;
  #kept = 0;
  #ended = false;
  #replayable = true;

  constructor(budget: ReplayBudget, replayBytesMax: number) {
    this.#budget = budget;
    this.#replayBytesMax = replayBytesMax;
  }

  /** Whether the request is complete. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the body can be sent again from its beginning. */
  get replayable(): boolean {
    return this.#replayable;
  }

  /** Chunks that have arrived, sent or not. */
  get length(): number {
    return this.#firstKept + this.#chunks.length;
  }

  /** Adds what arrived. */
  push(bytes: Uint8Array, end: boolean): void {
    if (end) this.#ended = true;
    if (bytes.length === 0) return;
    if (this.#replayable) {
      if (this.#kept + bytes.length <= this.#replayBytesMax && this.#budget.take(bytes.length)) this.#kept += bytes.length;
      else this.#replayable = false;
    }
    this.#chunks.push(this.#replayable ? unpinned(bytes) : bytes);
  }

  /** The chunk at `index`, counted from the beginning of the body. */
  chunk(index: number): Uint8Array | undefined {
    return this.#chunks[index - this.#firstKept];
  }

  /** Everything before `index` was sent: kept while replayable, dropped otherwise. */
  sent(index: number): void {
    if (this.#replayable) return;
    this.#releaseBudget();
    const drop = index - this.#firstKept;
    if (drop <= 0) return;
    this.#chunks.splice(0, drop);
    this.#firstKept = index;
  }

  /** Gives up sending again, for instance at a second message or when an answer has begun; `sentUpTo` as in {@link sent}. */
  forget(sentUpTo: number): void {
    this.#replayable = false;
    this.sent(sentUpTo);
  }

  /** The call is over. */
  release(): void {
    this.#replayable = false;
    this.#chunks.length = 0;
    this.#releaseBudget();
  }

  #releaseBudget(): void {
    if (this.#kept === 0) return;
    this.#budget.give(this.#kept);
    this.#kept = 0;
  }
}

/** A small slice would keep its whole read buffer alive for as long as the request may be repeated. */
function unpinned(bytes: Uint8Array): Uint8Array {
  return bytes.length * 4 < bytes.buffer.byteLength ? Uint8Array.from(bytes) : bytes;
}
