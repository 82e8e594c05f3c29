import type { KvHistoryLimits } from '../port.ts';

/** How much later than its bound history is cut, so that cutting is seldom: a quarter more may be kept. */
const SLACK = 1.25;

/** The bytes of every revision that is kept as history, to know when to cut and where. */
export class HistorySizes {
  readonly #limits: KvHistoryLimits;
  /** `#bytes[i]` belongs to revision `#oldest + 1 + i`. */
  readonly #bytes: number[] = [];
  #oldest: number;
  #total = 0;

  constructor(limits: KvHistoryLimits, oldest: number) {
    this.#limits = limits;
    this.#oldest = oldest;
  }

  /** Adds to a revision that is the last known one or later. */
  add(at: number, byteCount: number): void {
    const index = at - this.#oldest - 1;
    if (index < 0) return;
    while (this.#bytes.length <= index) this.#bytes.push(0);
    this.#bytes[index] = (this.#bytes[index] ?? 0) + byteCount;
    this.#total += byteCount;
  }

  /** @returns the revision up to which history should be dropped now, or `undefined` while the bounds hold */
  due(): number | undefined {
    const { revisionsMax, bytesMax } = this.#limits;
    if (this.#bytes.length <= revisionsMax * SLACK && this.#total <= bytesMax * SLACK) return undefined;
    let dropped = 0;
    let left = this.#total;
    while (this.#bytes.length - dropped > 1 && (this.#bytes.length - dropped > revisionsMax || left > bytesMax)) {
      left -= this.#bytes[dropped] ?? 0;
      dropped += 1;
    }
    return dropped === 0 ? undefined : this.#oldest + dropped;
  }

  /** Forgets the revisions up to `oldest`. */
  cut(oldest: number): void {
    for (const byteCount of this.#bytes.splice(0, oldest - this.#oldest)) this.#total -= byteCount;
    this.#oldest = oldest;
  }
}
