import { assertNever, DEFAULT_NAMESPACE, type InstanceId, toMeshError } from '@modelmesh/core';
import { type InstanceRecord, isJavaInstance, type ModelRecord, type RegistryRecord } from '@modelmesh/core/records';
import { decodeRecord, instancesPrefix, joinKey, parseRecordKey, type RegistryLayout } from '@modelmesh/wire/registry';
import type { Kv } from '../../kv/index.ts';
import { countRecords, listMesh, type PlacedEntry, type RecordCounts } from '../contents.ts';
import type { TellProgress } from '../tell-progress.ts';

/** An instance that lives in the registry. */
export interface SurveyedInstance {
  readonly id: string;
  readonly kind: 'java' | 'ours';
  readonly location: string;
  /** When it started, as ISO 8601. */
  readonly startedAt: string;
  readonly models: number;
}

/** A vmodel whose target is not active yet. */
export interface Transition {
  readonly endpoint: string;
  readonly active: string;
  readonly target: string;
  readonly failed: boolean;
}

/** What stands in the registry of a mesh, as far as a move has to know it. */
export interface Survey {
  readonly instances: readonly SurveyedInstance[];
  readonly counts: RecordCounts;
  readonly transitions: readonly Transition[];
  /** Records that this version cannot read, with the reason; never with their text. */
  readonly unreadable: readonly { readonly path: string; readonly why: string }[];
  /** Vmodels that refer to a model which is not there. */
  readonly dangling: readonly { readonly endpoint: string; readonly model: string }[];
  /** Copies and failures that models record for instances which do not live. */
  readonly staleClaims: number;
}

/** A model of the registry with its entry, and what of it belongs to nobody. */
export interface StaleModel {
  readonly placed: PlacedEntry;
  readonly record: ModelRecord;
  readonly gone: readonly InstanceId[];
}

/** Items of each list that are told; the counts say how many there are. */
export const LISTED_MAX = 1000;

/** The instances that live, by their records. One whose record cannot be read is Java's. */
export async function surveyInstances(kv: Kv, layout: RegistryLayout): Promise<readonly SurveyedInstance[]> {
  const prefix = instancesPrefix(layout);
  const found = await kv.range(prefix, { limit: LISTED_MAX });
  if (found.kind === 'compacted') return [];
  return found.entries.map(({ key, value }) => {
    const record = readAs(layout, key, value);
    const own = record?.kind === 'instance' ? record : undefined;
    return instanceOf(key.slice(prefix.length), own);
  });
}

const instanceOf = (id: string, record: InstanceRecord | undefined): SurveyedInstance => ({
  id,
  kind: record === undefined || isJavaInstance(record) ? 'java' : 'ours',
  location: record?.location ?? '',
  startedAt: new Date(record?.startedAtMs ?? 0).toISOString(),
  models: record?.modelCount ?? 0,
});

/** `undefined` for what is no record, or one that cannot be read. */
function readAs(layout: RegistryLayout, key: string, value: string): RegistryRecord | undefined {
  const recordKey = parseRecordKey(layout, key);
  if (recordKey === undefined) return undefined;
  try {
    return decodeRecord(recordKey, value);
  } catch {
    // Whoever needs the reason asks for it.
    return undefined;
  }
}

/** Reads the registry of a mesh. Nothing is written. @throws {MeshError} as the store says */
export async function surveyRegistry(kv: Kv, layout: RegistryLayout, tell: TellProgress): Promise<Survey> {
  const instances = await surveyInstances(kv, layout);
  const { placed } = await listMesh(kv, layout, tell);
  const reader = new SurveyReader(layout, new Set(instances.map(({ id }) => id)));
  for (const entry of placed) reader.take(entry);
  return { instances, counts: countRecords(placed), ...reader.found() };
}

/** Models with claims of instances that do not live. */
export async function staleModels(kv: Kv, layout: RegistryLayout, tell: TellProgress): Promise<readonly StaleModel[]> {
  const live = new Set((await surveyInstances(kv, layout)).map(({ id }) => id));
  const { placed } = await listMesh(kv, layout, tell);
  return placed.flatMap((entry) => {
    const record = readAs(layout, joinKey(layout, entry), entry.value);
    if (record?.kind !== 'model') return [];
    const gone = goneFrom(record, live);
    return gone.length === 0 ? [] : [{ placed: entry, record, gone }];
  });
}

const goneFrom = ({ copies, failures }: ModelRecord, live: ReadonlySet<string>): readonly InstanceId[] =>
  [...copies.keys(), ...failures.keys()].filter((id) => !live.has(id));

/** Goes through the records once. */
class SurveyReader {
  readonly #layout: RegistryLayout;
  readonly #live: ReadonlySet<string>;
  readonly #models = new Set<string>();
  readonly #references: { readonly space: string; readonly endpoint: string; readonly model: string }[] = [];
  readonly #transitions: Transition[] = [];
  readonly #unreadable: { path: string; why: string }[] = [];
  #staleClaims = 0;

  constructor(layout: RegistryLayout, live: ReadonlySet<string>) {
    this.#layout = layout;
    this.#live = live;
  }

  take(entry: PlacedEntry): void {
    const key = parseRecordKey(this.#layout, joinKey(this.#layout, entry));
    if (key === undefined) return;
    const where = entry.space === DEFAULT_NAMESPACE ? entry.path : `${entry.space}: ${entry.path}`;
    let record: RegistryRecord;
    try {
      record = decodeRecord(key, entry.value);
    } catch (error) {
      // A model that cannot be read is there all the same.
      if (key.kind === 'model') this.#models.add(`${entry.space}/${key.key}`);
      this.#unreadable.push({ path: where, why: toMeshError(error).message });
      return;
    }
    switch (record.kind) {
      case 'model':
        this.#models.add(`${entry.space}/${record.key}`);
        this.#staleClaims += goneFrom(record, this.#live).length;
        return;
      case 'endpoint': {
        const { id: endpoint, active, target, failed } = record;
        if (active !== target) this.#transitions.push({ endpoint, active, target, failed });
        for (const model of new Set([active, target])) this.#references.push({ space: entry.space, endpoint, model });
        return;
      }
      case 'policy':
      case 'weights':
      case 'figures':
      case 'instance':
      case 'policy-ack':
        return;
      default:
        assertNever(record);
    }
  }

  found(): Omit<Survey, 'instances' | 'counts'> {
    const dangling = this.#references.filter(({ space, model }) => !this.#models.has(`${space}/${model}`));
    return {
      transitions: this.#transitions.slice(0, LISTED_MAX),
      unreadable: this.#unreadable.slice(0, LISTED_MAX),
      dangling: dangling.map(({ endpoint, model }) => ({ endpoint, model })).slice(0, LISTED_MAX),
      staleClaims: this.#staleClaims,
    };
  }
}
