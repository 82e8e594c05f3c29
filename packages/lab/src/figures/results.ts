import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * How far from its aim a figure of speed may be in a suite: suites also run on machines that do other things, where they guard against what has
 * become slow. The commands of the measurements judge the aim itself.
 */
export const SUITE_LEEWAY = 1.5;

/** The machine that figures were measured on. */
export interface MachineFacts {
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  /** Processes that wanted a core in the last minute, when the figures were written. */
  readonly loadAverage: number;
}

/** Figures of one run with where they come from. */
export interface Results<Figures> {
  readonly name: string;
  readonly commit: string;
  readonly date: string;
  readonly machine: MachineFacts;
  readonly figures: Figures;
}

const RESULTS_FOLDER = fileURLToPath(new URL('../../results/', import.meta.url));

/** Writes the figures of a run to `results/<name>.json`, in place of the run before. @returns what was written, and where. */
export function writeResults<Figures>(name: string, figures: Figures): Results<Figures> & { readonly path: string } {
  const results: Results<Figures> = {
    name,
    commit: currentCommit(),
    date: new Date().toISOString(),
    machine: machineFacts(),
    figures,
  };
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  const path = join(RESULTS_FOLDER, `${name}.json`);
  writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
  return { ...results, path };
}

/** Values that ratios are held against, by name of the ratio. */
export type Baselines = Readonly<Record<string, number>>;

/** The figures that `results/<name>.json` holds; `undefined` where there is none. Whoever asks knows their shape. */
export function readFigures(name: string): unknown {
  const path = join(RESULTS_FOLDER, `${name}.json`);
  if (!existsSync(path)) return undefined;
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly figures?: unknown }).figures;
}

/** The baselines in `results/<name>-baselines.json`: what each ratio was when it was found good. */
export function readBaselines(name: string): Baselines {
  const value: unknown = JSON.parse(readFileSync(join(RESULTS_FOLDER, `${name}-baselines.json`), 'utf8'));
  if (typeof value !== 'object' || value === null) throw new Error(`the baselines of ${name} are no object`);
  return Object.fromEntries(
    Object.entries(value).map(([ratio, bound]) => {
      if (typeof bound !== 'number') throw new Error(`the baseline ${ratio} of ${name} is no number`);
      return [ratio, bound];
    }),
  );
}

/** Writes new baselines in place of those with the same names. @returns where */
export function writeBaselines(name: string, baselines: Baselines): string {
  const path = join(RESULTS_FOLDER, `${name}-baselines.json`);
  writeFileSync(path, `${JSON.stringify({ ...readBaselines(name), ...baselines }, null, 2)}\n`);
  return path;
}

/** What this machine is. */
export function machineFacts(): MachineFacts {
  return {
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** The commit that runs, short, and whether files differ from it, kept figures aside; `unknown` outside a repository. */
export function currentCommit(): string {
  try {
    const run = (...args: string[]): string =>
      execFileSync('git', args, { cwd: RESULTS_FOLDER, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return `${run('rev-parse', '--short=12', 'HEAD')}${run('status', '--porcelain', '--untracked-files=no', '--', '../..', ':!.') === '' ? '' : ' with changes'}`;
  } catch {
    return 'unknown';
  }
}
