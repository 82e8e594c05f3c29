import { LatencyHistogram } from '../figures/index.ts';

/** Different failures that are told apart; further ones are counted as `other`. */
const FAILURE_KINDS_MAX = 50;

/** What came of a load. */
export class LoadResult {
  readonly latency = new LatencyHistogram();
  /** Calls that failed, by what was said. */
  readonly failures = new Map<string, number>();
  /** Calls that were answered wrongly. */
  wrong = 0;
  elapsedMs = 0;
  /** CPU time of the driver's process meanwhile, in milliseconds, whatever else it did; 0 where the driver is another process. */
  driverCpuMs = 0;

  /** Calls that were answered, and rightly. */
  get completed(): number {
    return this.latency.count;
  }

  get failed(): number {
    let sum = 0;
    for (const count of this.failures.values()) sum += count;
    return sum;
  }

  get perSecond(): number {
    return this.elapsedMs === 0 ? 0 : (this.completed * 1000) / this.elapsedMs;
  }

  /** Counts one failure. */
  fail(message: string): void {
    const kind = this.failures.has(message) || this.failures.size < FAILURE_KINDS_MAX ? message : 'other';
    this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1);
  }

  /** Adds what another load brought. */
  add(other: LoadResult): void {
    this.latency.add(other.latency);
    this.wrong += other.wrong;
    for (const [message, count] of other.failures) this.failures.set(message, (this.failures.get(message) ?? 0) + count);
    this.elapsedMs = Math.max(this.elapsedMs, other.elapsedMs);
    this.driverCpuMs = Math.max(this.driverCpuMs, other.driverCpuMs);
  }

  /** @throws if a call failed or was answered wrongly. */
  assertAllRight(): void {
    if (this.failed + this.wrong === 0) return;
    const reasons = [...this.failures].map(([message, count]) => `${count} × ${message}`).join('\n  ');
    throw new Error(`${this.wrong} wrong answers, ${this.failed} failures of ${this.completed + this.failed}:\n  ${reasons}`);
  }
}
