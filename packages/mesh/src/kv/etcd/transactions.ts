import { type Clock, MeshError, type Revision, sleep } from '@modelmesh/core';
import { protobufMethod } from '@modelmesh/grpc/call';
import { Lease } from '@modelmesh/wire/etcd';
import { holds } from '../condition.ts';
import type { KvCondition, KvEntry, KvTxn, KvTxnOutcome, KvUnknown, LeaseId } from '../port.ts';
import { evidenceOf, isLeaseGone, portError } from './answers.ts';
import { CommitQueue, type Pending } from './commit-queue.ts';
import { type EtcdKeys, leaseNumber, revisionOf } from './etcd-keys.ts';
import type { EtcdLink } from './etcd-link.ts';
import { RETRY_PAUSE_MS, TRIES_MAX, WRITE_MS } from './limits.ts';
import type { Outcomes } from './outcomes.ts';
import { changeMessage, lookMessage, readEntries, readKeys } from './txn-messages.ts';
import { TXN } from './txn-method.ts';
import { type WriterKey, type WriterKeys, writerIdOf } from './writer-keys.ts';

const TIME_TO_LIVE = protobufMethod(Lease.method.leaseTimeToLive);

/** What one try of a batch came to. */
type Tried =
  /** Its transactions were told what became of them, except `rest`, which nothing stood in the way of. */
  | { readonly kind: 'done'; readonly rest: readonly Pending[] }
  | { readonly kind: 'unknown'; readonly outcome: KvUnknown }
  /** It had no effect; another try may. */
  | { readonly kind: 'again'; readonly error: MeshError };

/** Carries transactions out, each under a writer key, so that the fate of one whose answer is lost can be told. */
export class Transactions {
  readonly #link: EtcdLink;
  readonly #keys: EtcdKeys;
  readonly #clock: Clock;
  readonly #writers: WriterKeys;
  readonly #outcomes: Outcomes;
  readonly #queue = new CommitQueue((batch) => this.#commitTogether(batch));

  constructor(parts: {
    readonly link: EtcdLink;
    readonly keys: EtcdKeys;
    readonly clock: Clock;
    readonly writers: WriterKeys;
    readonly outcomes: Outcomes;
  }) {
    this.#link = parts.link;
    this.#keys = parts.keys;
    this.#clock = parts.clock;
    this.#writers = parts.writers;
    this.#outcomes = parts.outcomes;
  }

  /** Rejects with the port's errors. */
  commit(txn: KvTxn, byteCount: number): Promise<KvTxnOutcome> {
    if (txn.operations.length === 0) return this.#look(txn.conditions, []);
    if (!mayChangeNothing(txn)) return this.#change(txn, byteCount);
    return this.#deleteWhatIsThere(txn, byteCount);
  }

  /**
   * Only deletions, of keys of which nobody says that they are there. The writer key must not be written where nothing is deleted, for
   * a transaction that changes nothing has no revision: so the keys are looked at, and one that is there becomes a condition.
   */
  async #deleteWhatIsThere(txn: KvTxn, byteCount: number): Promise<KvTxnOutcome> {
    const reads = txn.operations.map(({ key }) => key);
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const looked = await this.#look(txn.conditions, reads);
      if (looked.kind !== 'committed' || looked.found === undefined) return looked;
      const conditions = [...txn.conditions, looked.found];
      const outcome = await this.#change({ ...txn, conditions }, byteCount);
      if (outcome.kind !== 'conflict') return outcome;
      const current = outcome.current.slice(0, -1);
      const all = txn.conditions.every((condition, index) => holds(condition, current[index] ?? null));
      if (!all) return { ...outcome, current };
    }
    throw new MeshError('registry-unavailable', 'the keys to be deleted were changed by others again and again; try again');
  }

  /** Looks at conditions without changing anything. `found`: one of the keys of `reads` that is there. */
  async #look(
    conditions: readonly KvCondition[],
    reads: readonly string[],
  ): Promise<Exclude<KvTxnOutcome, KvUnknown> & { readonly found?: KvCondition }> {
    const answer = await this.#link.ask(TXN, lookMessage(this.#keys, conditions, reads));
    const at = revisionOf(answer.header?.revision ?? 0n);
    const entries = readEntries(this.#keys, answer.responses);
    if (!answer.succeeded) return { kind: 'conflict', revision: at, current: entries };
    const there = entries.find((entry) => entry !== null);
    if (there === undefined || there === null) return { kind: 'committed', revision: at };
    return { kind: 'committed', revision: at, found: { kind: 'present', key: there.key } };
  }

  #change(txn: KvTxn, byteCount: number): Promise<KvTxnOutcome> {
    const { outage } = this.#link;
    if (outage !== undefined) return Promise.reject(outage);
    return this.#queue.push(txn, byteCount);
  }

  /** Tries until it is clear what became of the batch; what others were in the way of is told, the rest comes back. */
  async #commitTogether(batch: readonly Pending[]): Promise<readonly Pending[]> {
    for (let tries = 1; ; tries++) {
      const writer = await this.#writers.take();
      let tried: Tried;
      try {
        tried = await this.#try(batch, writer);
      } catch (error) {
        this.#writers.giveBack(writer);
        throw error;
      }
      if (tried.kind === 'unknown') {
        this.#writers.setAside();
        this.#outcomes.settleLater(writer);
        for (const { resolve } of batch) resolve(tried.outcome);
        return [];
      }
      this.#writers.giveBack(writer);
      if (tried.kind === 'done') return tried.rest;
      if (tries >= TRIES_MAX) throw tried.error;
    }
  }

  async #try(batch: readonly Pending[], writer: WriterKey): Promise<Tried> {
    const after = this.#link.revision;
    const member = await this.#link.member();
    const txn: KvTxn = {
      conditions: batch.flatMap(({ txn: { conditions } }) => conditions),
      operations: batch.flatMap(({ txn: { operations } }) => operations),
    };
    try {
      const answer = await member.call(TXN, changeMessage(this.#keys, txn, writer), WRITE_MS);
      const at = revisionOf(answer.header?.revision ?? 0n);
      if (answer.succeeded) {
        writer.at = at;
        for (const { resolve } of batch) resolve({ kind: 'committed', revision: at });
        return { kind: 'done', rest: [] };
      }
      const { responses } = answer;
      const mark = readKeys(responses.slice(-1))[0];
      if (mark === undefined || revisionOf(mark.modRevision) !== writer.at) {
        await this.#writers.renewFrom(writer);
        return {
          kind: 'again',
          error: new MeshError('registry-unavailable', 'the writer keys in etcd were lost again and again'),
        };
      }
      return { kind: 'done', rest: conflicts(batch, at, readEntries(this.#keys, responses.slice(0, -1))) };
    } catch (error) {
      if (isLeaseGone(error)) return this.#leaseGone(batch, writer);
      switch (evidenceOf(error)) {
        case 'sign-in':
          await this.#link.signIn(member);
          return { kind: 'again', error: portError(error, member.name) };
        case 'not-reached':
          if (!member.left.aborted) await sleep(this.#clock, RETRY_PAUSE_MS);
          return { kind: 'again', error: portError(error, member.name) };
        case 'refused':
          throw portError(error, member.name);
        case 'perhaps':
          return { kind: 'unknown', outcome: { kind: 'unknown', writer: writerIdOf(writer), after } };
      }
    }
  }

  /** One of the leases in the request is gone, and etcd does not say which: it may be that of the writer key. */
  async #leaseGone(batch: readonly Pending[], writer: WriterKey): Promise<Tried> {
    for (const { txn, resolve } of batch) {
      const leases = new Set(txn.operations.flatMap((operation) => (operation.kind === 'put' ? (operation.lease ?? []) : [])));
      for (const lease of leases) {
        if (!(await this.#isGone(lease))) continue;
        resolve({ kind: 'lease-gone', lease });
        // One with leases is alone in its batch.
        return { kind: 'done', rest: [] };
      }
    }
    await this.#writers.renewFrom(writer);
    return { kind: 'again', error: new MeshError('registry-unavailable', 'leases in etcd were lost again and again') };
  }

  async #isGone(lease: LeaseId): Promise<boolean> {
    const { ttl } = await this.#link.ask(TIME_TO_LIVE, { id: leaseNumber(lease) });
    return ttl <= 0n;
  }
}

/** Tells those whose conditions do not hold. @returns the others */
function conflicts(batch: readonly Pending[], at: Revision, entries: readonly (KvEntry | null)[]): Pending[] {
  let start = 0;
  return batch.filter(({ txn: { conditions }, resolve }) => {
    const current = entries.slice(start, start + conditions.length);
    start += conditions.length;
    if (conditions.every((condition, index) => holds(condition, current[index] ?? null))) return true;
    resolve({ kind: 'conflict', revision: at, current });
    return false;
  });
}

/** Nothing in it is sure to change the store where the conditions hold. */
function mayChangeNothing({ conditions, operations }: KvTxn): boolean {
  if (operations.some(({ kind }) => kind === 'put')) return false;
  const there = new Set(conditions.flatMap((condition) => (condition.kind === 'absent' ? [] : [condition.key])));
  return !operations.some(({ key }) => there.has(key));
}
