/** Buckets for each doubling: a value is told to within 1/64. */
const STEPS = 64;
/** Doublings that are covered: up to 2^40 µs, twelve days. */
const DOUBLINGS = 40;

/** Latencies by log-linear buckets: recording allocates nothing, quantiles are exact to 1.6 %. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(STEPS * DOUBLINGS);
  #count = 0;
  #sumUs = 0;
  #maxUs = 0;

  /** Adds one latency in milliseconds. */
  recordMs(latencyMs: number): void {
    const us = Math.max(0, latencyMs * 1000);
    const at = bucketOf(us);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#count += 1;
    this.#sumUs += us;
    if (us > this.#maxUs) this.#maxUs = us;
  }

  /** Adds what another histogram holds. */
  add(other: LatencyHistogram): void {
    for (const [at, count] of other.#counts.entries()) this.#counts[at] = (this.#counts[at] ?? 0) + count;
    this.#count += other.#count;
    this.#sumUs += other.#sumUs;
    this.#maxUs = Math.max(this.#maxUs, other.#maxUs);
  }

  get count(): number {
    return this.#count;
  }

  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumUs / this.#count / 1000;
  }

  get maxMs(): number {
    return this.#maxUs / 1000;
  }

  /** The latency in milliseconds that the share `q` of all does not exceed; 0 without any. */
  quantileMs(q: number): number {
    const rank = Math.ceil(q * this.#count);
    let seen = 0;
    for (const [at, count] of this.#counts.entries()) {
      seen += count;
      if (count > 0 && seen >= rank) return Math.min(upperUs(at), this.#maxUs) / 1000;
    }
    return 0;
  }
}

function bucketOf(us: number): number {
  if (us < STEPS) return Math.floor(us);
  const exponent = Math.min(Math.floor(Math.log2(us)), DOUBLINGS + 4);
  const doubling = exponent - Math.log2(STEPS) + 1;
  const within = Math.floor((us / 2 ** exponent - 1) * STEPS);
  return Math.min(STEPS * doubling + Math.min(within, STEPS - 1), STEPS * DOUBLINGS - 1);
}

function upperUs(at: number): number {
  if (at < STEPS) return at + 1;
  const exponent = Math.floor(at / STEPS) - 1 + Math.log2(STEPS);
  return 2 ** exponent * (1 + ((at % STEPS) + 1) / STEPS);
}
