import type { Clock, DurationMs, InstanceId } from '@modelmesh/core';
import { afterLoad, type FailFast, failFastAt, type LoadEnd } from '@modelmesh/core/upkeep';
import type { RuntimeState } from '../../runtime/index.ts';

/** How the start of a node is judged (spec `modelmesh.md` §4.15). */
export interface FailFastConfig {
  readonly enabled: boolean;
  readonly periodMs: DurationMs;
}

/**
 * Whether calls may be sent to this node, as probes and health checks are told: its runtime is up, nobody else is just leaving (which holds a
 * rolling upgrade until copies have moved, spec `modelmesh.md` §4.12), and its first loads did not go wrong.
 */
export class Readiness {
  readonly #clock: Clock;
  readonly #runtime: () => RuntimeState;
  readonly #loadTimeoutMs: () => DurationMs;
  readonly #leavingPeer: () => InstanceId | undefined;
  #start: FailFast;
  /** Once ready, peers that leave change nothing. */
  #wasReady = false;

  constructor(parts: {
    readonly clock: Clock;
    readonly runtime: () => RuntimeState;
    readonly loadTimeoutMs: () => DurationMs;
    readonly leavingPeer: () => InstanceId | undefined;
    readonly failFast: FailFastConfig;
  }) {
    this.#clock = parts.clock;
    this.#runtime = parts.runtime;
    this.#loadTimeoutMs = parts.loadTimeoutMs;
    this.#leavingPeer = parts.leavingPeer;
    this.#start = failFastAt(parts.clock.monotonicMs(), parts.failFast.enabled, parts.failFast.periodMs);
  }

  /** A load ended. Answers with why the start counts as failed, if it does so from now on. */
  loadEnded(end: LoadEnd): string | null {
    const before = this.#start;
    const after = afterLoad(before, end, this.#clock.monotonicMs(), this.#loadTimeoutMs());
    this.#start = after;
    return after.kind === 'aborted' && before.kind !== 'aborted' ? after.because : null;
  }

  /** As {@link problem}, in one word. */
  get ready(): boolean {
    return this.problem === null;
  }

  /** Why the node is not ready, in a sentence; `null` if it is. */
  get problem(): string | null {
    const runtime = this.#runtime();
    if (this.#start.kind === 'aborted') return `the start failed: ${this.#start.because}`;
    if (runtime.kind !== 'ready') return `the runtime is not ready: ${'message' in runtime ? runtime.message : 'it is starting'}`;
    const leaving = this.#wasReady ? undefined : this.#leavingPeer();
    if (leaving !== undefined) return `instance ${leaving} is leaving and still moves its copies`;
    this.#wasReady = true;
    return null;
  }
}
