import { type Clock, durationMs, type MonotonicMs, monotonicMs } from '@modelmesh/core';
import type { DataPlaneEnd } from '../../link/index.ts';
import type { RouteTable } from '../routes/index.ts';

/** Someone who waits until the registry itself was asked for names. Told once, unless it left before. */
export interface NameWaiter {
  /** What there is to know of the names is in the route table. */
  onNamesKnown(): void;
}

/** Questions under way at a time; beyond, names that the table does not know are unknown. */
export const NAME_LOOKUPS_MAX = 64;
/** A name that was looked up is not looked up again for this long, so that wrong names do not become reads of the registry. */
export const LOOKED_UP_MS = durationMs(1000);
/** Names whose last question is remembered. */
export const LOOKED_UP_NAMES_MAX = 4096;

interface Lookup {
  readonly names: string;
  readonly waiters: Set<NameWaiter>;
}

/**
 * Names that the route table does not know may have been registered through another node a moment ago: the registry itself is asked once
 * before a call is refused (spec `modelmesh.md` §2.8, §3.3). A node that is alone has registered everything itself.
 */
export class NameLookups {
  readonly #link: DataPlaneEnd;
  readonly #routes: RouteTable;
  readonly #clock: Clock;
  readonly #lookups = new Map<number, Lookup>();
  readonly #askedMs = new Map<string, MonotonicMs>();
  #requests = 0;

  constructor(link: DataPlaneEnd, routes: RouteTable, clock: Clock) {
    this.#link = link;
    this.#routes = routes;
    this.#clock = clock;
  }

  /** Questions under way. */
  get underWay(): number {
    return this.#lookups.size;
  }

  /** Asks for models and endpoints of these names; false if nothing can be learned, and then the waiter hears nothing. */
  ask(names: readonly string[], waiter: NameWaiter): boolean {
    if (names.length === 0 || this.#routes.peers().size === 0) return false;
    const key = names.join('\0');
    for (const lookup of this.#lookups.values()) {
      if (lookup.names !== key) continue;
      lookup.waiters.add(waiter);
      return true;
    }
    const nowMs = this.#clock.monotonicMs();
    if (this.#lookups.size >= NAME_LOOKUPS_MAX || this.#askedLately(key, nowMs)) return false;
    this.#requests += 1;
    this.#lookups.set(this.#requests, { names: key, waiters: new Set([waiter]) });
    this.#remember(key, nowMs);
    this.#link.send({ kind: 'look-up', request: this.#requests, names });
    return true;
  }

  /** The same for who can wait with a promise, which resolves at once if nothing can be learned. @throws the reason of `signal` */
  async learn(names: readonly string[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: NameWaiter = { onNamesKnown: resolve };
    if (!this.ask(names, waiter)) return;
    const gaveUp = (): void => reject(signal.reason);
    signal.addEventListener('abort', gaveUp, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', gaveUp);
      this.leave(waiter);
    }
  }

  /** Stops waiting. */
  leave(waiter: NameWaiter): void {
    for (const { waiters } of this.#lookups.values()) waiters.delete(waiter);
  }

  /** Control's answer. */
  known(request: number): void {
    const lookup = this.#lookups.get(request);
    this.#lookups.delete(request);
    for (const waiter of lookup?.waiters ?? []) waiter.onNamesKnown();
  }

  #askedLately(key: string, nowMs: MonotonicMs): boolean {
    const atMs = this.#askedMs.get(key);
    return atMs !== undefined && nowMs < monotonicMs(atMs + LOOKED_UP_MS);
  }

  #remember(key: string, nowMs: MonotonicMs): void {
    this.#askedMs.delete(key);
    this.#askedMs.set(key, nowMs);
    const [oldest] = this.#askedMs.keys();
    if (this.#askedMs.size > LOOKED_UP_NAMES_MAX && oldest !== undefined) this.#askedMs.delete(oldest);
  }
}
