/** A cluster to place copies in, and what is asked for. */
import { ClusterView } from '../../cluster/index.ts';
import { CLUSTER_CONFIG, NOW_MS, units } from '../../cluster/testing/index.ts';
import type { InstanceRecord } from '../../records/index.ts';
import { DEFAULT_NAMESPACE, durationMs, epochMs, instanceId, modelKey } from '../../units.ts';
import type { Candidate } from '../decision.ts';
import type { PlacementRequest, PlacementSituation } from '../request.ts';
import { Reservations } from '../reservations.ts';
import { UpgradeTracker } from '../upgrades.ts';

/** A model of 100 units, last used an hour ago, without copies. */
export const aRequest = (fields: Partial<PlacementRequest> = {}): PlacementRequest => ({
  namespace: DEFAULT_NAMESPACE,
  model: modelKey('m'),
  type: 'plain',
  units: units(100),
  lastUsedMs: epochMs(NOW_MS - 3_600_000),
  copies: new Map(),
  failures: new Map(),
  exclude: new Set(),
  tried: new Set(),
  favourSelf: false,
  ...fields,
});

/** A cluster of these instances as `self` sees it: `self` itself need not be among them. */
export function situation(records: readonly InstanceRecord[], fields: Partial<PlacementSituation> = {}): PlacementSituation {
  const cluster = new ClusterView(CLUSTER_CONFIG);
  for (const record of records) cluster.put(record);
  return {
    cluster,
    nowMs: epochMs(NOW_MS),
    self: instanceId('self'),
    failureExpiryMs: durationMs(900_000),
    reservations: new Reservations(),
    upgrades: new UpgradeTracker(),
    ...fields,
  };
}

/** The names of candidates. */
export const idsOf = (candidates: readonly Candidate[]): readonly string[] => candidates.map(({ id }) => id);
