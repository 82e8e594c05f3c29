/** What a poisoned byte looks like in a dump. */
export const POISON_BYTE = 0xdb;

/** What is kept beyond the turn and smaller than this share of its backing buffer is copied. */
const KEEP_SHARE_MIN = 0.25;

/** Buffers that a ledger overwrites; `undefined` as long as there is no ledger. */
let lent: WeakSet<ArrayBufferLike> | undefined;

/**
 * `bytes` in a form that may be kept beyond the turn, and read whatever becomes of them, even after they were consumed and sent: no engine
 * writes to what it has read or sends. Itself, or a copy when it would pin a backing buffer more than four times its size. The answer must not be
 * sent, which takes copies of it.
 */
export function keepBeyondTurn(bytes: Uint8Array): Uint8Array {
  if (lent?.has(bytes.buffer) === true) return new Uint8Array(bytes);
  return bytes.byteLength < bytes.buffer.byteLength * KEEP_SHARE_MIN ? new Uint8Array(bytes) : bytes;
}

/**
 * Debug mode of an engine: hands out copies and overwrites them once they were consumed, oldest first, so that a receiver that still
 * reads what it gave back sees garbage at once instead of once in a month.
 */
export class PoisonLedger {
  readonly #delivered: Uint8Array[] = [];
  #consumedOfFirst = 0;

  /** The copy to deliver in place of `bytes`. */
  deliver(bytes: Uint8Array): Uint8Array {
    const copy = new Uint8Array(bytes);
    if (copy.byteLength > 0) {
      this.#delivered.push(copy);
      lent ??= new WeakSet();
      lent.add(copy.buffer);
    }
    return copy;
  }

  /** Overwrites the oldest `byteCount` delivered bytes. */
  consumed(byteCount: number): void {
    let left = byteCount;
    let first = this.#delivered[0];
    while (left > 0 && first !== undefined) {
      const until = Math.min(first.byteLength, this.#consumedOfFirst + left);
      first.fill(POISON_BYTE, this.#consumedOfFirst, until);
      left -= until - this.#consumedOfFirst;
      this.#consumedOfFirst = until;
      if (until < first.byteLength) return;
      this.#delivered.shift();
      this.#consumedOfFirst = 0;
      first = this.#delivered[0];
    }
  }

  /** Takes ownership of bytes to send: returns a copy and overwrites what the caller may no longer use. */
  takeForSending(bytes: Uint8Array): Uint8Array {
    const copy = new Uint8Array(bytes);
    bytes.fill(POISON_BYTE);
    return copy;
  }
}
