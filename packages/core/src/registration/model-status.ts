import { assertNever } from '../assert.ts';
import type { ModelRecord } from '../records/index.ts';
import type { EpochMs, InstanceId } from '../units.ts';

/** The state of a model or of a copy in a management answer, by ModelMesh's names (spec `modelmesh.md` §1.1). */
export type ModelStatusName = 'NOT_FOUND' | 'NOT_LOADED' | 'LOADING' | 'LOADED' | 'LOADING_FAILED' | 'UNKNOWN';

/** One copy, or one instance where the load failed. */
export interface ModelCopyStatus {
  readonly location: InstanceId;
  readonly status: 'LOADING' | 'LOADED' | 'LOADING_FAILED' | 'UNKNOWN';
  /** When it was claimed, or when it failed. */
  readonly timeMs: EpochMs;
}

/** What a management answer says of a model. */
export interface ModelStatus {
  readonly status: ModelStatusName;
  /** What failed loads said, most recent first; empty unless the status is LOADING_FAILED. */
  readonly errors: readonly string[];
  /** Most recent first; empty for NOT_FOUND and NOT_LOADED. */
  readonly copies: readonly ModelCopyStatus[];
}

/** What an instance says of a copy that the registry gives it; `unknown` where it was not asked or did not answer. */
export type CopyKnowledge = 'loading' | 'loaded' | 'unknown';

/** The answer for a model that is not registered. */
export const MODEL_NOT_FOUND: ModelStatus = { status: 'NOT_FOUND', errors: [], copies: [] };

/**
 * The status of a model: LOADED if any copy is known to be, else LOADING if any is, else LOADING_FAILED if any instance failed, else
 * NOT_LOADED (a copy of which nothing is known does not count, spec §1.1).
 */
export function modelStatus(record: ModelRecord | undefined, copyIn: (instance: InstanceId) => CopyKnowledge): ModelStatus {
  if (record === undefined) return MODEL_NOT_FOUND;
  const copies: ModelCopyStatus[] = [...record.copies].map(([location, timeMs]) => ({
    location,
    status: copyStatusName(copyIn(location)),
    timeMs,
  }));
  const failures = [...record.failures].toSorted(([, a], [, b]) => b.atMs - a.atMs);
  const infos = [
    ...copies,
    ...failures.map(([location, { atMs }]) => ({ location, status: 'LOADING_FAILED' as const, timeMs: atMs })),
  ];
  const newestFirst = infos.toSorted((a, b) => b.timeMs - a.timeMs);
  if (copies.some(({ status }) => status === 'LOADED')) return { status: 'LOADED', errors: [], copies: newestFirst };
  if (copies.some(({ status }) => status === 'LOADING')) return { status: 'LOADING', errors: [], copies: newestFirst };
  if (failures.length === 0) return { status: 'NOT_LOADED', errors: [], copies: [] };
  return { status: 'LOADING_FAILED', errors: failures.map(([, { message }]) => message), copies: newestFirst };
}

function copyStatusName(known: CopyKnowledge): ModelCopyStatus['status'] {
  switch (known) {
    case 'loading':
      return 'LOADING';
    case 'loaded':
      return 'LOADED';
    case 'unknown':
      return 'UNKNOWN';
    default:
      return assertNever(known);
  }
}
