/** A stream that can be made to give its bytes back. */
export interface Evictable {
  /** Ends the stream with the sentence `why`; its bytes are released before this returns. */
  evict(why: string): void;
}

/** Above this share of a budget new streams are refused, so that those which are open may still finish. */
const REFUSE_SHARE = 0.75;

/**
 * The share of a budget by which windows may grow beyond what they started with. Well below {@link REFUSE_SHARE}: windows that grew in good times
 * must not be what ends streams when all of them stall at once.
 */
const GROWTH_SHARE = 0.25;

/** What surrounds a budget. */
export interface BudgetSurroundings<Name> {
  /** The wider budget that counts too. */
  readonly parent?: ReceiveBudget<Name> | undefined;
  /** Hears of each stream that was refused or reset for the budget. */
  readonly onLimit?: ((limit: Name) => void) | undefined;
}

/**
 * What may lie delivered and not yet consumed, over all streams of a connection or of a worker. Flow control bounds one stream; this bounds
 * their sum: when it is passed, the stream that has been stalled longest is reset.
 */
export class ReceiveBudget<Name = string> {
  readonly #name: Name;
  readonly #bytesMax: number;
  readonly #parent: ReceiveBudget<Name> | undefined;
  readonly #onLimit: ((limit: Name) => void) | undefined;
  /** Streams whose credit is withheld, the longest stalled first. */
  readonly #stalled = new Set<Evictable>();
  #usedBytes = 0;
  #widenedBytes = 0;

  /** @param name what the limit is called in messages */
  constructor(name: Name, bytesMax: number, { parent, onLimit }: BudgetSurroundings<Name> = {}) {
    this.#name = name;
    this.#bytesMax = bytesMax;
    this.#parent = parent;
    this.#onLimit = onLimit;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** By how much windows are wider than they started, summed. */
  get widenedBytes(): number {
    return this.#widenedBytes;
  }

  /** Whether new streams should be refused. */
  get isTight(): boolean {
    return this.#isTightItself || this.#parent?.isTight === true;
  }

  /** A new stream was refused because the budget is tight. */
  refuses(): void {
    if (this.#isTightItself) this.#onLimit?.(this.#name);
    else this.#parent?.refuses();
  }

  /** Counts bytes that are about to be delivered to `stream`; above the budget the longest stalled stream is evicted, or `stream` itself. */
  take(stream: Evictable, byteCount: number): void {
    this.#usedBytes += byteCount;
    this.#parent?.take(stream, byteCount);
    if (this.#usedBytes <= this.#bytesMax) return;
    const [victim = stream] = this.#stalled;
    this.#onLimit?.(this.#name);
    victim.evict(`more than ${this.#bytesMax} bytes wait to be consumed (${this.#name}) and this stream has waited longest`);
  }

  release(byteCount: number): void {
    this.#usedBytes -= byteCount;
    this.#parent?.release(byteCount);
  }

  /** The credit of `stream` is withheld from now on. */
  stalls(stream: Evictable): void {
    this.#stalled.add(stream);
    this.#parent?.stalls(stream);
  }

  /** `stream` flows again, or is over. */
  flows(stream: Evictable): void {
    this.#stalled.delete(stream);
    this.#parent?.flows(stream);
  }

  /** Whether the window of a stream may be wider by `byteCount` bytes; if so they are taken until {@link narrows}. */
  widens(byteCount: number): boolean {
    if (this.#widenedBytes + byteCount > this.#bytesMax * GROWTH_SHARE) return false;
    if (this.#parent?.widens(byteCount) === false) return false;
    this.#widenedBytes += byteCount;
    return true;
  }

  /** A window that was widened is gone. */
  narrows(byteCount: number): void {
    this.#widenedBytes -= byteCount;
    this.#parent?.narrows(byteCount);
  }

  get #isTightItself(): boolean {
    return this.#usedBytes > this.#bytesMax * REFUSE_SHARE;
  }
}
