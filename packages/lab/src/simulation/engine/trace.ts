/** Spreads a text over 32 bits (FNV-1a), beginning with `state`. */
export function spread(text: string, state = 0x811c9dc5): number {
  let hash = state;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** Mixes two numbers into 32 bits. */
export function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ (b + 0x9e3779b9), 0x21f0aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/**
 * What happened, as a running hash, and its last lines as text. Two runs of one seed have equal hashes, or something in them depends on more
 * than the seed.
 */
export class Trace {
  readonly #keptMax: number;
  readonly #kept: string[] = [];
  #low = 0x811c9dc5;
  #high = 0x2545f491;
  #lines = 0;

  /** @param keptMax lines that are kept as text for whoever reads a failure */
  constructor(keptMax: number) {
    this.#keptMax = keptMax;
  }

  /** Lines so far. */
  get lines(): number {
    return this.#lines;
  }

  /** The hash of all lines, as 16 hexadecimal digits. */
  get hash(): string {
    return [this.#high, this.#low].map((half) => half.toString(16).padStart(8, '0')).join('');
  }

  add(atMs: number, who: string, what: string): void {
    this.#lines += 1;
    const instant = Math.round(atMs * 1000);
    this.#low = spread(what, spread(who, mix(this.#low, instant)));
    this.#high = mix(this.#high, this.#low);
    if (this.#keptMax === 0) return;
    this.#kept.push(`${(atMs / 1000).toFixed(4).padStart(10)} ${who}: ${what}`);
    if (this.#kept.length >= 2 * this.#keptMax) this.#kept.splice(0, this.#kept.length - this.#keptMax);
  }

  /** The last lines, oldest first. */
  tail(): readonly string[] {
    return this.#kept.slice(-this.#keptMax);
  }
}
