import { type Clock, durationMs, type MeshError, type Revision, revision, type Timer } from '@modelmesh/core';
import { protobufMethod } from '@modelmesh/grpc/call';
import { Lease } from '@modelmesh/wire/etcd';
import type { LeaseId } from '../port.ts';
import { type EtcdKeys, leaseNumber, leaseText, revisionOf } from './etcd-keys.ts';
import type { EtcdLink } from './etcd-link.ts';
import { WRITERS_KEEP_ALIVE_MS, WRITERS_MAX, WRITERS_MIN, WRITERS_TTL_MS } from './limits.ts';
import { TXN } from './txn-method.ts';

const GRANT = protobufMethod(Lease.method.leaseGrant);
/** What stands in a writer key before its first transaction. */
const FRESH = '-';

/**
 * A writer key and the revision at which it was written last. Each transaction demands that revision and writes its own id: so a key tells
 * which transaction was its last, and once it was written for another reason the transaction that waits somewhere on the way can never
 * be committed any more. Revisions never come back, not even when the key is deleted and made anew.
 */
export interface WriterKey {
  readonly key: string;
  readonly lease: LeaseId;
  at: Revision;
}

/** The id of the transaction that a writer key is lent to next: everything that is needed to ask for its fate. */
export const writerIdOf = ({ key, at }: WriterKey): string => `${key}@${at}`;

/** Reads such an id back; `undefined` for a text that is none. */
export function parseWriterId(writer: string): { readonly key: string; readonly at: Revision } | undefined {
  const match = /^(?<key>.+)@(?<at>\d{1,15})$/.exec(writer);
  const { key, at } = match?.groups ?? {};
  return key === undefined || at === undefined ? undefined : { key, at: revision(Number(at)) };
}

interface Waiting {
  readonly resolve: (key: WriterKey) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The writer keys of one client: few at first, more when transactions wait, `WRITERS_MAX` at most. They stand on a lease of their own, so
 * that nothing stays behind of a client that is gone.
 */
export class WriterKeys {
  readonly #link: EtcdLink;
  readonly #keys: EtcdKeys;
  readonly #clock: Clock;
  readonly #keepAlive: (lease: LeaseId) => Promise<unknown>;
  /** The last one given back is the next one lent: while one caller writes, one key is written. */
  #free: WriterKey[] = [];
  #waiting: Waiting[] = [];
  #lent = 0;
  #lease: LeaseId | undefined;
  #count = 0;
  #making: Promise<void> | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(link: EtcdLink, keys: EtcdKeys, clock: Clock, keepAlive: (lease: LeaseId) => Promise<unknown>) {
    this.#link = link;
    this.#keys = keys;
    this.#clock = clock;
    this.#keepAlive = keepAlive;
  }

  /** The lease on which the keys stand now. */
  get lease(): LeaseId | undefined {
    return this.#lease;
  }

  /** Makes the first keys. Rejects as `EtcdLink.ask`. */
  async open(): Promise<void> {
    await this.#make(undefined);
    this.#keepLater();
  }

  /** A key for one commit, in the order of the calls. Rejects as `EtcdLink.ask` where keys must be made. */
  take(): Promise<WriterKey> {
    const free = this.#waiting.length === 0 ? this.#free.pop() : undefined;
    if (free !== undefined) {
      this.#lent += 1;
      return Promise.resolve(free);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#count < WRITERS_MAX) this.#makeMore();
    });
  }

  /** The transaction's fate is known, and with it the key's revision. */
  giveBack(key: WriterKey): void {
    this.#lent -= 1;
    if (key.lease === this.#lease) this.#free.push(key);
    this.#serve();
  }

  /** The transaction's fate is not known: the key is not lent again before it was settled, which `giveBack` tells no more. */
  setAside(): void {
    this.#lent -= 1;
    this.#serve();
  }

  /** What was set aside is settled. */
  takeBack(key: WriterKey): void {
    if (key.lease !== this.#lease) return;
    this.#free.push(key);
    this.#serve();
  }

  /** The lease of this key is gone, so all its keys are: makes new ones. */
  renewFrom(key: WriterKey): Promise<void> {
    if (key.lease !== this.#lease) return this.#making ?? Promise.resolve();
    this.#free = [];
    this.#lease = undefined;
    this.#count = 0;
    return this.#make(undefined);
  }

  /** Refuses what waits. */
  close(error: MeshError): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#refuseWaiting(error);
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const key = this.#free.pop();
      if (key === undefined) {
        // With every key set aside nobody else would make one.
        if (this.#lent === 0) this.#makeMore();
        return;
      }
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#lent += 1;
      next.resolve(key);
    }
  }

  #makeMore(): void {
    if (this.#making !== undefined) return;
    this.#make(this.#lease).then(
      () => {
        if (this.#waiting.length > 0 && this.#count < WRITERS_MAX) this.#makeMore();
      },
      (error: unknown) => {
        // Others still give their keys back; without them nobody could go on.
        if (this.#lent === 0) this.#refuseWaiting(error);
      },
    );
  }

  #refuseWaiting(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #make(lease: LeaseId | undefined): Promise<void> {
    this.#making ??= this.#makeKeys(lease).finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #makeKeys(known: LeaseId | undefined): Promise<void> {
    const lease = known ?? (await this.#grant());
    const first = lease === this.#lease ? this.#count : 0;
    const count = first === 0 ? WRITERS_MIN : Math.max(1, Math.min(first, WRITERS_MAX - first));
    const names = Array.from({ length: count }, (_, index) => `${this.#keys.writers(lease)}${first + index}`);
    const at = await this.#writeFresh(names, leaseNumber(lease));
    this.#lease = lease;
    this.#count = first + count;
    this.#free.push(...names.map((key) => ({ key, lease, at })));
    this.#serve();
  }

  /** Writes the keys once, also where the first answer was lost and they are written again. @returns their revision */
  async #writeFresh(names: readonly string[], lease: bigint): Promise<Revision> {
    const full = names.map((name) => this.#keys.full(name));
    const first = full[0] ?? '';
    const answer = await this.#link.ask(TXN, {
      compare: [{ result: 'equal', key: first, modRevision: 0 }],
      success: full.map((key) => ({ kind: 'put' as const, key, value: FRESH, lease })),
      failure: [{ kind: 'range', key: first }],
    });
    const found = answer.responses[0]?.response;
    const before = found?.case === 'responseRange' ? found.value.kvs[0] : undefined;
    return revisionOf(before?.modRevision ?? answer.header?.revision ?? 0n);
  }

  async #grant(): Promise<LeaseId> {
    const { id } = await this.#link.ask(GRANT, { ttl: BigInt(WRITERS_TTL_MS / 1000) });
    return leaseText(id);
  }

  #keepLater(): void {
    if (this.#closed) return;
    this.#timer = this.#clock.after(durationMs(WRITERS_KEEP_ALIVE_MS), () => {
      const lease = this.#lease;
      // A lease that is gone, or cannot be reached, shows with the next transaction.
      if (lease !== undefined) void this.#keepAlive(lease).catch(() => undefined);
      this.#keepLater();
    });
  }
}
