import {
  type Clock,
  type DurationMs,
  durationMs,
  MeshError,
  type MonotonicMs,
  monotonicMs,
  sleep,
  type Timer,
} from '@modelmesh/core';
import type { Scope } from '@modelmesh/core/scope';
import { MessageQueue, protobufMethod } from '@modelmesh/grpc/call';
import { Lease, type LeaseKeepAliveResponse } from '@modelmesh/wire/etcd';
import { KV_LEASES_MAX, type KvKeepAlive, type KvLease, type LeaseId } from '../port.ts';
import { evidenceOf, portError } from './answers.ts';
import { leaseNumber, leaseText } from './etcd-keys.ts';
import type { EtcdLink } from './etcd-link.ts';
import { READ_MS, STREAM_PAUSE_MIN_MS } from './limits.ts';
import type { Member } from './member.ts';

const GRANT = protobufMethod(Lease.method.leaseGrant);
const REVOKE = protobufMethod(Lease.method.leaseRevoke);
const KEEP_ALIVE = protobufMethod(Lease.method.leaseKeepAlive);

/** How often the process looks whether it was paused, at most; and the least share of the shortest lease. */
const TICK_MAX_MS = 1000;
const TICK_SHARE = 8;

/** A lease of this client. */
interface Held {
  readonly ttlMs: DurationMs;
  /** Until then it lives at least, if nothing is said. */
  untilMs: MonotonicMs;
}

interface Waiter {
  readonly resolve: (answer: KvKeepAlive) => void;
  readonly reject: (error: MeshError) => void;
  readonly timer: Timer;
}

/**
 * The leases that this client was granted. All are kept alive over one stream. When the process was paused for longer than half of a
 * lease, that lease counts as lost whatever etcd says: what was believed under it may be believed no longer.
 */
export class Leases {
  readonly #link: EtcdLink;
  readonly #clock: Clock;
  readonly #scope: Scope;
  readonly #held = new Map<LeaseId, Held>();
  /** Leases that are over for this client although etcd may still have them, until etcd has not. */
  readonly #lost = new Set<LeaseId>();
  readonly #waiters = new Map<LeaseId, Waiter[]>();
  #requests: MessageQueue<{ id: bigint }> | undefined;
  #granting = 0;
  #running = false;
  #tick: Timer | undefined;
  #tickMs = TICK_MAX_MS;
  #lastTickMs: MonotonicMs;
  #closed = false;

  constructor(link: EtcdLink, clock: Clock, scope: Scope) {
    this.#link = link;
    this.#clock = clock;
    this.#scope = scope;
    this.#lastTickMs = clock.monotonicMs();
  }

  /** Rejects with `overloaded` beyond `KV_LEASES_MAX`, or as `EtcdLink.ask`. */
  async grant(ttlMs: DurationMs): Promise<KvLease> {
    if (this.#held.size + this.#granting >= KV_LEASES_MAX) this.#forgetExpired();
    if (this.#held.size + this.#granting >= KV_LEASES_MAX) {
      throw new MeshError('overloaded', `the registry has ${KV_LEASES_MAX} leases, which is the most it holds`);
    }
    this.#granting += 1;
    try {
      // A grant whose answer was lost leaves a lease without keys, which ends by itself.
      const answer = await this.#link.ask(GRANT, { ttl: BigInt(Math.ceil(ttlMs / 1000)) });
      const granted = durationMs(Number(answer.ttl) * 1000);
      const id = leaseText(answer.id);
      this.#hold(id, granted);
      return { id, ttlMs: granted };
    } finally {
      this.#granting -= 1;
    }
  }

  /** As `Kv.keepAlive`. */
  async keepAlive(lease: LeaseId): Promise<KvKeepAlive> {
    this.noticePause();
    if (this.#lost.has(lease) || leaseText(leaseNumber(lease)) !== lease) return { kind: 'gone' };
    await this.#link.member();
    const answer = await this.#askToKeep(lease);
    // A pause between question and answer counts too.
    this.noticePause();
    if (this.#lost.has(lease)) return { kind: 'gone' };
    const held = this.#held.get(lease);
    if (answer.kind === 'gone') this.#held.delete(lease);
    else if (held !== undefined) held.untilMs = this.#after(answer.ttlMs);
    return answer;
  }

  /** As `Kv.revokeLease`. */
  async revoke(lease: LeaseId): Promise<void> {
    await this.#link.ask(REVOKE, { id: leaseNumber(lease) }).catch((error: unknown) => {
      if (!/lease not found/.test(error instanceof Error ? error.message : '')) throw error;
    });
    this.#held.delete(lease);
    this.#lost.delete(lease);
  }

  /** Whether this lease is over for this client, also where etcd does not know it yet. */
  isLost(lease: LeaseId): boolean {
    this.noticePause();
    return this.#lost.has(lease);
  }

  /** Compares the clock with the last tick: what comes much too late was paused. */
  noticePause(): void {
    const now = this.#clock.monotonicMs();
    const pausedMs = now - this.#lastTickMs - this.#tickMs;
    // Whoever asks shows that the process runs: the next pause is counted from here.
    this.#lastTickMs = now;
    if (pausedMs <= 0 || this.#tick === undefined) return;
    const lost = [...this.#held].filter(([, { ttlMs }]) => pausedMs > ttlMs / 2).map(([lease]) => lease);
    if (lost.length === 0) return;
    for (const lease of lost) {
      this.#held.delete(lease);
      this.#lost.add(lease);
    }
    this.#scope.spawn('end lost leases', (signal) => this.#endLost(lost, signal));
  }

  close(): void {
    this.#closed = true;
    this.#tick?.cancel();
    this.#requests?.end();
    this.#refuseWaiters(new MeshError('registry-unavailable', 'the registry was closed'));
  }

  /** Their keys go now and not when etcd's time is over. */
  async #endLost(leases: readonly LeaseId[], signal: AbortSignal): Promise<void> {
    for (const lease of leases) {
      for (;;) {
        signal.throwIfAborted();
        await this.#link.nextMember();
        try {
          await this.revoke(lease);
          break;
        } catch {
          // Until etcd answers: a lease that is gone must not come back, and there are few.
          await sleep(this.#clock, durationMs(TICK_MAX_MS), signal);
        }
      }
    }
  }

  #hold(lease: LeaseId, ttlMs: DurationMs): void {
    if (this.#closed) return;
    this.#held.set(lease, { ttlMs, untilMs: this.#after(ttlMs) });
    const tickMs = Math.min(TICK_MAX_MS, ttlMs / TICK_SHARE);
    if (this.#tick !== undefined && tickMs >= this.#tickMs) return;
    this.#tickMs = tickMs;
    this.#tick?.cancel();
    this.#tickLater();
  }

  #tickLater(): void {
    this.#lastTickMs = this.#clock.monotonicMs();
    this.#tick = this.#clock.after(durationMs(this.#tickMs), () => {
      this.noticePause();
      this.#forgetExpired();
      if (this.#held.size > 0) this.#tickLater();
      else {
        this.#tick = undefined;
        this.#tickMs = TICK_MAX_MS;
      }
    });
  }

  /** A lease that nobody kept alive for twice its time is gone without anybody having been told. */
  #forgetExpired(): void {
    const now = this.#clock.monotonicMs();
    for (const [lease, { ttlMs, untilMs }] of this.#held) if (untilMs + ttlMs < now) this.#held.delete(lease);
  }

  #after(ttlMs: DurationMs): MonotonicMs {
    return monotonicMs(this.#clock.monotonicMs() + ttlMs);
  }

  #askToKeep(lease: LeaseId): Promise<KvKeepAlive> {
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(lease) ?? [];
      this.#waiters.set(lease, waiters);
      const late = (): void => {
        const index = waiters.indexOf(waiter);
        // The answer may still come, for the first who waits: the place in the line is kept.
        if (index >= 0) waiters[index] = { ...waiter, resolve: () => undefined, reject: () => undefined };
        reject(new MeshError('registry-unavailable', `etcd at ${this.#link.memberName} did not keep the lease alive in time`));
      };
      const waiter: Waiter = { resolve, reject, timer: this.#clock.after(READ_MS, late) };
      waiters.push(waiter);
      if (this.#requests !== undefined) this.#requests.push({ id: leaseNumber(lease) });
      this.#run();
    });
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    this.#scope.spawn('keep leases alive', async (signal) => {
      try {
        while (this.#waiters.size > 0) {
          signal.throwIfAborted();
          await this.#carry(await this.#link.member());
          if (this.#waiters.size > 0) await sleep(this.#clock, STREAM_PAUSE_MIN_MS, signal);
        }
      } catch (error) {
        this.#refuseWaiters(portError(error, this.#link.memberName));
      } finally {
        this.#running = false;
      }
    });
  }

  /** One stream, to its end; who still waits then is asked for again on the next. */
  async #carry(member: Member): Promise<void> {
    const requests = new MessageQueue<{ id: bigint }>(
      () => undefined,
      () => undefined,
    );
    this.#requests = requests;
    for (const [lease, waiters] of this.#waiters) for (const _ of waiters) requests.push({ id: leaseNumber(lease) });
    try {
      for await (const response of member.exchange(KEEP_ALIVE, requests, { signal: member.left })) this.#heard(response);
    } catch (error) {
      const evidence = evidenceOf(error);
      if (evidence === 'sign-in') await this.#link.signIn(member);
      else if (evidence === 'refused') throw error;
    } finally {
      this.#requests = undefined;
      requests.end();
    }
  }

  #heard({ id, ttl }: LeaseKeepAliveResponse): void {
    const lease = leaseText(id);
    const waiters = this.#waiters.get(lease);
    const first = waiters?.shift();
    if (waiters?.length === 0) this.#waiters.delete(lease);
    first?.timer.cancel();
    first?.resolve(ttl > 0n ? { kind: 'alive', ttlMs: durationMs(Number(ttl) * 1000) } : { kind: 'gone' });
  }

  #refuseWaiters(error: MeshError): void {
    const waiting = [...this.#waiters.values()].flat();
    this.#waiters.clear();
    for (const { timer, reject } of waiting) {
      timer.cancel();
      reject(error);
    }
  }
}
