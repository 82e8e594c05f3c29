import { createHash } from 'node:crypto';
import { DEFAULT_NAMESPACE, MeshError, type Namespace, type Revision } from '@modelmesh/core';
import { type RegistryLayout, registryPrefixes, splitKey } from '@modelmesh/wire/registry';
import type { Kv, KvEntry, KvRange } from '../kv/index.ts';
import { compareKeys } from '../kv/index.ts';
import type { TellProgress } from './tell-progress.ts';

/** One record as it is kept, by its place below the base of its mesh, such as `registry/m`. */
export interface KeptRecord {
  readonly space: Namespace;
  readonly path: string;
  /** The stored text, never looked into here. */
  readonly value: string;
}

/** Records by what they are. `others` are keys that this version has no name for; they are moved like all. */
export interface RecordCounts {
  readonly models: number;
  readonly endpoints: number;
  readonly policies: number;
  readonly policyRevisions: number;
  readonly parameters: number;
  readonly others: number;
}

/** Keys that are left out, since they belong to a session and end with it. */
export interface LeftOut {
  readonly instances: number;
  readonly leaders: number;
  /** Java's service discovery, which stands outside the registry. */
  readonly discovery: number;
  readonly others: number;
}

/** Everything that a registry keeps, as it was at one revision. */
export interface Contents {
  readonly records: readonly KeptRecord[];
  readonly leftOut: LeftOut;
  /** Of the store that it was read from. */
  readonly revision: Revision;
}

/** Most text of all records together, in bytes: they are held in memory. A million models take about half of it. */
export const CONTENTS_BYTES_MAX = 1024 * 1024 * 1024;
/** What a store shows where bytes are no UTF-8. */
const REPLACED = '\ufffd';
/** Entries of one page. */
const PAGE_ENTRIES = 1000;
/** How often a listing is begun anew because the store forgot the revision meanwhile. */
const LISTINGS_MAX = 3;
/** Where the Java mesh tells how its instances are reached (spec `modelmesh.md` §3.1). */
const DISCOVERY_PREFIX = '/litelinks/';

/** A store's entry with its place in the mesh. */
export interface PlacedEntry extends KeptRecord {
  readonly entry: KvEntry;
}

/** What a listing of a mesh finds. */
interface Listing {
  readonly placed: readonly PlacedEntry[];
  readonly leased: LeftOut;
  readonly revision: Revision;
}

/** Reads all records of a mesh at one revision. @throws {MeshError} `too-large` beyond {@link CONTENTS_BYTES_MAX}; `failed-precondition` for what is no text; as the store says */
export async function readContents(kv: Kv, layout: RegistryLayout, tell: TellProgress): Promise<Contents> {
  const { placed, leased, revision } = await listMesh(kv, layout, tell);
  const altered = placed.find(({ path, value }) => path.includes(REPLACED) || value.includes(REPLACED));
  if (altered !== undefined) {
    const sentence = `${altered.path} is no UTF-8 text, or has the character U+FFFD that stands for what is none: it would not come through as it is`;
    throw new MeshError('failed-precondition', `${sentence}; mend or remove it`);
  }
  return { records: placed.map(({ space, path, value }) => ({ space, path, value })), leftOut: leased, revision };
}

/** Lists a mesh with the revisions of its keys, in the order of {@link compareRecords}. */
export async function listMesh(kv: Kv, layout: RegistryLayout, tell: TellProgress): Promise<Listing> {
  for (let tries = 1; ; tries++) {
    const listing = await new Lister(kv, layout, tell).list();
    if (listing !== undefined) return listing;
    if (tries === LISTINGS_MAX)
      throw new MeshError(
        'registry-unavailable',
        `the store forgot the revision that was read, ${tries} times; let it keep more history`,
      );
  }
}

class Lister {
  readonly #kv: Kv;
  readonly #layout: RegistryLayout;
  readonly #tell: TellProgress;
  readonly #placed: PlacedEntry[] = [];
  readonly #left = { instances: 0, leaders: 0, discovery: 0, others: 0 };
  #byteCount = 0;
  #at: Revision | undefined;

  constructor(kv: Kv, layout: RegistryLayout, tell: TellProgress) {
    this.#kv = kv;
    this.#layout = layout;
    this.#tell = tell;
  }

  /** `undefined`: the revision is no longer kept. */
  async list(): Promise<Listing | undefined> {
    for (const prefix of registryPrefixes(this.#layout))
      if (!(await this.#each(prefix, (entry) => this.#take(entry)))) return undefined;
    const counted = await this.#each(DISCOVERY_PREFIX, () => {
      this.#left.discovery += 1;
    });
    if (!counted || this.#at === undefined) return undefined;
    return { placed: this.#placed.sort(compareRecords), leased: this.#left, revision: this.#at };
  }

  async #each(prefix: string, take: (entry: KvEntry) => void): Promise<boolean> {
    let after: string | undefined;
    for (;;) {
      const revision = this.#at === undefined ? {} : { revision: this.#at };
      const page: KvRange = await this.#kv.range(prefix, {
        limit: PAGE_ENTRIES,
        ...revision,
        ...(after === undefined ? {} : { after }),
      });
      if (page.kind === 'compacted') return false;
      this.#at ??= page.revision;
      for (const entry of page.entries) take(entry);
      after = page.entries.at(-1)?.key;
      this.#tell('reading', this.#placed.length, null);
      if (!page.more) return true;
    }
  }

  #take(entry: KvEntry): void {
    const split = splitKey(this.#layout, entry.key);
    if (split === undefined) return;
    if (isOfSession(split.path) || entry.lease !== undefined) {
      if (split.path.startsWith('instances/')) this.#left.instances += 1;
      else if (split.path.startsWith('leaderLatch/')) this.#left.leaders += 1;
      else this.#left.others += 1;
      return;
    }
    this.#byteCount += Buffer.byteLength(entry.key) + Buffer.byteLength(entry.value);
    if (this.#byteCount > CONTENTS_BYTES_MAX)
      throw new MeshError('too-large', `the registry has more than ${CONTENTS_BYTES_MAX} bytes, which are held in memory here`);
    this.#placed.push({ ...split, value: entry.value, entry });
  }
}

/** Whether what stands there ends with a session, even where a store has no lease on it. */
const isOfSession = (path: string): boolean => SESSION_TABLES.some((table) => path.startsWith(table));

const SESSION_TABLES = ['instances/', 'leaderLatch/', 'policy-acks/', 'strategy-figures/'];

/** The default namespace first, then by name; below it by path, in the order of UTF-8. */
export function compareRecords(a: KeptRecord, b: KeptRecord): number {
  if (a.space !== b.space) {
    if (a.space === DEFAULT_NAMESPACE) return -1;
    return b.space === DEFAULT_NAMESPACE ? 1 : compareKeys(a.space, b.space);
  }
  return compareKeys(a.path, b.path);
}

/** Names a record among those of its mesh. */
export const recordId = ({ space, path }: Pick<KeptRecord, 'space' | 'path'>): string => `${space}\u0000${path}`;

/** The line of a record, without its end: JSON, with the namespace only where it is not the default one. */
export const recordLine = ({ space, path, value }: KeptRecord): string =>
  JSON.stringify(space === DEFAULT_NAMESPACE ? { path, value } : { namespace: space, path, value });

/** SHA-256 over the lines of records in their order: equal for equal contents, whichever store they are in and below whichever base. */
export function digestOf(records: Iterable<KeptRecord>): string {
  const hash = createHash('sha256');
  for (const record of records) hash.update(`${recordLine(record)}\n`);
  return `sha256:${hash.digest('hex')}`;
}

/** Counts records by the table that they stand in. */
export function countRecords(records: Iterable<Pick<KeptRecord, 'path'>>): RecordCounts {
  const counts = { models: 0, endpoints: 0, policies: 0, policyRevisions: 0, parameters: 0, others: 0 };
  for (const { path } of records) counts[tableOf(path)] += 1;
  return counts;
}

const TABLES: ReadonlyMap<string, keyof RecordCounts> = new Map<string, keyof RecordCounts>([
  ['registry', 'models'],
  ['vmodels', 'endpoints'],
  ['endpoints', 'policies'],
  ['endpoint-revisions', 'policyRevisions'],
  ['config', 'parameters'],
]);

/** The table of a record, as its counts name it. */
export function tableOf(path: string): keyof RecordCounts {
  const slash = path.indexOf('/');
  return (slash < 0 ? undefined : TABLES.get(path.slice(0, slash))) ?? 'others';
}
