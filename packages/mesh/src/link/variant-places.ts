/** Variants with a limit of calls that a node counts over all of its workers; those beyond are counted by each worker alone. */
export const LIMITED_VARIANTS_MAX = 4096;

const KEY_BYTES = BigInt64Array.BYTES_PER_ELEMENT;

/** Bytes of the memory that so many workers share. */
export const variantPlacesBytes = (workers: number): number => LIMITED_VARIANTS_MAX * (KEY_BYTES + 4 + 4 * workers);

/**
 * How many calls run in each variant with a limit, over all workers of a node: in memory that they share. A variant finds its place by a hash of its
 * names, which it keeps: nobody has to hand places out.
 */
export class VariantPlaces {
  readonly #keys: BigInt64Array;
  readonly #running: Int32Array;
  /** Of each worker, so that those of one that died can be given back. */
  readonly #held: Int32Array;

  /** @param buffer of {@link variantPlacesBytes} bytes */
  constructor(buffer: SharedArrayBuffer, workers: number) {
    this.#keys = new BigInt64Array(buffer, 0, LIMITED_VARIANTS_MAX);
    this.#running = new Int32Array(buffer, LIMITED_VARIANTS_MAX * KEY_BYTES, LIMITED_VARIANTS_MAX);
    this.#held = new Int32Array(buffer, LIMITED_VARIANTS_MAX * (KEY_BYTES + 4), LIMITED_VARIANTS_MAX * workers);
  }

  /** The place of a variant; -1: all are taken. @param name of the variant and its endpoint */
  placeOf(name: string): number {
    const key = hashOf(name);
    const first = Number(BigInt.asUintN(32, key)) % LIMITED_VARIANTS_MAX;
    for (let step = 0; step < LIMITED_VARIANTS_MAX; step++) {
      const at = (first + step) % LIMITED_VARIANTS_MAX;
      const known = Atomics.compareExchange(this.#keys, at, 0n, key);
      if (known === 0n || known === key) return at;
    }
    return -1;
  }

  /** Worker: one more call runs; false: `max` do already. */
  enter(worker: number, place: number, max: number): boolean {
    for (;;) {
      const running = Atomics.load(this.#running, place);
      if (running >= max) return false;
      if (Atomics.compareExchange(this.#running, place, running, running + 1) !== running) continue;
      Atomics.add(this.#held, worker * LIMITED_VARIANTS_MAX + place, 1);
      return true;
    }
  }

  /** Worker: one call less runs. */
  leave(worker: number, place: number): void {
    Atomics.sub(this.#held, worker * LIMITED_VARIANTS_MAX + place, 1);
    Atomics.sub(this.#running, place, 1);
  }

  /** Calls that run, over all workers. */
  running(place: number): number {
    return Atomics.load(this.#running, place);
  }

  /** Control: a worker is dead, and nothing of what it had runs any more. */
  forget(worker: number): void {
    for (let place = 0; place < LIMITED_VARIANTS_MAX; place++) {
      const held = Atomics.exchange(this.#held, worker * LIMITED_VARIANTS_MAX + place, 0);
      if (held !== 0) Atomics.sub(this.#running, place, held);
    }
  }
}

/** FNV-1a over UTF-16 units, in 64 bits; 0 stands for no key. Source: RFC 9923, section 2. */
function hashOf(name: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (let at = 0; at < name.length; at++) hash = BigInt.asUintN(64, (hash ^ BigInt(name.charCodeAt(at))) * 0x100000001b3n);
  return hash === 0n ? 1n : BigInt.asIntN(64, hash);
}
