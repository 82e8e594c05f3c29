import {
  type DurationMs,
  durationMs,
  type EpochMs,
  epochMs,
  type InstanceId,
  instanceId,
  modelKey,
  sizeUnits,
} from '../../index.ts';
import { type CopiesPolicy, DEFAULT_COPIES_POLICY, type ModelRecord, newModelRecord } from '../../records/index.ts';
import type { ClusterFacts, Fullness } from '../cluster-facts.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
/** The instance whose decisions are looked at. */
export const SELF = instanceId('a');

/** A cluster in words. Placement wants its instances in the order of their ids unless `order` says otherwise. */
export interface SmallCluster {
  readonly instances?: readonly string[];
  /** Not suitable for any type although live. */
  readonly unsuitable?: readonly string[];
  readonly busyness?: Readonly<Record<string, number>>;
  readonly order?: readonly string[];
  readonly self?: InstanceId;
  readonly freeShare?: number;
  /** Last use of the oldest copy, as an age; null: nothing is loaded. */
  readonly cacheAgeMs?: number | null;
  readonly assumeLoadedAfterMs?: DurationMs;
  readonly nowMs: EpochMs;
}

export function aCluster(cluster: SmallCluster): ClusterFacts {
  const { instances = ['a', 'b', 'c'], unsuitable = [], busyness = {}, freeShare = 0, cacheAgeMs = HOUR, nowMs } = cluster;
  const order = cluster.order ?? instances;
  const fullness: Fullness = {
    capacityUnits: sizeUnits(1_000_000),
    freeUnits: sizeUnits(Math.round(1_000_000 * freeShare)),
    oldestUseMs: cacheAgeMs === null ? null : epochMs(nowMs - cacheAgeMs),
  };
  const suitable = new Map(
    instances.filter((id) => !unsuitable.includes(id)).map((id) => [instanceId(id), busyness[id] ?? 0] as const),
  );
  const assumeLoadedAfterMs = cluster.assumeLoadedAfterMs ?? durationMs(3000);
  return {
    self: cluster.self ?? SELF,
    isLive: (instance) => instances.includes(instance),
    isBefore: (a, b) => order.indexOf(a) < order.indexOf(b),
    factsFor: () => ({ suitable, fullness, assumeLoadedAfterMs }),
  };
}

/** A model with copies of these ages in milliseconds, and what else is said. */
export function aRecord(
  name: string,
  ages: Readonly<Record<string, number>>,
  nowMs: EpochMs,
  more: { readonly policy?: Partial<CopiesPolicy>; readonly failedIn?: readonly string[]; readonly unloadedAgoMs?: number } = {},
): ModelRecord {
  return newModelRecord({
    key: modelKey(name),
    type: 'onnx',
    copies: new Map(Object.entries(ages).map(([id, ageMs]) => [instanceId(id), epochMs(nowMs - ageMs)])),
    failures: new Map((more.failedIn ?? []).map((id) => [instanceId(id), { atMs: nowMs, message: 'broken' }])),
    copiesPolicy: { ...DEFAULT_COPIES_POLICY, ...more.policy },
    lastUnloadMs: epochMs(more.unloadedAgoMs === undefined ? 0 : nowMs - more.unloadedAgoMs),
  });
}
