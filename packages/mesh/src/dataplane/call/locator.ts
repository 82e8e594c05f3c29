import { assertNever, durationMs, type EpochMs, MeshError, type ModelKey } from '@modelmesh/core';
import type { DataPlaneEnd, Located, SlotRef } from '../../link/index.ts';

/** Someone who waits for a copy. Told exactly once, unless it left before. */
export interface CopyWaiter {
  onLocated(slot: SlotRef): void;
  onLocateFailed(error: MeshError): void;
}

/** How much may wait for copies in one worker. */
export interface WaitLimits {
  readonly callsPerModelMax: number;
  readonly callsMax: number;
}

/** When a refused caller may try again: about as long as a small model takes to load. */
const RETRY_AFTER_MS = durationMs(1000);

/**
 * Asks control where a model can be called, once per model however many calls wait for the answer.
 *
 * A waiter that leaves (cancelled, deadline) leaves the load alone: whoever calls next will be glad of it.
 */
export class Locator {
  readonly #link: DataPlaneEnd;
  #limits: WaitLimits;
  readonly #waiting = new Map<ModelKey, Set<CopyWaiter>>();
  /** Those that are being told right now: the first may make a later one leave. */
  #telling: Set<CopyWaiter> | undefined;
  #waitingCalls = 0;
  #closed = false;

  constructor(link: DataPlaneEnd, limits: WaitLimits) {
    this.#link = link;
    this.#limits = limits;
  }

  /** Other bounds for calls that come from now on. */
  setLimits(limits: WaitLimits): void {
    this.#limits = limits;
  }

  /** Calls that wait now. */
  get waitingCalls(): number {
    return this.#waitingCalls;
  }

  /** Joins the calls that wait for `model`. @throws {MeshError} `overloaded` beyond a limit, `unavailable` after {@link close}. */
  wait(model: ModelKey, lastUsedMs: EpochMs, waiter: CopyWaiter): void {
    if (this.#closed) throw shuttingDown();
    let waiters = this.#waiting.get(model);
    if ((waiters?.size ?? 0) >= this.#limits.callsPerModelMax) throw tooMany(`model ${model}`, this.#limits.callsPerModelMax);
    if (this.#waitingCalls >= this.#limits.callsMax) throw tooMany('models to load on this node', this.#limits.callsMax);
    if (waiters === undefined) {
      waiters = new Set();
      this.#waiting.set(model, waiters);
      this.#link.send({ kind: 'locate', model, lastUsedMs });
    }
    waiters.add(waiter);
    this.#waitingCalls += 1;
  }

  /** Stops waiting. */
  leave(model: ModelKey, waiter: CopyWaiter): void {
    const left = this.#waiting.get(model)?.delete(waiter) === true || this.#telling?.delete(waiter) === true;
    if (left) this.#waitingCalls -= 1;
  }

  /** Control's answer: wakes everyone who waits for `model`. Whoever asks again from inside waits for a new answer. */
  located(model: ModelKey, outcome: Located): void {
    const waiters = this.#waiting.get(model);
    if (waiters === undefined) return;
    this.#waiting.delete(model);
    this.#telling = waiters;
    // A set is walked without those that are deleted on the way.
    for (const waiter of waiters) {
      waiters.delete(waiter);
      this.#waitingCalls -= 1;
      tell(waiter, outcome);
    }
    this.#telling = undefined;
  }

  /** The node shuts down: whoever waits is told. */
  close(): void {
    this.#closed = true;
    const { kind, message } = shuttingDown();
    for (const model of [...this.#waiting.keys()])
      this.located(model, { kind: 'failed', error: { kind, message, retryAfterMs: null } });
  }
}

/** What calls that cannot go on are told while the node ends. */
export const shuttingDown = (): MeshError => new MeshError('unavailable', 'the node is shutting down');

function tell(waiter: CopyWaiter, outcome: Located): void {
  switch (outcome.kind) {
    case 'serving':
      waiter.onLocated(outcome.slot);
      return;
    case 'failed': {
      const { kind, message, retryAfterMs } = outcome.error;
      waiter.onLocateFailed(new MeshError(kind, message, retryAfterMs === null ? {} : { retryAfterMs }));
      return;
    }
    default:
      assertNever(outcome);
  }
}

function tooMany(what: string, max: number): MeshError {
  return new MeshError('overloaded', `${max} calls wait already for ${what}; try again later`, { retryAfterMs: RETRY_AFTER_MS });
}
