/** A stream that can be made to give its bytes back. */
export interface Evictable {
  /** Ends the stream with the sentence `why`; its bytes are released before this returns. */
  evict(why: string): void;
}

/** Above this share of a budget new streams are refused, so that those which are open may still finish. */
const REFUSE_SHARE = 0.75;

/**
 * What may lie delivered and not yet consumed, over all streams of a connection or of a worker. Flow control bounds one stream; this bounds
 * their sum: when it is passed, the stream that has been stalled longest is reset.
 */
export class ReceiveBudget {
  readonly #name: string;
  readonly #bytesMax: number;
  readonly #parent: ReceiveBudget | undefined;
  /** Streams whose credit is withheld, the longest stalled first. */
  readonly #stalled = new Set<Evictable>();
  #usedBytes = 0;

  /** @param name what the limit is called in messages @param parent the wider budget that counts too */
  constructor(name: string, bytesMax: number, parent?: ReceiveBudget) {
    this.#name = name;
    this.#bytesMax = bytesMax;
    this.#parent = parent;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether new streams should be refused. */
  get isTight(): boolean {
    return this.#usedBytes > this.#bytesMax * REFUSE_SHARE || this.#parent?.isTight === true;
  }

  /** Counts bytes that are about to be delivered to `stream`; above the budget the longest stalled stream is evicted, or `stream` itself. */
  take(stream: Evictable, byteCount: number): void {
    this.#usedBytes += byteCount;
    this.#parent?.take(stream, byteCount);
    if (this.#usedBytes <= this.#bytesMax) return;
    const [victim = stream] = this.#stalled;
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
}
