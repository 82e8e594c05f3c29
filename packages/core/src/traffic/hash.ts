/**
 * The hash that sorts units (users, tenants, sessions) into slots: a published contract, so that anyone can compute which variant a unit gets.
 *
 * hash(salt, unit) = MurmurHash3 x86_128 with seed 0 over UTF-8(salt), a zero byte, UTF-8(unit); its first 64 bits are the two 32-bit words h1
 * and h2. slot = ⌊(h1 · 2²¹ + ⌊h2 / 2¹¹⌋) / 2⁵³ · 10 000⌋. Lone surrogates are hashed as U+FFFD, as every encoder of UTF-8 writes them.
 * Source: Austin Appleby, MurmurHash3 (public domain); test vectors in `hash.test.ts` and in the guide.
 */

/** Slots that units are sorted into: a share of 1 in 10 000 is the smallest. */
export const SLOTS = 10_000;

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

const rotl = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

function finish(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** Hashes units under one salt. Allocates nothing per unit: text is encoded as it is read. */
export class UnitHasher {
  /** State behind the salt, restored for each unit: h1 … h4, the four words of the open block. */
  readonly #salted = new Int32Array(8);
  #saltedLength = 0;
  readonly #state = new Int32Array(8);
  #length = 0;

  constructor(salt: string) {
    this.#text(salt);
    this.#byte(0);
    this.#salted.set(this.#state);
    this.#saltedLength = this.#length;
  }

  /** The slot of a unit, 0 … {@link SLOTS} − 1. */
  slot(unit: string): number {
    this.#hash(unit);
    const high = this.#state[0] ?? 0;
    const low = this.#state[1] ?? 0;
    return Math.floor((((high >>> 0) * 2_097_152 + (low >>> 11)) / 9_007_199_254_740_992) * SLOTS);
  }

  /** The first 64 bits of the hash of a unit, as 16 hexadecimal digits. */
  hex(unit: string): string {
    this.#hash(unit);
    return [...this.#state.subarray(0, 2)].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** Leaves the hash in h1 … h4. */
  #hash(unit: string): void {
    this.#state.set(this.#salted);
    this.#length = this.#saltedLength;
    this.#text(unit);
    this.#tail();
    const s = this.#state;
    for (let at = 0; at < 4; at++) s[at] = (s[at] ?? 0) ^ this.#length;
    this.#spread();
    for (let at = 0; at < 4; at++) s[at] = finish(s[at] ?? 0);
    this.#spread();
  }

  /** h1 gains the others, then each of the others gains h1. */
  #spread(): void {
    const s = this.#state;
    s[0] = (s[0] ?? 0) + (s[1] ?? 0) + (s[2] ?? 0) + (s[3] ?? 0);
    for (let at = 1; at < 4; at++) s[at] = (s[at] ?? 0) + (s[0] ?? 0);
  }

  #text(text: string): void {
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit < 0x80) this.#byte(unit);
      else at += this.#wide(text, at);
    }
  }

  /** A character beyond ASCII. @returns how many UTF-16 units it has beside its first */
  #wide(text: string, at: number): number {
    const whole = text.codePointAt(at) ?? 0;
    const point = whole >= 0xd800 && whole <= 0xdfff ? 0xfffd : whole;
    if (point < 0x800) this.#byte(0xc0 | (point >> 6));
    else {
      if (point < 0x10000) this.#byte(0xe0 | (point >> 12));
      else {
        this.#byte(0xf0 | (point >> 18));
        this.#byte(0x80 | ((point >> 12) & 0x3f));
      }
      this.#byte(0x80 | ((point >> 6) & 0x3f));
    }
    this.#byte(0x80 | (point & 0x3f));
    return whole > 0xffff ? 1 : 0;
  }

  #byte(byte: number): void {
    const s = this.#state;
    const word = 4 + ((this.#length >> 2) & 3);
    s[word] = (s[word] ?? 0) | (byte << ((this.#length & 3) << 3));
    this.#length += 1;
    if ((this.#length & 15) === 0) this.#block();
  }

  #block(): void {
    const s = this.#state;
    let h1 = s[0] ?? 0;
    let h2 = s[1] ?? 0;
    let h3 = s[2] ?? 0;
    let h4 = s[3] ?? 0;
    h1 ^= Math.imul(rotl(Math.imul(s[4] ?? 0, C1), 15), C2);
    h1 = (Math.imul(rotl(h1, 19) + h2, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotl(Math.imul(s[5] ?? 0, C2), 16), C3);
    h2 = (Math.imul(rotl(h2, 17) + h3, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotl(Math.imul(s[6] ?? 0, C3), 17), C4);
    h3 = (Math.imul(rotl(h3, 15) + h4, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotl(Math.imul(s[7] ?? 0, C4), 18), C1);
    h4 = (Math.imul(rotl(h4, 13) + h1, 5) + 0x32ac3b17) | 0;
    s[0] = h1;
    s[1] = h2;
    s[2] = h3;
    s[3] = h4;
    s.fill(0, 4);
  }

  /** What is left of an open block. A word without bytes changes nothing. */
  #tail(): void {
    const s = this.#state;
    s[3] = (s[3] ?? 0) ^ Math.imul(rotl(Math.imul(s[7] ?? 0, C4), 18), C1);
    s[2] = (s[2] ?? 0) ^ Math.imul(rotl(Math.imul(s[6] ?? 0, C3), 17), C4);
    s[1] = (s[1] ?? 0) ^ Math.imul(rotl(Math.imul(s[5] ?? 0, C2), 16), C3);
    s[0] = (s[0] ?? 0) ^ Math.imul(rotl(Math.imul(s[4] ?? 0, C1), 15), C2);
    s.fill(0, 4);
  }
}
