/** Instances made up for suites: few values of everything, so that ties and boundaries are common. */
import fc from 'fast-check';
import { type InstanceRecord, type NewInstanceRecord, newInstanceRecord } from '../../records/index.ts';
import { durationMs, epochMs, instanceId, type SizeUnits, sizeUnits } from '../../units.ts';
import type { ClusterConfig } from '../cluster-instance.ts';

/** The present of the suites. */
export const NOW_MS = 1_000_000_000;
/** Models of 100 units; saturated below two times five minutes. */
export const CLUSTER_CONFIG: ClusterConfig = { defaultModelUnits: sizeUnits(100), minChurnAgeMs: durationMs(300_000) };
/** Labels of the made-up instances. */
export const LABELS = ['gpu', 'ssd', 'big'] as const;

/** Brands a number of units. */
export const units = (count: number): SizeUnits => sizeUnits(count);

/** An instance with room for a hundred models and none in it, except for what `fields` say. */
export const instance = (id: string, fields: Partial<NewInstanceRecord> = {}): InstanceRecord =>
  newInstanceRecord({
    startedAtMs: epochMs(0),
    peerAddress: `${id}:8033`,
    capacityUnits: units(10_000),
    loadingThreads: 2,
    ...fields,
    id: instanceId(id),
  });

/** Any record of one of the instances `i0` … `i<ids − 1>`. */
export const anInstanceRecord = (ids: number): fc.Arbitrary<InstanceRecord> =>
  fc
    .record({
      id: fc.nat(ids - 1).map((number) => `i${number}`),
      startedAtMs: fc.constantFrom(0, 1000).map(epochMs),
      buildVersion: fc.nat(2),
      location: fc.constantFrom('', 'n1', 'n2'),
      zone: fc.constantFrom('', 'z1', 'z2'),
      labels: fc.subarray([...LABELS]).map((labels) => new Set<string>(labels)),
      leastRecentUseMs: fc.constantFrom(
        undefined,
        0,
        NOW_MS - 3_600_000,
        NOW_MS - 600_000,
        NOW_MS - 599_999,
        NOW_MS,
        NOW_MS + 5000,
      ),
      modelCount: fc.nat(3),
      usedUnits: fc.constantFrom(0, 5000, 9800, 9801, 10_000, 10_500).map(sizeUnits),
      loadingThreads: fc.integer({ min: 1, max: 3 }),
      loadsInProgress: fc.nat(4),
      requestsPerMinute: fc.constantFrom(0, 99, 100, 150, 500, 2000),
      shuttingDown: fc.integer({ min: 0, max: 9 }).map((tenth) => tenth === 0),
    })
    .map(({ id, leastRecentUseMs, ...fields }) =>
      instance(id, { ...fields, leastRecentUseMs: leastRecentUseMs === undefined ? undefined : epochMs(leastRecentUseMs) }),
    );
