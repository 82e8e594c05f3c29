import {
  type Clock,
  DEFAULT_NAMESPACE,
  type DurationMs,
  type EpochMs,
  type InstanceId,
  MeshError,
  type ModelKey,
} from '@modelmesh/core';
import { failureGate } from '@modelmesh/core/cache';
import { type LoadFailure, type ModelRecord, withCopyWithdrawn, withoutFailureOf } from '@modelmesh/core/records';
import type { RegistryView } from '@modelmesh/core/view';
import type { ErrorFacts } from '../../link/index.ts';
import type { LocalCopies } from '../copies/index.ts';
import type { Members } from '../members/index.ts';
import { NO_FIRST_LOAD, type RegistryPulse } from '../registry/index.ts';
import type { PlacementDesk } from './placement-desk.ts';

/** Instances that are tried for one load (spec `modelmesh.md` §2.8). */
export const LOAD_TRIES_MAX = 3;
/** So many copies, none of which could be called, prove that one more will not help (spec `modelmesh.md` §2.8). */
export const COPIES_TRIED_MAX = 5;

/** Where a copy is, or is to be loaded. */
export interface Target {
  readonly kind: 'copy' | 'load';
  readonly instance: InstanceId;
}

/** What the map is made of. */
export interface CopyMapParts {
  readonly self: InstanceId;
  readonly clock: Clock;
  readonly view: RegistryView;
  /** Looks a model up in the registry itself; the view knows it afterwards. */
  readonly fresh: (model: ModelKey) => Promise<unknown>;
  readonly members: Members;
  readonly copies: LocalCopies;
  readonly desk: PlacementDesk;
  readonly pulse: RegistryPulse;
  /** How long a failed load speaks against an instance; half of it counts for the gate of spec §2.8. */
  readonly failureExpiryMs: DurationMs;
}

/** Where the copies of a model are, and where the next one goes: the registry's word, corrected by what this instance knows better. */
export class CopyMap {
  readonly #parts: CopyMapParts;

  constructor(parts: CopyMapParts) {
    this.#parts = parts;
  }

  /** A model as it is registered, with what this instance knows better: its own copy may be gone, and its failure forgotten, before that is written. */
  record(model: ModelKey): ModelRecord | undefined {
    const { view, copies, self } = this.#parts;
    const record = view.model(DEFAULT_NAMESPACE, model)?.record;
    if (record === undefined) return undefined;
    const held = copies.knowledge(model) === 'absent' ? withCopyWithdrawn(record, self) : record;
    return copies.failure(model) === null ? withoutFailureOf(held, self) : held;
  }

  /** The same; looked up in the registry itself where the watch has not told of it yet. */
  async freshRecord(model: ModelKey): Promise<ModelRecord | undefined> {
    const known = this.record(model);
    if (known !== undefined) return known;
    await this.#parts.fresh(model);
    return this.record(model);
  }

  /** The holders of copies, and since when by this node's clock: what the route table says of them too. */
  claims(record: ModelRecord): ReadonlyMap<InstanceId, EpochMs> {
    return this.#parts.view.claimsOf(record);
  }

  /** Other instances whose copies can be called, those that stay before those that leave, the oldest copy first. */
  holders(record: ModelRecord, tried: ReadonlySet<InstanceId>): readonly InstanceId[] {
    const { self, members, view } = this.#parts;
    const callable = [...view.claimsOf(record)].filter(([id]) => id !== self && !tried.has(id) && members.isReachable(id));
    const leaves = (id: InstanceId): number => (members.cluster.get(id)?.standing === 'leaving' ? 1 : 0);
    return callable.toSorted(([a, aMs], [b, bMs]) => leaves(a) - leaves(b) || aMs - bMs).map(([id]) => id);
  }

  /** Holders whose copies cannot be called: a claim may stand beside theirs. */
  uncallable(record: ModelRecord): readonly InstanceId[] {
    return [...record.copies.keys()].filter((id) => !this.#parts.members.isReachable(id));
  }

  /** Where a copy is, or is to be. */
  targetOf(
    record: ModelRecord,
    tried: ReadonlySet<InstanceId>,
    lastUsedMs: EpochMs,
  ): Target | { readonly kind: 'none'; readonly error: ErrorFacts } {
    const { self, copies, desk, clock, pulse } = this.#parts;
    if (!tried.has(self) && copies.knowledge(record.key) !== 'absent') return { kind: 'copy', instance: self };
    const [holder] = this.holders(record, tried);
    if (holder !== undefined) return { kind: 'copy', instance: holder };

    const refusal = pulse.refusal(NO_FIRST_LOAD);
    if (refusal !== undefined) return { kind: 'none', error: factsOf(refusal) };
    const nowMs = clock.wallMs();
    const failures = [...record.failures].map(([instance, failure]) => ({ instance, ...failure }));
    const gate = failureGate(failures, nowMs, this.#parts.failureExpiryMs);
    if (gate !== null) return { kind: 'none', error: loadFailed(gate) };
    const triedCopies = [...record.copies.keys()].filter((id) => tried.has(id)).length;
    if (triedCopies >= COPIES_TRIED_MAX) {
      const message = `Failed to invoke model loaded in >=${COPIES_TRIED_MAX} locations`;
      return { kind: 'none', error: { kind: 'unavailable', message, retryAfterMs: null } };
    }
    const placed = desk.place(record, { exclude: tried, lastUsedMs, units: null });
    if (placed.instance !== null) return { kind: 'load', instance: placed.instance };
    const [latest] = failures.toSorted((a, b) => b.atMs - a.atMs);
    if (latest !== undefined) return { kind: 'none', error: loadFailed(latest) };
    return { kind: 'none', error: { kind: placed.error, message: placed.because, retryAfterMs: null } };
  }
}

/** An error as it crosses threads. */
export const factsOf = ({ kind, message, retryAfterMs }: MeshError): ErrorFacts => ({
  kind,
  message,
  retryAfterMs: retryAfterMs ?? null,
});

/** The error that facts speak of. */
export const errorOf = ({ kind, message, retryAfterMs }: ErrorFacts): MeshError =>
  new MeshError(kind, message, retryAfterMs === null ? {} : { retryAfterMs });

const loadFailed = ({ message }: LoadFailure): ErrorFacts => ({ kind: 'load-failed', message, retryAfterMs: null });
