import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';

/**
 * Memory of a Linux process that would not be there without it: what it wrote (anonymous and huge pages), and the weights that ONNX Runtime maps from
 * `.data` files beside a model instead of reading them.
 *
 * The `Private_*` lines of the kernel are not that. Pages of the program's own files become private when the last other process that runs it
 * ends, and are dirty or clean by whether the file was just written: up to 50 MiB that come and go without any model. Mapped weights count with the
 * size of the mapping, because pages come with the first runs and are the kernel's to take back; so a model weighs the same before and after.
 *
 * The kernel's own sum of what was written costs next to nothing where the machine has few cores; elsewhere the page tables are walked, about
 * a millisecond for each 100 MiB. @throws if there is no such process
 */
export function privateBytesOf(pid: number | 'self'): number {
  const { status, rollup, maps } = pathsOf(pid);
  const mapped = mappedWeightBytes(readFileSync(maps, 'latin1'));
  const counted = COUNTS_ARE_CLOSE ? countedBytes(readFileSync(status, 'latin1')) : undefined;
  return mapped + (counted ?? writtenBytes(readFileSync(rollup, 'latin1')));
}

/** {@link privateBytesOf} without blocking the calling thread while the kernel walks the page tables. */
export async function privateBytesOfAsync(pid: number | 'self'): Promise<number> {
  if (COUNTS_ARE_CLOSE) return privateBytesOf(pid);
  const { rollup, maps } = pathsOf(pid);
  const texts = await Promise.all([readFile(rollup, 'latin1'), readFile(maps, 'latin1')]);
  return writtenBytes(texts[0]) + mappedWeightBytes(texts[1]);
}

/**
 * Each core keeps up to 32 pages, or two for each core of the machine, to itself before it adds them to the sum: wrong by at most 128 KiB a core up to
 * this many, and growing with the square beyond.
 */
const COUNTING_CORES_MAX = 16;
const COUNTS_ARE_CLOSE = cpus().length <= COUNTING_CORES_MAX;

const pathsOf = (pid: number | 'self'): { readonly status: string; readonly rollup: string; readonly maps: string } => ({
  status: `/proc/${pid}/status`,
  rollup: `/proc/${pid}/smaps_rollup`,
  maps: `/proc/${pid}/maps`,
});

/** Bytes of a status text that belong to no file: anonymous pages and huge ones; undefined where the kernel does not tell them. */
export function countedBytes(status: string): number | undefined {
  const anonymous = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  const huge = /^HugetlbPages:\s+(\d+) kB$/m.exec(status)?.[1] ?? '0';
  return anonymous === undefined ? undefined : (Number(anonymous) + Number(huge)) * 1024;
}

/** Bytes of an smaps_rollup text that belong to no file: anonymous pages and huge ones, which the first line leaves out. */
export function writtenBytes(rollup: string): number {
  let kibibytes = 0;
  for (const match of rollup.matchAll(/^(?:Anonymous|Private_Hugetlb):\s+(\d+) kB$/gm)) kibibytes += Number(match[1]);
  return kibibytes * 1024;
}

/** A private, writable mapping of a file; groups: start, end, offset, device and inode. Field order as in proc_pid_maps(5). */
const DATA_LINE = /^([0-9a-f]+)-([0-9a-f]+) rw-p ([0-9a-f]+) (\S+ [1-9]\d*)/gm;
/** A mapping of a file that holds code; group: device and inode. */
const CODE_LINE = /^[0-9a-f]+-[0-9a-f]+ ..xp [0-9a-f]+ (\S+ [1-9]\d*)/gm;

/**
 * Bytes of a maps text that are mapped the way ONNX Runtime maps weights: private and writable, from a file of which nothing is executable (the data of
 * programs and libraries is mapped like that too). A part of a file that several sessions map is in memory once.
 */
export function mappedWeightBytes(maps: string): number {
  const programs = new Set<string>();
  for (const [, file = ''] of maps.matchAll(CODE_LINE)) programs.add(file);
  const parts = new Map<string, number>();
  for (const [, start = '', end = '', offset = '', file = ''] of maps.matchAll(DATA_LINE)) {
    if (programs.has(file)) continue;
    const part = `${file} ${offset}`;
    const bytes = Number.parseInt(end, 16) - Number.parseInt(start, 16);
    parts.set(part, Math.max(bytes, parts.get(part) ?? 0));
  }
  return [...parts.values()].reduce((sum, bytes) => sum + bytes, 0);
}
