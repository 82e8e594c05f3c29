import {
  DEFAULT_NAMESPACE,
  type EpochMs,
  epochMs,
  type InstanceId,
  MeshError,
  type ModelKey,
  toMeshError,
} from '@modelmesh/core';
import {
  type ModelRecord,
  putOf,
  withCopyClaimed,
  withCopyWithdrawn,
  withLastUsed,
  withoutFailureOf,
} from '@modelmesh/core/records';
import { type OwedWrites, owedWith, pay, type Statement } from './owed-writes.ts';
import type { RegistryMirror } from './registry-mirror.ts';
import { NO_FIRST_LOAD, unreached } from './registry-pulse.ts';

/** Writes of the cache to the registry; each resolves when durable. */
export interface ClaimBook {
  /** Rejects when the model is gone or the registry does not answer. */
  claim(model: ModelKey, sinceMs: EpochMs, lastUsedMs: EpochMs): Promise<void>;
  withdraw(model: ModelKey, lastUsedMs: EpochMs): Promise<void>;
  recordFailure(model: ModelKey, atMs: EpochMs, message: string): Promise<void>;
  clearFailure(model: ModelKey): Promise<void>;
}

/** Whose claims count. */
export interface Membership {
  /** Whether this node's own session lives. */
  isRegistered(): boolean;
  /** Whether the claims of an instance are to be believed. */
  isLive(instance: InstanceId): boolean;
}

/**
 * What this instance says of itself in the records of models: which copies it holds, and which it could not load.
 *
 * Writes about one model are made one after the other, in the order in which the cache decided on them. What the registry does not take is
 * owed to it: {@link RegistryClaims.payOwed} tries again, so that no claim outlives its copy for longer than the registry was away.
 */
export class RegistryClaims implements ClaimBook {
  readonly #mirror: RegistryMirror;
  readonly #instance: InstanceId;
  readonly #last = new Map<ModelKey, Promise<void>>();
  /** Claims that one of this instance may stand beside, by holder and stamp; `null`: any of that holder. Every other live one makes it lose. */
  readonly #beside = new Map<ModelKey, Map<InstanceId, EpochMs | null>>();
  readonly #membership: Membership;
  /** The stamps of claims that stand. */
  readonly #claimed = new Map<ModelKey, EpochMs>();
  /** Writes that the registry has not acknowledged, at most one for each model that it holds. */
  readonly #owed = new Map<ModelKey, OwedWrites>();

  constructor(mirror: RegistryMirror, instance: InstanceId, membership: Membership) {
    this.#membership = membership;
    this.#mirror = mirror;
    this.#instance = instance;
  }

  /**
   * The next claim of `model` may stand beside the copies of `holders`: those that were known when it was decided to load one more. Holders that
   * appeared since make it lose, and so does one that gave its copy up and claims it anew, so that instances that decide at the same time do not
   * all load.
   */
  allowBeside(model: ModelKey, holders: Iterable<InstanceId>): void {
    const claims = this.#mirror.view.model(DEFAULT_NAMESPACE, model)?.record.copies;
    const allowed = this.#beside.get(model) ?? new Map<InstanceId, EpochMs | null>();
    for (const holder of holders) allowed.set(holder, claims?.get(holder) ?? null);
    this.#beside.set(model, allowed);
  }

  /** Whoever waited for `model` was answered: what {@link allowBeside} allowed for them holds for no later claim. */
  forgetBeside(model: ModelKey): void {
    this.#beside.delete(model);
  }

  claim(model: ModelKey, sinceMs: EpochMs, lastUsedMs: EpochMs): Promise<void> {
    return this.#inOrder(model, () =>
      this.#change(
        model,
        (record) => {
          this.#refuse(record);
          return withLastUsed(withCopyClaimed(record, this.#instance, sinceMs), lastUsedMs);
        },
        () => {
          throw new MeshError('model-not-found', 'the model was unregistered');
        },
      ).then(
        () => {
          // A claim says all there is to say: an older one is replaced, and the failure is gone.
          this.#owed.delete(model);
          this.#claimed.set(model, sinceMs);
        },
        (error: unknown) => {
          // The copy is given up, and yet the claim may stand: the registry may have gone away between taking it and saying so.
          this.#claimed.delete(model);
          this.#owed.set(model, owedWith(this.#owed.get(model), { kind: 'withdrawn', lastUsedMs: epochMs(0) }));
          const cause = toMeshError(error);
          // The same words as of a call that comes once it is known.
          throw cause.kind === 'registry-unavailable' ? unreached(cause, NO_FIRST_LOAD) : cause;
        },
      ),
    ).finally(() => this.#beside.delete(model));
  }

  withdraw(model: ModelKey, lastUsedMs: EpochMs): Promise<void> {
    this.#claimed.delete(model);
    return this.#say(model, { kind: 'withdrawn', lastUsedMs });
  }

  recordFailure(model: ModelKey, atMs: EpochMs, message: string): Promise<void> {
    this.#claimed.delete(model);
    return this.#say(model, { kind: 'failed', failure: { atMs, message } });
  }

  clearFailure(model: ModelKey): Promise<void> {
    return this.#say(model, { kind: 'not-failed' });
  }

  /** The stamp under which this instance claims its copy; `undefined`: it claims none. */
  claimedAt(model: ModelKey): EpochMs | undefined {
    return this.#claimed.get(model);
  }

  /** Whether the registry has yet to be told something about `model`. */
  hasUnsaid(model: ModelKey): boolean {
    return this.#last.has(model) || this.#owed.has(model);
  }

  /** Writes again what the registry did not take when it was said. Resolves when it was tried, whatever came of it. */
  async payOwed(): Promise<void> {
    const models = [...this.#owed.keys()];
    await Promise.allSettled(models.map((model) => this.#inOrder(model, () => this.#pay(model))));
  }

  /** Resolves when every write about `model` that was asked for so far is done, whatever came of it. */
  async settled(model: ModelKey): Promise<void> {
    await this.#last.get(model)?.catch(() => {});
  }

  /** Resolves when all writes are done. */
  async allSettled(): Promise<void> {
    await Promise.allSettled(this.#last.values());
  }

  /** At the start of a life nothing of an earlier one is true any more: all its claims and failures go. */
  async forgetEarlierLife(): Promise<void> {
    const named = [...this.#mirror.view.modelsNaming(this.#instance)];
    await Promise.all(
      named.map(({ name }) =>
        this.#change(name, (record) => withoutFailureOf(withCopyWithdrawn(record, this.#instance), this.#instance)),
      ),
    );
  }

  /**
   * @throws {MeshError} `unavailable` if a live instance holds a copy that this claim did not reckon with; `registry-unavailable` while this
   * node is not registered itself: its claims would be taken for those of a node that is gone
   */
  #refuse(record: ModelRecord): void {
    if (!this.#membership.isRegistered())
      throw new MeshError('registry-unavailable', 'this node is not registered at the moment; its copies go on serving');
    // A claim of our own that stands already won earlier.
    if (record.copies.has(this.#instance)) return;
    const allowed = this.#beside.get(record.key);
    for (const [holder, claimedMs] of record.copies) {
      const beside = allowed?.get(holder);
      if (beside === null || beside === claimedMs || !this.#membership.isLive(holder)) continue;
      throw new MeshError('unavailable', `a copy is loaded by ${holder} already`);
    }
  }

  #say(model: ModelKey, statement: Statement): Promise<void> {
    return this.#inOrder(model, () => {
      this.#owed.set(model, owedWith(this.#owed.get(model), statement));
      return this.#pay(model);
    });
  }

  async #pay(model: ModelKey): Promise<void> {
    const owed = this.#owed.get(model);
    if (owed === undefined) return;
    await this.#change(model, (record) => pay(record, this.#instance, owed));
    this.#owed.delete(model);
  }

  async #change(model: ModelKey, edit: (record: ModelRecord) => ModelRecord, absent: () => void = () => {}): Promise<void> {
    await this.#mirror.change(() => {
      const stored = this.#mirror.view.model(DEFAULT_NAMESPACE, model);
      if (stored === undefined) {
        absent();
        return { writes: [], result: undefined };
      }
      const edited = edit(stored.record);
      return { writes: edited === stored.record ? [] : [putOf(edited, stored.revision)], result: undefined };
    });
  }

  #inOrder(model: ModelKey, write: () => Promise<void>): Promise<void> {
    const before = this.#last.get(model);
    const done = before === undefined ? write() : before.then(write, write);
    this.#last.set(model, done);
    const forget = (): void => {
      if (this.#last.get(model) === done) this.#last.delete(model);
    };
    done.then(forget, forget);
    return done;
  }
}
