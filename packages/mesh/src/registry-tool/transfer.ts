import { type Clock, MeshError } from '@modelmesh/core';
import { type RegistryLayout, registryLayout, schemaKey } from '@modelmesh/wire/registry';
import { checkReadable, type RegistrySchema } from '../kv/index.ts';
import {
  type Contents,
  countRecords,
  type KeptRecord,
  type LeftOut,
  listMesh,
  type RecordCounts,
  readContents,
} from './contents.ts';
import { headerOf, readDump, writeDump } from './dump-file.ts';
import { openPlace, type Place, type StorePlace } from './place.ts';
import { type Overwrite, planWrites, type WriteRefusal } from './plan-writes.ts';
import type { TellProgress } from './tell-progress.ts';
import { refuseLive, verifyStore, type WriteTarget, writePlan } from './write-store.ts';

/** A transfer from one place to another. */
export interface Transfer {
  readonly from: Place;
  readonly to: Place;
  readonly overwrite: Overwrite;
  readonly clock: Clock;
  readonly tell: TellProgress;
}

/** What a transfer came to. */
export interface Transferred {
  /** Records of the source. */
  readonly counts: RecordCounts;
  /** Keys of the source's sessions, which are never moved; `null` from a file, whose header does not say. */
  readonly leftOut: LeftOut | null;
  readonly added: number;
  readonly replaced: number;
  readonly removed: number;
  readonly same: number;
  readonly kept: number;
  /** Of what the target holds now, read back; of the file. */
  readonly digest: string;
}

interface Source {
  readonly records: readonly KeptRecord[];
  readonly leftOut: LeftOut | null;
  readonly layout: Pick<RegistryLayout, 'prefix' | 'service'>;
  readonly schema: RegistrySchema | null;
}

/**
 * Moves all records from one place to the other and reads them back. The source is never changed.
 *
 * @throws {MeshError} `failed-precondition` where the target is in use or has other records and nothing said what to do with them;
 *   `invalid-argument` for files that are none; as the stores say
 */
export async function transfer(wanted: Transfer): Promise<Transferred> {
  const { from, to, overwrite, tell, clock } = wanted;
  const source = from.kind === 'file' ? await readFile(from.path, tell) : await readStore(from, clock, tell);
  const counts = countRecords(source.records);
  const common = { counts, leftOut: source.leftOut };
  if (to.kind === 'store') {
    // Records of a file go back to where they stood, unless somebody says where.
    const layout = to.named || from.kind === 'store' ? to.layout : registryLayout({ root: '', ...source.layout });
    return { ...common, ...(await fill(wanted, { ...to, layout }, source)) };
  }
  const header = headerOf(source.records, source.layout, source.schema);
  await writeDump(to.path, { header, records: source.records }, overwrite === 'replace', tell);
  return { ...common, added: source.records.length, replaced: 0, removed: 0, same: 0, kept: 0, digest: header.checksum };
}

async function readFile(path: string, tell: TellProgress): Promise<Source> {
  const { header, records } = await readDump(path, tell);
  if (header.schema !== null) checkReadable(JSON.stringify(header.schema), path);
  return { records, leftOut: null, layout: header.layout, schema: header.schema };
}

async function readStore(place: StorePlace, clock: Clock, tell: TellProgress): Promise<Source> {
  const kv = await openPlace(place, clock, true);
  try {
    const contents: Contents = await readContents(kv, place.layout, tell);
    const stored = contents.records.find(({ path, space }) => path === 'schema' && space === 'default')?.value;
    const schema = stored === undefined ? null : checkReadable(stored, schemaKey(place.layout));
    return { records: contents.records, leftOut: contents.leftOut, layout: place.layout, schema };
  } finally {
    await kv.close();
  }
}

async function fill(
  { overwrite, tell, clock }: Transfer,
  to: StorePlace,
  source: Source,
): Promise<Omit<Transferred, 'counts' | 'leftOut'>> {
  const kv = await openPlace(to, clock, false);
  try {
    // One process at a time has an SQLite file open.
    const target = { kv, layout: to.layout, shared: to.registry.kind !== 'sqlite' };
    await refuseLive(target);
    return await write(target, to.text, { overwrite, tell }, source);
  } finally {
    await kv.close();
  }
}

async function write(
  target: WriteTarget,
  text: string,
  { overwrite, tell }: Pick<Transfer, 'overwrite' | 'tell'>,
  source: Source,
): Promise<Omit<Transferred, 'counts' | 'leftOut'>> {
  const { placed } = await listMesh(target.kv, target.layout, tell);
  const decided = planWrites(source.records, placed, overwrite);
  if (!decided.ok) throw refused(text, decided.refusal);
  const { plan } = decided;
  await writePlan(target, plan, tell);
  const digest = await verifyStore(target, plan, tell);
  const { added, replaced, removed, same, kept } = plan;
  return { added, replaced, removed, same, kept, digest };
}

function refused(target: string, { differing, onlyThere }: WriteRefusal): MeshError {
  const what = [
    ...(differing === 0 ? [] : [`${differing} records that differ`]),
    ...(onlyThere === 0 ? [] : [`${onlyThere} that the source does not have`]),
  ].join(' and ');
  return new MeshError(
    'failed-precondition',
    `${target} has ${what}, and nothing was written; say what becomes of them: --replace makes it equal to the source, --merge skip keeps ` +
      'them, --merge newer keeps what was changed last',
  );
}
