/** Runs the steps of a command one after the other, with a line for each and the output of those that fail. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** One program to run in {@link ROOT}. */
export interface Step {
  readonly name: string;
  readonly program: 'node' | 'tsc' | 'biome' | 'npm';
  readonly args: readonly string[];
}

/** Runs all steps; the exit code is 0 when each of them succeeded. */
export function run(steps: readonly Step[]): number {
  const failed = steps.filter((step) => !succeeds(step));
  console.log(failed.length === 0 ? `all ${steps.length} steps passed` : `failed: ${failed.map((step) => step.name).join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

function succeeds(step: Step): boolean {
  const began = performance.now();
  process.stdout.write(`… ${step.name}\n`);
  const [command, args] = commandOf(step);
  const result = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 << 20 });
  const passed = result.status === 0;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (!passed) process.stdout.write(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}\n`);
  process.stdout.write(`${passed ? '✔' : '✖'} ${step.name} (${seconds} s)\n`);
  return passed;
}

/** The tools are JavaScript files of installed packages and run with this very Node, whatever is first in PATH. */
function commandOf(step: Step): readonly [string, readonly string[]] {
  const node = process.execPath;
  if (step.program === 'node') return [node, step.args];
  if (step.program === 'npm') return ['npm', step.args];
  const [name, file] = step.program === 'tsc' ? ['typescript', 'bin/tsc'] : ['@biomejs/biome', 'bin/biome'];
  const manifest = createRequire(join(ROOT, 'package.json')).resolve(`${name}/package.json`);
  return [node, [join(dirname(manifest), file), ...step.args]];
}
