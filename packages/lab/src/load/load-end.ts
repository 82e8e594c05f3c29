/** When a load ends: no call begins after so many milliseconds, or after so many calls. What has begun is waited for. */
export type LoadEnd = { readonly kind: 'after'; readonly ms: number } | { readonly kind: 'calls'; readonly count: number };

/** Says to each lane whether one more call may begin. */
export class LoadBudget {
  readonly beganMs = performance.now();
  readonly #cpuBefore = process.cpuUsage();
  readonly #untilMs: number;
  #callsLeft: number;

  constructor(end: LoadEnd) {
    this.#untilMs = end.kind === 'after' ? this.beganMs + end.ms : Number.POSITIVE_INFINITY;
    this.#callsLeft = end.kind === 'calls' ? end.count : Number.POSITIVE_INFINITY;
  }

  /** CPU time of this process since the budget was made, in milliseconds. */
  cpuMs(): number {
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    return (user + system) / 1000;
  }

  /** Whether a call may begin now, which it then must. */
  takes(): boolean {
    if (this.#callsLeft <= 0 || performance.now() >= this.#untilMs) return false;
    this.#callsLeft -= 1;
    return true;
  }
}
