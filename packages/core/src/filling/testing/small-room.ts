import { durationMs, epochMs, instanceId, modelKey, sizeUnits } from '../../index.ts';
import type { FillCandidate } from '../candidate.ts';
import type { FillNode } from '../fill-node.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const NOW = epochMs(1_700_000_000_000);

interface NodeInWords {
  readonly capacity?: number;
  readonly used?: number;
  readonly models?: number;
  /** Age of its oldest last use; null: it has nothing. */
  readonly oldestAgeMs?: number | null;
  readonly threads?: number;
  readonly inProgress?: number;
}

/** An instance; a typical model has ten units, and one with less than that free is full. */
export function aNode(name: string, node: NodeInWords = {}): FillNode {
  const { capacity = 1000, used = 0, models = Math.round(used / 10), threads = 4, inProgress = 0 } = node;
  const oldestAgeMs = node.oldestAgeMs === undefined ? (used === 0 ? null : HOUR) : node.oldestAgeMs;
  return {
    id: instanceId(name),
    capacityUnits: sizeUnits(capacity),
    usedUnits: sizeUnits(used),
    modelCount: models,
    oldestUseMs: oldestAgeMs === null ? null : epochMs(NOW - oldestAgeMs),
    full: capacity - used < 10,
    loadingThreads: threads,
    loadsInProgress: inProgress,
  };
}

/** A first copy of ten units that takes a second to load and was used ten minutes ago, but for what is said. */
export const aCandidate = (name: string, part: Partial<Omit<FillCandidate, 'model'>> = {}): FillCandidate => ({
  model: modelKey(name),
  type: 'onnx',
  reason: 'first-copy',
  units: sizeUnits(10),
  loadMs: durationMs(1000),
  idleMs: durationMs(10 * MINUTE),
  callsPerMinute: null,
  exclude: [],
  freesPerUnit: 0,
  idleAfterMs: null,
  ...part,
});
