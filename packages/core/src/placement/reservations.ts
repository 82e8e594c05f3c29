import type { ClusterInstance, ClusterView, ExpectedLoad } from '../cluster/index.ts';
import type { InstanceRecord } from '../records/index.ts';
import { type DurationMs, durationMs, type EpochMs, type InstanceId, type SizeUnits, sizeUnits } from '../units.ts';
import { ExpectedOrder } from './expected-order.ts';

/** A reservation ends after this time: an instance publishes what changed within two seconds (spec §3.4), and the watch takes its time. */
export const RESERVATION_MS: DurationMs = durationMs(5000);

/** Reservations of one node at a time. Beyond, the oldest is forgotten, which does no harm: the instance decides for itself what it takes. */
export const RESERVATIONS_MAX = 4096;

interface Reservation {
  readonly units: SizeUnits;
  readonly untilMs: number;
}

/** What was reserved in one instance, oldest first, on top of what its record showed then. */
interface Account {
  shownUnits: number;
  readonly open: Reservation[];
  openUnits: number;
  /** The last answer of {@link Reservations.applied}: most placements find it still true. */
  applied:
    | { readonly to: ClusterInstance; readonly units: number; readonly loads: number; readonly result: ClusterInstance }
    | undefined;
}

const newAccount = (record: InstanceRecord): Account => ({
  shownUnits: record.usedUnits,
  open: [],
  openUnits: 0,
  applied: undefined,
});

/** The time left is bounded too: a clock that was set back would hold the memory for as long as it went back. */
const hasEnded = ({ untilMs }: Reservation, nowMs: EpochMs): boolean => nowMs >= untilMs || untilMs - nowMs > RESERVATION_MS;

const NOTHING: ExpectedLoad = { units: sizeUnits(0), loads: 0 };

/**
 * Memory that this node gave away a moment ago and that no record shows yet. Without it, a burst of loads within the two seconds until a
 * record is published would all go to the instance that was best at the beginning.
 */
export class Reservations {
  readonly #accounts = new Map<InstanceId, Account>();
  readonly #order = new ExpectedOrder();
  /** Instances whose reservations changed since they were ordered last. */
  readonly #touched = new Set<InstanceId>();
  /** No reservation ends before this; and when that was looked at. */
  #nextEndMs = Number.POSITIVE_INFINITY;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  /** Reservations that are kept, the ended ones included until they are looked at. */
  get size(): number {
    return this.#count;
  }

  /** A load of so many units was sent to the instance; the record of the candidate that was chosen will do. */
  reserve(record: InstanceRecord, units: SizeUnits, nowMs: EpochMs): void {
    if (this.#count >= RESERVATIONS_MAX) this.#forgetOldest();
    const account = this.#accounts.get(record.id) ?? newAccount(record);
    const untilMs = nowMs + RESERVATION_MS;
    account.open.push({ units, untilMs });
    this.#nextEndMs = Math.min(this.#nextEndMs, untilMs);
    this.#touched.add(record.id);
    account.openUnits += units;
    this.#accounts.set(record.id, account);
    this.#count += 1;
  }

  /** The load did not come about: what was reserved for it is free again. */
  release(id: InstanceId, units: SizeUnits): void {
    const account = this.#accounts.get(id);
    const at = account?.open.findIndex((reservation) => reservation.units === units) ?? -1;
    if (account === undefined || at < 0) return;
    this.#touched.add(id);
    account.open.splice(at, 1);
    account.openUnits -= units;
    this.#count -= 1;
    if (account.open.length === 0) this.#accounts.delete(id);
  }

  /** The instance is gone. */
  forget(id: InstanceId): void {
    this.#touched.add(id);
    this.#count -= this.#accounts.get(id)?.open.length ?? 0;
    this.#accounts.delete(id);
  }

  /** What the instance was asked for and its record does not show. A record that uses more than before shows the oldest loads first. */
  expected(record: InstanceRecord, nowMs: EpochMs): ExpectedLoad {
    const account = this.#accounts.get(record.id);
    if (account === undefined) return NOTHING;
    const before = account.open.length;
    this.#settle(account, record, nowMs);
    if (account.open.length < before) this.#touched.add(record.id);
    if (account.open.length === 0) {
      this.#accounts.delete(record.id);
      return NOTHING;
    }
    return { units: sizeUnits(account.openUnits), loads: account.open.length };
  }

  /** The instance with what is expected of it; `null` if that is nothing. */
  applied(cluster: ClusterView, instance: ClusterInstance, nowMs: EpochMs): ClusterInstance | null {
    const expected = this.expected(instance.record, nowMs);
    const account = expected.loads === 0 ? undefined : this.#accounts.get(instance.id);
    if (account === undefined) return null;
    const last = account.applied;
    if (last?.to === instance && last.units === expected.units && last.loads === expected.loads) return last.result;
    const result = cluster.assuming(instance, expected);
    account.applied = { to: instance, ...expected, result };
    return result;
  }

  /** All instances as they are expected to be, the most wanted first. */
  ordered(cluster: ClusterView, nowMs: EpochMs): readonly ClusterInstance[] {
    const instances = cluster.ordered(nowMs);
    if (this.#count === 0) return instances;
    this.#touchEnded(nowMs);
    const expected = this.#order.of(instances, this.#touched, (seen) => this.applied(cluster, seen, nowMs) ?? seen);
    this.#touched.clear();
    return expected;
  }

  /** Time alone ends reservations. */
  #touchEnded(nowMs: EpochMs): void {
    const wentBack = nowMs < this.#lookedMs;
    this.#lookedMs = nowMs;
    if (nowMs < this.#nextEndMs && !wentBack) return;
    this.#nextEndMs = Number.POSITIVE_INFINITY;
    for (const [id, { open }] of this.#accounts) {
      for (const reservation of open) {
        if (!hasEnded(reservation, nowMs)) {
          this.#nextEndMs = Math.min(this.#nextEndMs, reservation.untilMs);
          break;
        }
        this.#touched.add(id);
      }
    }
  }

  #settle(account: Account, record: InstanceRecord, nowMs: EpochMs): void {
    account.shownUnits = Math.min(account.shownUnits, record.usedUnits);
    for (let first = account.open[0]; first !== undefined; first = account.open[0]) {
      const ended = hasEnded(first, nowMs);
      const shown = first.units > 0 && record.usedUnits - account.shownUnits >= first.units;
      if (!ended && !shown) return;
      if (shown) account.shownUnits += first.units;
      this.#endOldest(account);
    }
  }

  #endOldest(account: Account): void {
    account.openUnits -= account.open.shift()?.units ?? 0;
    this.#count -= 1;
  }

  #forgetOldest(): void {
    let oldest: { readonly id: InstanceId; readonly untilMs: number } | undefined;
    for (const [id, { open }] of this.#accounts) {
      const untilMs = open[0]?.untilMs ?? 0;
      if (oldest === undefined || untilMs < oldest.untilMs) oldest = { id, untilMs };
    }
    const account = oldest === undefined ? undefined : this.#accounts.get(oldest.id);
    if (oldest === undefined || account === undefined) return;
    this.#touched.add(oldest.id);
    this.#endOldest(account);
    if (account.open.length === 0) this.#accounts.delete(oldest.id);
  }
}
