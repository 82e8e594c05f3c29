import { readdirSync, readFileSync } from 'node:fs';

/** Processes that `pid` started and that still live. */
export function childrenOf(pid: number): readonly number[] {
  const children: number[] = [];
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1');
      children.push(...text.split(' ').filter(Boolean).map(Number));
    }
  } catch {
    // It ended while it was looked at.
  }
  return children;
}

/** `pid` and everything that descends from it. */
export function familyOf(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

/** Whether a process with that id lives; one that ended and was not waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]/.test(text.slice(text.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
