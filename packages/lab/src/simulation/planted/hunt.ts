import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { PlantedBug } from './bug.ts';
import { PLANTED_SEEDS_MAX } from './bugs.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** What came of looking for a planted bug. */
export interface Hunt {
  readonly name: string;
  readonly breaks: string;
  /** The first seed that caught it, and the checker that did; `null`: none. */
  readonly seed: number | null;
  readonly checker: string | null;
  /** The whole verdict. */
  readonly verdict: string;
}

/** Plants the bug in a process of its own and runs one seed after the other until it is caught. */
export async function hunt({ name, breaks }: PlantedBug): Promise<Hunt> {
  const args = ['--conditions=mesh-source', MAIN, '--bug', name, '--seeds', String(PLANTED_SEEDS_MAX)];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch((error: { readonly stdout: string }) => error);
  const verdict = stdout.trim();
  const [, seed, checker] = /caught at seed (\d+) by ([^:]+): /.exec(verdict) ?? [];
  return { name, breaks, seed: seed === undefined ? null : Number(seed), checker: checker ?? null, verdict };
}
