import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DEFAULT_NAMESPACE, MeshError, namespace } from '@modelmesh/core';
import type { RegistrySchema } from '../kv/index.ts';
import {
  CONTENTS_BYTES_MAX,
  compareRecords,
  countRecords,
  digestOf,
  type KeptRecord,
  type RecordCounts,
  recordLine,
} from './contents.ts';
import type { TellProgress } from './tell-progress.ts';

/** The first line of a file: what follows, and how to know that it is whole. */
export interface DumpHeader {
  readonly kind: 'modelmesh-registry';
  /** Of the file; grows where an older program could not read it. */
  readonly format: 1;
  /** Where the records stood. An import may put them elsewhere. */
  readonly layout: { readonly prefix: string; readonly service: string };
  /** Who can read the records; `null` from a registry that does not say, as Java's. */
  readonly schema: RegistrySchema | null;
  readonly counts: RecordCounts;
  /** SHA-256 over all lines behind this one. */
  readonly checksum: string;
}

/** A file, read and checked. */
export interface Dump {
  readonly header: DumpHeader;
  readonly records: readonly KeptRecord[];
}

/** Model records hold what storages are opened with: nobody else shall read them. */
const FILE_MODE = 0o600;
/** How many records are told of at once. */
const TELL_EVERY = 1000;

/** Makes the header of these records. */
export const headerOf = (
  records: readonly KeptRecord[],
  layout: DumpHeader['layout'],
  schema: RegistrySchema | null,
): DumpHeader => ({
  kind: 'modelmesh-registry',
  format: 1,
  layout: { prefix: layout.prefix, service: layout.service },
  schema,
  counts: countRecords(records),
  checksum: digestOf(records),
});

/**
 * Writes a file that is whole or not there: below another name, synced, then renamed.
 *
 * @throws {MeshError} `failed-precondition` where the file exists and `replace` is not set, or cannot be written
 */
export async function writeDump(path: string, { header, records }: Dump, replace: boolean, tell: TellProgress): Promise<void> {
  const part = `${path}.part`;
  try {
    if (!replace) await refuseExisting(path);
    const lines = function* (): Generator<string> {
      yield `${JSON.stringify(header)}\n`;
      let done = 0;
      for (const record of records) {
        yield `${recordLine(record)}\n`;
        done += 1;
        if (done % TELL_EVERY === 0) tell('writing', done, records.length);
      }
    };
    await pipeline(Readable.from(lines()), createWriteStream(part, { mode: FILE_MODE, flush: true }));
    await rename(part, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof MeshError) throw error;
    throw new MeshError('failed-precondition', `${path} cannot be written: ${codeOf(error)}`, { cause: error });
  }
}

async function refuseExisting(path: string): Promise<void> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return;
  await file.close();
  throw new MeshError('failed-precondition', `${path} exists; name another file, or give --replace`);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : String(error));

/** Reads a file to its end and checks it. @throws {MeshError} `invalid-argument` with the line where it is no such file or damaged */
export async function readDump(path: string, tell: TellProgress): Promise<Dump> {
  const hash = createHash('sha256');
  const records: KeptRecord[] = [];
  let header: DumpHeader | undefined;
  let [lineCount, byteCount] = [0, 0];
  try {
    for await (const line of linesOf(path)) {
      lineCount += 1;
      byteCount += line.length;
      if (byteCount > CONTENTS_BYTES_MAX) throw new MeshError('too-large', `${path} has more than ${CONTENTS_BYTES_MAX} bytes`);
      if (header === undefined) {
        header = readHeader(line, path);
        continue;
      }
      hash.update(`${line}\n`);
      records.push(readRecord(line, path, lineCount));
      if (records.length % TELL_EVERY === 0) tell('reading', records.length, totalOf(header.counts));
    }
  } catch (error) {
    if (error instanceof MeshError) throw error;
    throw new MeshError('invalid-argument', `${path} cannot be read: ${codeOf(error)}`, { cause: error });
  }
  if (header === undefined) throw notDump(path, 'it is empty');
  const checksum = `sha256:${hash.digest('hex')}`;
  if (JSON.stringify(countRecords(records)) !== JSON.stringify(header.counts) || checksum !== header.checksum)
    throw notDump(
      path,
      `it is not whole: ${records.length} records where its header says ${totalOf(header.counts)}, or one was changed`,
    );
  return { header, records: records.sort(compareRecords) };
}

/** How many records there are. */
export const totalOf = (counts: RecordCounts): number =>
  Object.values(counts).reduce((sum: number, each: number) => sum + each, 0);

/** Lines between line feeds alone: a text may hold other characters that end lines elsewhere. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

const notDump = (path: string, why: string): MeshError =>
  new MeshError('invalid-argument', `${path} is no exported registry: ${why}`);

function parseLine(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    // Told by the caller, without the text, which may hold secrets.
    return undefined;
  }
}

function readHeader(line: string, path: string): DumpHeader {
  const value = parseLine(line);
  if (value === undefined || value.kind !== 'modelmesh-registry') throw notDump(path, 'its first line is no header');
  if (value.format !== 1) throw notDump(path, `it has format ${JSON.stringify(value.format)}, this version reads format 1`);
  const { layout, counts, checksum } = value;
  if (
    typeof layout !== 'object' ||
    typeof counts !== 'object' ||
    typeof checksum !== 'string' ||
    layout === null ||
    counts === null
  )
    throw notDump(path, 'its header lacks layout, counts or checksum');
  return value as unknown as DumpHeader;
}

function readRecord(line: string, path: string, at: number): KeptRecord {
  const found = parseLine(line);
  const space = found?.namespace ?? DEFAULT_NAMESPACE;
  if (typeof found?.path !== 'string' || typeof found.value !== 'string' || typeof space !== 'string' || found.path === '')
    throw notDump(path, `line ${at} is no record`);
  return { space: namespace(space), path: found.path, value: found.value };
}
