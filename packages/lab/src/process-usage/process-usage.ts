import { readdirSync, readFileSync } from 'node:fs';
import { privateBytesOf } from '@modelmesh/runtime/memory';

/** What a process has used and holds at one instant, as Linux tells it. */
export interface ProcessUsage {
  /** CPU time since its start, user and system, in milliseconds; of all its threads, those that ended too. */
  readonly cpuMs: number;
  /** Memory that would not be there without it, in bytes: as the runtime counts its own. */
  readonly privateBytes: number;
  readonly residentBytes: number;
}

/** Ticks of `/proc/<pid>/stat` in a second; the kernel's interface fixes it at 100 on every platform that Node runs on. */
const TICKS_PER_SECOND = 100;
/** Field numbers of proc(5), counted from the one after the command's closing bracket. */
const STATE_AT = 3;
const USER_TIME_AT = 14;
const SYSTEM_TIME_AT = 15;

/** Whether this machine can tell what a process uses: Linux with `/proc`. */
export const canMeasure = process.platform === 'linux';

/** What the process uses now. @throws if there is no such process. */
export function processUsage(pid: number): ProcessUsage {
  return { cpuMs: cpuMs(pid), privateBytes: privateBytesOf(pid), residentBytes: kibibytesOf(status(pid), /^VmRSS:/) };
}

/** CPU time of a process alone, in milliseconds, in steps of ten. */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The command's name may hold blanks and brackets; the last bracket closes it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[USER_TIME_AT - STATE_AT]) + Number(fields[SYSTEM_TIME_AT - STATE_AT]);
  return (ticks * 1000) / TICKS_PER_SECOND;
}

/**
 * CPU time of a process alone, in milliseconds, to the nanosecond: the scheduler's own sum over the threads that live now. Of use between two
 * instants in which no thread ends.
 */
export function threadsCpuMs(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
    } catch {
      // The thread ended between the listing and the reading.
    }
  }
  return nanoseconds / 1e6;
}

/** The most that the process ever had resident, in bytes. */
export function peakResidentBytes(pid: number): number {
  return kibibytesOf(status(pid), /^VmHWM:/);
}

const status = (pid: number): string => readFileSync(`/proc/${pid}/status`, 'latin1');

function kibibytesOf(text: string, name: RegExp): number {
  const line = text.split('\n').find((one) => name.test(one));
  return line === undefined ? 0 : Number(/(\d+) kB/.exec(line)?.[1] ?? 0) * 1024;
}
