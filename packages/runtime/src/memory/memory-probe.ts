import { readFileSync, writeFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import { privateBytesOf, privateBytesOfAsync } from './private-bytes.ts';

/** Memory that belongs to this process alone. */
export interface MemoryProbe {
  /** Private bytes now: a fraction of a millisecond, or a millisecond for each 100 MiB on machines with many cores. */
  read(): number;
  /** The same without blocking the calling thread. */
  readAsync(): Promise<number>;
  /** Memory that the JavaScript of the calling thread holds: heap pages in use and array buffers. Cheap. */
  scriptBytes(): number;
  /** Begins to watch the high-water mark. @returns a function that ends it and tells how far above its start the process went. */
  watchPeak(): () => number;
}

const STATUS = '/proc/self/status';
const CLEAR_REFS = '/proc/self/clear_refs';
/** Value of clear_refs that resets VmHWM; proc(5). */
const RESET_HIGH_WATER = '5';

/** The probe of this machine: the private bytes of Linux, the resident set elsewhere. */
export function createMemoryProbe(): MemoryProbe {
  if (process.platform !== 'linux') {
    const read = (): number => process.memoryUsage.rss();
    return { read, readAsync: () => Promise.resolve(read()), scriptBytes, watchPeak: () => () => 0 };
  }
  return { read: () => privateBytesOf('self'), readAsync: () => privateBytesOfAsync('self'), scriptBytes, watchPeak };
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
  const start = readStatus();
  return () => {
    const end = readStatus();
    // Pages of files that were touched for the first time are in the high-water mark: weights that count already, and code.
    const touchedBytes = Math.max(0, end.fileBytes - start.fileBytes);
    return Math.max(0, end.highWaterBytes - start.residentBytes - touchedBytes);
  };
}

function readStatus(): { readonly residentBytes: number; readonly highWaterBytes: number; readonly fileBytes: number } {
  const text = readFileSync(STATUS, 'latin1');
  const bytes = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return { residentBytes: bytes('VmRSS'), highWaterBytes: bytes('VmHWM'), fileBytes: bytes('RssFile') };
}
