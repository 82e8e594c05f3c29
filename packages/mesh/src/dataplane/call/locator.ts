import { assertNever, durationMs, type EpochMs, type InstanceId, MeshError, type ModelKey } from '@modelmesh/core';
import type { DataPlaneEnd, LocateAsk, Located, PeerIntent, RefusedLoad, SlotRef } from '../../link/index.ts';

/** Someone who waits for a copy. Told exactly once, unless it left before. */
export interface CopyWaiter {
  onLocated(slot: SlotRef): void;
  /** The call is to be sent to another instance. */
  onPeerLocated(instance: InstanceId, intent: PeerIntent): void;
  /** Only where it asked for a copy `here`. */
  onNotHere(message: string): void;
  /** `elsewhere`: it could not be loaded here, and others may be able to. */
  onLocateFailed(error: MeshError, elsewhere: boolean): void;
}

/** Where to look for a copy. */
export interface LocateOptions {
  readonly ask: LocateAsk;
  /** Instances that were tried already. */
  readonly exclude: readonly InstanceId[];
  /** Those of them that did not load the model, and may have a copy by now. */
  readonly refused?: readonly RefusedLoad[];
}

/** How much may wait for copies in one worker. */
export interface WaitLimits {
  readonly callsPerModelMax: number;
  readonly callsMax: number;
}

/** When a refused caller may try again: about as long as a small model takes to load. */
const RETRY_AFTER_MS = durationMs(1000);

/** A call that entered the mesh here and was sent nowhere yet. */
export const LOCATE_ANYWHERE: LocateOptions = { ask: { kind: 'anywhere' }, exclude: [] };

/** Those who wait for one answer of control. */
interface Group {
  readonly request: number;
  readonly model: ModelKey;
  readonly key: string;
  readonly waiters: Set<CopyWaiter>;
}

/**
 * Asks control where a model can be called, once per model and kind of question however many calls wait for the answer.
 *
 * A waiter that leaves (cancelled, deadline) leaves the load alone: whoever calls next will be glad of it.
 */
export class Locator {
  readonly #link: DataPlaneEnd;
  #limits: WaitLimits;
  readonly #groups = new Map<ModelKey, Group[]>();
  readonly #byRequest = new Map<number, Group>();
  /** Those that are being told right now: the first may make a later one leave. */
  #telling: Set<CopyWaiter> | undefined;
  #waitingCalls = 0;
  #requests = 0;
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
  wait(model: ModelKey, lastUsedMs: EpochMs, waiter: CopyWaiter, options: LocateOptions = LOCATE_ANYWHERE): void {
    if (this.#closed) throw shuttingDown();
    const groups = this.#groups.get(model) ?? [];
    const waiting = groups.reduce((sum, { waiters }) => sum + waiters.size, 0);
    if (waiting >= this.#limits.callsPerModelMax) throw tooMany(`model ${model}`, this.#limits.callsPerModelMax);
    if (this.#waitingCalls >= this.#limits.callsMax) throw tooMany('models to load on this node', this.#limits.callsMax);
    const key = keyOf(options);
    let group = groups.find((known) => known.key === key);
    if (group === undefined) {
      this.#requests += 1;
      group = { request: this.#requests, model, key, waiters: new Set() };
      this.#groups.set(model, [...groups, group]);
      this.#byRequest.set(group.request, group);
      this.#link.send({ kind: 'locate', request: group.request, model, lastUsedMs, ...options });
    }
    group.waiters.add(waiter);
    this.#waitingCalls += 1;
  }

  /** Stops waiting. */
  leave(model: ModelKey, waiter: CopyWaiter): void {
    const groups = this.#groups.get(model) ?? [];
    const left = groups.some(({ waiters }) => waiters.delete(waiter)) || this.#telling?.delete(waiter) === true;
    if (left) this.#waitingCalls -= 1;
  }

  /** Control's answer: wakes everyone who waits for it. Whoever asks again from inside waits for a new answer. */
  located(request: number, outcome: Located): void {
    const group = this.#byRequest.get(request);
    if (group === undefined) return;
    this.#byRequest.delete(request);
    const others = this.#groups.get(group.model)?.filter((known) => known !== group) ?? [];
    if (others.length === 0) this.#groups.delete(group.model);
    else this.#groups.set(group.model, others);
    this.#telling = group.waiters;
    // A set is walked without those that are deleted on the way.
    for (const waiter of group.waiters) {
      group.waiters.delete(waiter);
      this.#waitingCalls -= 1;
      tell(waiter, outcome);
    }
    this.#telling = undefined;
  }

  /** The node shuts down: whoever waits is told. */
  close(): void {
    this.#closed = true;
    const { kind, message } = shuttingDown();
    const outcome: Located = { kind: 'failed', where: 'nowhere', error: { kind, message, retryAfterMs: null } };
    for (const request of [...this.#byRequest.keys()]) this.located(request, outcome);
  }
}

/** What calls that cannot go on are told while the node ends. */
export const shuttingDown = (): MeshError => new MeshError('unavailable', 'the node is shutting down');

function keyOf({ ask, exclude, refused = [] }: LocateOptions): string {
  const loads = refused.map(({ instance, sinceMs }) => `${instance} ${sinceMs}`);
  return [wordOf(ask), ...exclude.toSorted(), '', ...loads.toSorted()].join('\0');
}

function wordOf(ask: LocateAsk): string {
  if (ask.kind === 'shadow') return `shadow ${ask.here ?? 'anywhere'}`;
  return ask.kind === 'here' ? ask.intent : 'anywhere';
}

function tell(waiter: CopyWaiter, outcome: Located): void {
  switch (outcome.kind) {
    case 'serving':
      waiter.onLocated(outcome.slot);
      return;
    case 'peer':
      waiter.onPeerLocated(outcome.instance, outcome.intent);
      return;
    case 'not-here':
      waiter.onNotHere(outcome.message);
      return;
    case 'failed': {
      const { kind, message, retryAfterMs } = outcome.error;
      const error = new MeshError(kind, message, retryAfterMs === null ? {} : { retryAfterMs });
      waiter.onLocateFailed(error, outcome.where === 'here');
      return;
    }
    default:
      assertNever(outcome);
  }
}

function tooMany(what: string, max: number): MeshError {
  return new MeshError('overloaded', `${max} calls wait already for ${what}; try again later`, { retryAfterMs: RETRY_AFTER_MS });
}
