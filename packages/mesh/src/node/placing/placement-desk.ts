import {
  type Clock,
  type DurationMs,
  type EpochMs,
  type InstanceId,
  type MeshErrorKind,
  type SizeUnits,
  unitsForBytes,
} from '@modelmesh/core';
import { type PlacementDecision, place, Reservations, UpgradeTracker } from '@modelmesh/core/placement';
import type { InstanceRecord, ModelRecord } from '@modelmesh/core/records';
import { failingUntilMs } from '@modelmesh/core/view';
import type { Members } from '../members/index.ts';

/** What decisions of placement rest on in this node. */
export interface PlacementDeskParts {
  readonly self: InstanceId;
  readonly clock: Clock;
  readonly members: Members;
  readonly failureExpiryMs: DurationMs;
  /** What this instance would publish of itself now. */
  readonly ownRecord: () => InstanceRecord;
  /** What a model weighs of which nothing is known. */
  readonly defaultUnits: () => SizeUnits;
  /** What the copies of a model weigh, as far as this instance has seen one. */
  readonly knownUnits: (record: ModelRecord) => SizeUnits | null;
  /** The runtime of this instance is not ready: it says itself what comes of waiting for it. */
  readonly awaitsRuntime: () => boolean;
  /** Keeps the decision for explanations. */
  readonly onDecision: (decision: PlacementDecision) => void;
}

/** Where a copy is to be loaded; `instance` is `null` where nobody takes it, and then `because` says why. */
export interface Placed {
  readonly instance: InstanceId | null;
  readonly because: string;
  readonly error: MeshErrorKind;
}

/** Asks the domain where copies go, with what this node knows, and remembers what it gave away. */
export class PlacementDesk {
  readonly upgrades = new UpgradeTracker();
  readonly #reservations = new Reservations();
  readonly #parts: PlacementDeskParts;

  constructor(parts: PlacementDeskParts) {
    this.#parts = parts;
  }

  /** Chooses an instance for one more copy. */
  place(
    record: ModelRecord,
    wish: { readonly exclude: ReadonlySet<InstanceId>; readonly lastUsedMs: EpochMs; readonly units: SizeUnits | null },
  ): Placed {
    const { self, clock, members, failureExpiryMs, awaitsRuntime, onDecision } = this.#parts;
    const nowMs = clock.wallMs();
    members.refreshOwn();
    const units = wish.units ?? this.#unitsOf(record);
    const decision = place(
      {
        namespace: record.namespace,
        model: record.key,
        type: record.type,
        units,
        lastUsedMs: wish.lastUsedMs,
        copies: record.copies,
        failures: record.failures,
        exclude: wish.exclude,
        tried: new Set(),
        favourSelf: false,
      },
      {
        cluster: members.cluster,
        nowMs,
        self,
        failureExpiryMs,
        reservations: this.#reservations,
        upgrades: this.upgrades,
      },
    );
    onDecision(decision);
    if (decision.kind === 'placed') {
      const { id, instance } = decision.chosen;
      if (id !== self) this.#reservations.reserve(instance.record, units, nowMs);
      return { instance: id, because: decision.chosenBy, error: 'no-capacity' };
    }
    // An instance whose runtime is not up has no capacity yet: where nobody else takes the copy, it waits for it.
    const own = decision.rejections.find(({ id }) => id === self)?.reason.by;
    if (own === 'too-small' && awaitsRuntime())
      return { instance: self, because: 'the runtime is not ready yet', error: 'unavailable' };
    return { instance: null, because: `model ${record.key}: ${decision.because}`, error: 'no-capacity' };
  }

  /** Where a copy fits into memory that is free: here if it does, else where most is; `null`: nowhere. Nothing is reserved, and nothing told. */
  freeRoomFor(record: ModelRecord, exclude: ReadonlySet<InstanceId>): InstanceId | null {
    const { self, clock, members, failureExpiryMs } = this.#parts;
    members.refreshOwn();
    const units = this.#unitsOf(record);
    const { candidates } = place(
      {
        namespace: record.namespace,
        model: record.key,
        type: record.type,
        units,
        lastUsedMs: clock.wallMs(),
        copies: record.copies,
        failures: record.failures,
        exclude,
        tried: new Set(),
        favourSelf: true,
      },
      {
        cluster: members.cluster,
        nowMs: clock.wallMs(),
        self,
        failureExpiryMs,
        reservations: this.#reservations,
        upgrades: this.upgrades,
      },
    );
    const roomy = candidates.filter(({ instance }) => instance.remainingUnits >= units);
    if (roomy.some(({ id }) => id === self)) return self;
    const [most] = roomy.toSorted((a, b) => b.instance.remainingUnits - a.instance.remainingUnits);
    return most?.id ?? null;
  }

  /** Whether loads of the model failed lately, so that nobody tries again for now. */
  isFailing(record: ModelRecord): boolean {
    const { clock, failureExpiryMs } = this.#parts;
    return failingUntilMs(record, clock.wallMs(), failureExpiryMs) !== null;
  }

  /** Why this instance takes no copy of the model, whatever room it has; `null` if it may. */
  refusalHere(record: ModelRecord): string | null {
    const { members, ownRecord, self } = this.#parts;
    const { labels, shuttingDown } = ownRecord();
    if (shuttingDown) return `instance ${self} is leaving`;
    const { constraints } = members.cluster;
    if (constraints.allowed(record.type, labels)) return null;
    const missing = [...constraints.required(record.type).difference(labels)].join(', ');
    return `instance ${self} lacks labels that type ${record.type} requires: ${missing}`;
  }

  /** An instance came or published itself. */
  instanceSeen(record: InstanceRecord): void {
    this.upgrades.put(record, this.#parts.clock.wallMs());
  }

  /** An instance is gone. */
  instanceGone(id: InstanceId): void {
    this.upgrades.remove(id, this.#parts.clock.wallMs());
    this.#reservations.forget(id);
  }

  #unitsOf(record: ModelRecord): SizeUnits {
    const known = this.#parts.knownUnits(record);
    if (known !== null) return known;
    const declared = record.declaredMemoryBytes;
    return declared === undefined ? this.#parts.defaultUnits() : unitsForBytes(declared);
  }
}
