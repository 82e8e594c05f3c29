import { readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { getHeapStatistics } from 'node:v8';

/** Memory that belongs to this process alone. */
export interface MemoryProbe {
  /** Private bytes now; walks the page tables, about a millisecond for each GiB. */
  read(): number;
  /** The same without blocking the calling thread. */
  readAsync(): Promise<number>;
  /** Memory that the JavaScript of the calling thread holds: heap pages in use and array buffers. Cheap. */
  scriptBytes(): number;
  /** Begins to watch the high-water mark. @returns a function that ends it and tells how far above its start the process went. */
  watchPeak(): () => number;
}

const ROLLUP = '/proc/self/smaps_rollup';
const STATUS = '/proc/self/status';
const CLEAR_REFS = '/proc/self/clear_refs';
/** Value of clear_refs that resets VmHWM; proc(5). */
const RESET_HIGH_WATER = '5';

/** The probe of this machine: `Private_*` of Linux, the resident set elsewhere. */
export function createMemoryProbe(): MemoryProbe {
  if (process.platform !== 'linux') {
    const read = (): number => process.memoryUsage.rss();
    return { read, readAsync: () => Promise.resolve(read()), scriptBytes, watchPeak: () => () => 0 };
  }
  return {
    read: () => parseRollup(readFileSync(ROLLUP, 'latin1')),
    readAsync: async () => parseRollup(await readFile(ROLLUP, 'latin1')),
    scriptBytes,
    watchPeak,
  };
}

/** Sum of the private lines of an smaps_rollup text, in bytes. */
export function parseRollup(text: string): number {
  let kibibytes = 0;
  for (const match of text.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)) kibibytes += Number(match[1]);
  return kibibytes * 1024;
}

function scriptBytes(): number {
  return getHeapStatistics().total_physical_size + process.memoryUsage().arrayBuffers;
}

function watchPeak(): () => number {
  try {
    writeFileSync(CLEAR_REFS, RESET_HIGH_WATER);
  } catch {
    // A hardened container forbids it: then peaks are not told apart from what stays.
    return () => 0;
  }
  const start = statusBytes('VmRSS');
  return () => Math.max(0, statusBytes('VmHWM') - start);
}

function statusBytes(field: string): number {
  const value = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(STATUS, 'latin1'))?.[1];
  return Number(value ?? 0) * 1024;
}
