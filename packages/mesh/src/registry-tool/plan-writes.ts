import { assertNever, endpointId, modelKey, type Revision } from '@modelmesh/core';
import { modelRecordKey, policyRecordKey, policyRevisionKey, type RecordKey, type RegistryRecord } from '@modelmesh/core/records';
import { decodeRecord } from '@modelmesh/wire/registry';
import { compareRecords, type KeptRecord, type PlacedEntry, recordId } from './contents.ts';

/**
 * What happens to a record that the target has already, and differently. `refuse`: nothing is written at all; `replace`: the target is made
 * equal to the source, what only it has included; `skip`: the target's stays; `newer`: the one that was changed last stays, as far as the
 * records tell.
 */
export type Overwrite = 'refuse' | 'replace' | 'skip' | 'newer';

/** One write, guarded by what the target had when it was planned. */
export type PlannedWrite =
  | { readonly kind: 'put'; readonly record: KeptRecord; readonly before: Revision | null }
  | { readonly kind: 'remove'; readonly record: KeptRecord; readonly before: Revision };

/** What an import comes to. */
export interface WritePlan {
  /** In the order in which they are made: models before what refers to them, removals the other way round. */
  readonly writes: readonly PlannedWrite[];
  /** What the target holds afterwards, in the order of records. */
  readonly expected: readonly KeptRecord[];
  readonly added: number;
  readonly replaced: number;
  readonly removed: number;
  /** Equal on both sides. */
  readonly same: number;
  /** The target's stayed: it was to, or it is newer, or nothing tells which one is. */
  readonly kept: number;
}

/** Why nothing is written: records of the target that differ from the source's, or that it does not have. */
export interface WriteRefusal {
  readonly differing: number;
  readonly onlyThere: number;
}

/** Where the program says which versions can read the registry; one that is there already is no obstacle. */
const SCHEMA_PATH = 'schema';
/** Models first: an import that ended halfway has no record that refers to nothing. */
const TABLE_ORDER = ['registry/', 'endpoint-revisions/', 'endpoints/', 'vmodels/', 'config/'];

/** Decides what must be written so that the target has the records of the source. */
export function planWrites(
  source: readonly KeptRecord[],
  target: readonly PlacedEntry[],
  overwrite: Overwrite,
): { readonly ok: true; readonly plan: WritePlan } | { readonly ok: false; readonly refusal: WriteRefusal } {
  const there = new Map(target.map((entry) => [recordId(entry), entry]));
  const puts: PlannedWrite[] = [];
  const expected: KeptRecord[] = [];
  const count = { added: 0, replaced: 0, same: 0, kept: 0, differing: 0 };
  for (const record of source) {
    const id = recordId(record);
    const found = there.get(id);
    there.delete(id);
    const wins = found === undefined || sourceWins(record, found, overwrite);
    expected.push(wins ? record : { space: record.space, path: record.path, value: found.value });
    if (found !== undefined && found.value === record.value) count.same += 1;
    else if (!wins) count.kept += 1;
    else {
      if (found !== undefined && overwrite === 'refuse') count.differing += 1;
      count[found === undefined ? 'added' : 'replaced'] += 1;
      puts.push({ kind: 'put', record, before: found?.entry.modRevision ?? null });
    }
  }
  const left = [...there.values()].filter(({ path }) => path !== SCHEMA_PATH);
  if (overwrite === 'refuse' && count.differing + left.length > 0)
    return { ok: false, refusal: { differing: count.differing, onlyThere: left.length } };
  const removed = overwrite === 'replace' ? left : [];
  const stays = [...there.values()].filter((entry) => !removed.includes(entry));
  expected.push(...stays.map(({ space, path, value }) => ({ space, path, value })));
  const removals = removed.map((entry): PlannedWrite => ({ kind: 'remove', record: entry, before: entry.entry.modRevision }));
  const { added, replaced, same } = count;
  const writes = [...puts.sort(byTable), ...removals.sort((a, b) => byTable(b, a))];
  const kept =
    count.kept + (overwrite === 'replace' ? 0 : stays.length - (stays.some(({ path }) => path === SCHEMA_PATH) ? 1 : 0));
  return {
    ok: true,
    plan: { writes, expected: expected.sort(compareRecords), added, replaced, removed: removed.length, same, kept },
  };
}

function sourceWins(source: KeptRecord, target: KeptRecord, overwrite: Overwrite): boolean {
  switch (overwrite) {
    case 'refuse':
    case 'replace':
      return true;
    case 'skip':
      return false;
    case 'newer':
      return isNewer(source, target);
    default:
      return assertNever(overwrite);
  }
}

const rankOf = ({ record: { path } }: PlannedWrite): number => {
  const rank = TABLE_ORDER.findIndex((table) => path.startsWith(table));
  return rank < 0 ? TABLE_ORDER.length : rank;
};

const byTable = (a: PlannedWrite, b: PlannedWrite): number => rankOf(a) - rankOf(b) || compareRecords(a.record, b.record);

/** Whether `a` was changed after `b`, by the generations and times that stand in them. */
function isNewer(a: KeptRecord, b: KeptRecord): boolean {
  const [mine, theirs] = [stampOf(a), stampOf(b)];
  if (mine === undefined || theirs === undefined) return false;
  for (const [at, stamp] of mine.entries()) if (stamp !== theirs[at]) return stamp > (theirs[at] ?? 0);
  return false;
}

/** What tells the age of a record, the most telling first; `undefined` where nothing does. */
function stampOf({ space, path, value }: KeptRecord): readonly number[] | undefined {
  const key = keyOf(path, space);
  if (key === undefined) return undefined;
  let record: RegistryRecord;
  try {
    record = decodeRecord(key, value);
  } catch {
    // It cannot be understood, so it has no age; it is moved as it is all the same.
    return undefined;
  }
  if (record.kind === 'policy') return [record.revision, record.createdAtMs];
  if (record.kind !== 'model') return undefined;
  const times = [record.createdAtMs, record.lastUsedMs, record.lastUnloadMs, ...record.copies.values()];
  return [record.generation, Math.max(...times, ...[...record.failures.values()].map(({ atMs }) => atMs))];
}

function keyOf(path: string, space: KeptRecord['space']): RecordKey | undefined {
  const [, table = '', id = ''] = /^([^/]+)\/(.+)$/s.exec(path) ?? [];
  if (table === 'registry') return modelRecordKey(modelKey(id), space);
  if (table === 'endpoints') return policyRecordKey(endpointId(id), space);
  const revision = table === 'endpoint-revisions' ? /^(.+)\/([1-9]\d{0,14})$/s.exec(id) : null;
  return revision === null ? undefined : policyRevisionKey(endpointId(revision[1] ?? ''), Number(revision[2]), space);
}
