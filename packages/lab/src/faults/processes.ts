import { readdirSync, readFileSync } from 'node:fs';
import { isAlive } from '../process-usage/index.ts';

/** Living processes that were started for `folder`: it stands in their arguments or environment. A node's runtime is among them. */
export function processesOf(folder: string): readonly number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => pid !== process.pid && isAlive(pid) && isFor(pid, folder));
}

function isFor(pid: number, folder: string): boolean {
  try {
    return ['cmdline', 'environ'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(folder));
  } catch {
    // It ended while it was looked at.
    return false;
  }
}
