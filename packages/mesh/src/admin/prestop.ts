import type { Clock, DurationMs } from '@modelmesh/core';
import type { AdminAnswer, AdminRoute } from './admin-server.ts';

const FINISHED: AdminAnswer = { status: 200, body: 'shut down\n' };
const TOO_LONG: AdminAnswer = { status: 200, body: 'not shut down yet, and no longer waited for\n' };

/**
 * `/prestop`: the hook by which Kubernetes lets the containers of runtimes wait until this node has shut down. All who wait are answered
 * together; who has waited for `waitMaxMs` is answered too, with 200, since Kubernetes ends the container either way.
 *
 * Their number is bounded by the connections of the port.
 */
export class Prestop {
  readonly #clock: Clock;
  readonly #waitMaxMs: DurationMs;
  readonly #waiting = new Set<(answer: AdminAnswer) => void>();
  #finished = false;

  constructor(clock: Clock, waitMaxMs: DurationMs) {
    this.#clock = clock;
    this.#waitMaxMs = waitMaxMs;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  readonly routes: ReadonlyMap<string, AdminRoute> = new Map<string, AdminRoute>([
    ['/prestop', (_query, gone) => this.#wait(gone)],
  ]);

  /** The node has shut down: everyone who waits is answered, and whoever still comes. */
  finish(): void {
    this.#finished = true;
    for (const answer of this.#waiting) answer(FINISHED);
  }

  #wait(gone: AbortSignal): AdminAnswer | Promise<AdminAnswer> {
    if (this.#finished) return FINISHED;
    return new Promise((resolve) => {
      const settle = (answer: AdminAnswer): void => {
        timer.cancel();
        this.#waiting.delete(settle);
        resolve(answer);
      };
      const timer = this.#clock.after(this.#waitMaxMs, () => settle(TOO_LONG));
      this.#waiting.add(settle);
      gone.addEventListener('abort', () => settle(TOO_LONG), { once: true });
    });
  }
}
