/** Holds messages until they can be rewritten as a whole and the runtime has taken them. */
export interface RoomHolder {
  /** There may be room again: ask once more. */
  onRoom(): void;
}

/**
 * The memory in which all calls of one worker hold messages that are rewritten. Nobody is refused: who finds no room waits, with the credit of
 * what it has not taken withheld. One holder at a time may go beyond the bound, by one message at most, so that holders of halves never wait
 * for each other for ever.
 */
export class RewriteRoom {
  #bytesMax: number;
  readonly #held = new Map<RoomHolder, number>();
  /** Longest waiting first. */
  readonly #waiting = new Set<RoomHolder>();
  /** The one that may go beyond the bound. */
  #ahead: RoomHolder | undefined;
  #used = 0;
  #waking = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Another bound; who waits may find room now. */
  setMax(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#wake();
  }

  /** Bytes held now. */
  get used(): number {
    return this.#used;
  }

  /** Holders that wait for room. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Books `byteCount` for `holder`; false: not now, `onRoom` will come. */
  take(holder: RoomHolder, byteCount: number): boolean {
    if (!this.#fits(holder, byteCount)) {
      this.#waiting.add(holder);
      return false;
    }
    this.#add(holder, byteCount);
    return true;
  }

  /** A message changed its size. False when it grew and there is no room for that: nothing is booked then. */
  resize(holder: RoomHolder, from: number, to: number): boolean {
    const growth = to - from;
    if (growth > GROWTH_FREE_BYTES && !this.#fits(holder, growth)) return false;
    this.#add(holder, growth);
    return true;
  }

  /** `byteCount` bytes have moved on. */
  give(holder: RoomHolder, byteCount: number): void {
    this.#add(holder, -byteCount);
    if (this.#ahead === holder && (this.#used <= this.#bytesMax || !this.#held.has(holder))) this.#ahead = undefined;
    this.#wake();
  }

  /** `holder` is over; everything that it holds is free. */
  leave(holder: RoomHolder): void {
    this.#waiting.delete(holder);
    this.give(holder, this.#held.get(holder) ?? 0);
  }

  #fits(holder: RoomHolder, byteCount: number): boolean {
    if (this.#used + byteCount <= this.#bytesMax) return true;
    this.#ahead ??= holder;
    return this.#ahead === holder;
  }

  #add(holder: RoomHolder, byteCount: number): void {
    const held = (this.#held.get(holder) ?? 0) + byteCount;
    this.#used += byteCount;
    if (held > 0) this.#held.set(holder, held);
    else this.#held.delete(holder);
  }

  /** Never nested: a holder that goes on may give room back at once, for which the loop that is under way looks. */
  #wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    try {
      for (const holder of this.#waiting) {
        if (this.#used >= this.#bytesMax && this.#ahead !== undefined) break;
        this.#waiting.delete(holder);
        holder.onRoom();
        if (this.#waiting.has(holder)) break;
      }
    } finally {
      this.#waking = false;
    }
  }
}

/** A key that is written into a message makes it this much longer at most. */
const GROWTH_FREE_BYTES = 4096;
