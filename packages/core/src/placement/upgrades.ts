/**
 * Which replica sets are being replaced by a rolling upgrade (spec `modelmesh.md` §4.12), folded from the instances that come and go: what
 * is loaded into a pod that is about to go has to be loaded again. Done right where ModelMesh was not (spec §9.4, 7): pods with labels count
 * by what their labels are, and only the first appearance of a pod is a change of its set, not each record that it publishes.
 */

import type { InstanceRecord } from '../records/index.ts';
import { type DurationMs, durationMs, type EpochMs, type InstanceId } from '../units.ts';

const MINUTE_MS = 60_000;
/** The newest replica set replaces others while it started a pod within this time … */
export const REPLACING_MS: DurationMs = durationMs(20 * MINUTE_MS);
/** … and either started one within this time … */
export const REPLACING_SURELY_MS: DurationMs = durationMs(10 * MINUTE_MS);
/** … or the other set gained or lost a pod within this time. A set without pods is remembered for as long. */
export const REPLICA_SET_CHANGE_MS: DurationMs = durationMs(15 * MINUTE_MS);
/** Empty sets are looked for each time so many pods came or went. */
export const HOUSEKEEPING_CHANGES = 64;
/** Replica sets that are remembered; beyond, the one that changed longest ago is forgotten. */
export const REPLICA_SETS_MAX = 1024;

/** The end of a pod's name: six characters of its replica set, a hyphen, five of its own (spec §7.3). Other ids belong to no set. */
const POD_ID = /^(.{6})-[a-z0-9]{5}$/;

interface ReplicaSet {
  readonly name: string;
  /** The labels that its pods share, as one text. */
  readonly labels: string;
  readonly pods: Set<InstanceId>;
  /** Start of the first and of the newest pod that was ever seen of it. */
  firstStartMs: number;
  newestStartMs: number;
  /** When it last gained or lost a pod. */
  changedAtMs: number;
}

/** The name of the replica set that replaces that of an instance; `null` if none does. */
export type Replacement = (id: InstanceId) => string | null;

/** Folds what comes and goes. Pure: every method is told the instant. */
export class UpgradeTracker {
  readonly #sets = new Map<string, ReplicaSet>();
  /** The set of each pod that is there. */
  readonly #setOf = new Map<InstanceId, ReplicaSet>();
  #changes = 0;

  /** Replica sets that are remembered. */
  get size(): number {
    return this.#sets.size;
  }

  /** An instance published its record. Only its first appearance, or other labels, change anything. */
  put(record: InstanceRecord, nowMs: EpochMs): void {
    const name = POD_ID.exec(record.id)?.[1];
    if (name === undefined) return;
    const labels = JSON.stringify([...record.labels].sort());
    const known = this.#setOf.get(record.id);
    if (known?.labels === labels) return;
    if (known !== undefined) known.pods.delete(record.id);
    this.#join(this.#set(name, labels), record, nowMs);
    this.#countChange(nowMs);
  }

  /** The instance is gone. */
  remove(id: InstanceId, nowMs: EpochMs): void {
    const set = this.#setOf.get(id);
    if (set === undefined) return;
    this.#setOf.delete(id);
    set.pods.delete(id);
    set.changedAtMs = nowMs;
    this.#countChange(nowMs);
  }

  /** Tells of an instance by which replica set its own is likely being replaced; `null` while nothing is being replaced. */
  replacement(nowMs: EpochMs): Replacement | null {
    const newestOf = new Map<string, ReplicaSet>();
    for (const set of this.#sets.values()) {
      // After a rollback the newer set is the one without pods.
      if (set.pods.size === 0) continue;
      const newest = newestOf.get(set.labels);
      if (newest === undefined || isLater(set, newest)) newestOf.set(set.labels, set);
    }
    const replacedBy = new Map<ReplicaSet, string>();
    for (const set of this.#sets.values()) {
      const newest = newestOf.get(set.labels);
      if (newest !== undefined && set.pods.size > 0 && replaces(newest, set, nowMs)) replacedBy.set(set, newest.name);
    }
    if (replacedBy.size === 0) return null;
    return (id) => {
      const set = this.#setOf.get(id);
      return (set === undefined ? undefined : replacedBy.get(set)) ?? null;
    };
  }

  #join(set: ReplicaSet, { id, startedAtMs }: InstanceRecord, nowMs: EpochMs): void {
    set.pods.add(id);
    this.#setOf.set(id, set);
    set.firstStartMs = Math.min(set.firstStartMs, startedAtMs);
    set.newestStartMs = Math.max(set.newestStartMs, startedAtMs);
    // When the pod started, not when this node saw it: a node that has just started sees all of them appear at once.
    set.changedAtMs = Math.max(set.changedAtMs, Math.min(startedAtMs, nowMs));
  }

  #set(name: string, labels: string): ReplicaSet {
    const key = `${name}\0${labels}`;
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    const set: ReplicaSet = {
      name,
      labels,
      pods: new Set(),
      firstStartMs: Number.POSITIVE_INFINITY,
      newestStartMs: Number.NEGATIVE_INFINITY,
      changedAtMs: Number.NEGATIVE_INFINITY,
    };
    if (this.#sets.size >= REPLICA_SETS_MAX) this.#forgetOldest();
    this.#sets.set(key, set);
    return set;
  }

  #countChange(nowMs: EpochMs): void {
    this.#changes += 1;
    if (this.#changes % HOUSEKEEPING_CHANGES !== 0) return;
    for (const [key, set] of this.#sets) {
      if (set.pods.size === 0 && nowMs - set.changedAtMs > REPLICA_SET_CHANGE_MS) this.#sets.delete(key);
    }
  }

  #forgetOldest(): void {
    let [oldestKey, oldest]: [string | undefined, ReplicaSet | undefined] = [undefined, undefined];
    for (const [key, set] of this.#sets) {
      if (oldest === undefined || set.changedAtMs < oldest.changedAtMs) [oldestKey, oldest] = [key, set];
    }
    if (oldestKey === undefined || oldest === undefined) return;
    this.#sets.delete(oldestKey);
    for (const pod of oldest.pods) this.#setOf.delete(pod);
  }
}

/** Equal starts are ordered by name, so that every node names the same set the newest. */
const isLater = (a: ReplicaSet, b: ReplicaSet): boolean =>
  a.firstStartMs > b.firstStartMs || (a.firstStartMs === b.firstStartMs && a.name > b.name);

function replaces(newest: ReplicaSet, old: ReplicaSet, nowMs: EpochMs): boolean {
  if (old === newest || old.newestStartMs >= newest.firstStartMs) return false;
  const startedAgoMs = nowMs - newest.newestStartMs;
  if (startedAgoMs >= REPLACING_MS) return false;
  return startedAgoMs < REPLACING_SURELY_MS || nowMs - old.changedAtMs < REPLICA_SET_CHANGE_MS;
}
