import type { Random } from './random.ts';

/** FNV-1a over UTF-16 units: spreads a name over 32 bits. */
function hash(name: string): number {
  let state = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) state = Math.imul(state ^ name.charCodeAt(at), 0x01000193);
  return state >>> 0;
}

/**
 * A reproducible source of chance: splitmix32 over (seed, name). Streams with different names do not disturb one another, so that
 * removing one actor from a simulation leaves the luck of the others alone.
 */
export class SeededRandom implements Random {
  #state: number;
  readonly #seed: number;

  constructor(seed: number, name = '') {
    this.#seed = seed;
    this.#state = (Math.imul(seed | 0, 0x9e3779b9) ^ hash(name)) >>> 0;
  }

  /** An independent stream of the same seed. */
  stream(name: string): SeededRandom {
    return new SeededRandom(this.#seed, name);
  }

  below(bound: number): number {
    if (!Number.isSafeInteger(bound) || bound < 1) throw new RangeError(`bound must be a positive integer, got ${bound}`);
    return Math.floor(this.unit() * bound);
  }

  /** 53 bits of two steps. */
  unit(): number {
    const high = this.#step() >>> 5;
    const low = this.#step() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  #step(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }
}
