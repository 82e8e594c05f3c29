/**
 * The program behind `mmesh registry` and `mmesh migrate`: one verb, options as `--name value`; reports on standard output, one JSON object a line.
 *
 * Exit codes: 0 done, 1 not done, with the reason in the last line, 2 the command line was not understood.
 */
import { resolve } from 'node:path';
import { durationMs, MeshError, toMeshError } from '@modelmesh/core';
import { systemClock } from '@modelmesh/sdk/client';
import { type Migration, planMove, readVariables, runMove } from './migration/index.ts';
import { type Place, readPlace, readText } from './place.ts';
import type { Overwrite } from './plan-writes.ts';
import type { Report } from './report.ts';
import type { TellProgress } from './tell-progress.ts';
import { transfer } from './transfer.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** Progress is told this often at most. */
const TELL_PERIOD_MS = durationMs(200);
const OVERWRITES = ['refuse', 'replace', 'skip', 'newer'] as const satisfies readonly Overwrite[];

const report = (line: Report): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

function progress(): TellProgress {
  let toldMs = systemClock.monotonicMs();
  return (what, done, total) => {
    const nowMs = systemClock.monotonicMs();
    if (nowMs - toldMs < TELL_PERIOD_MS) return;
    toldMs = nowMs;
    report({ event: 'progress', what, done, total });
  };
}

type Options = ReadonlyMap<string, string>;

function optionsOf(args: readonly string[]): Options {
  const options = new Map<string, string>();
  for (let at = 0; at < args.length; at += 2) {
    const [name, value] = [args[at] ?? '', args[at + 1]];
    if (!name.startsWith('--') || value === undefined) throw new MeshError('invalid-argument', `not understood: ${name}`);
    options.set(name.slice(2), value);
  }
  return options;
}

function placeOf(options: Options, which: 'from' | 'to'): Place {
  const text = options.get(which);
  if (text === undefined) throw new MeshError('invalid-argument', `--${which} is missing`);
  const name = (part: 'prefix' | 'service'): string | undefined =>
    (which === 'to' ? options.get(`to-${part}`) : undefined) ?? options.get(part);
  return readPlace(text, { prefix: name('prefix'), service: name('service') }, process.cwd());
}

function overwriteOf(options: Options): Overwrite {
  const text = options.get('overwrite') ?? 'refuse';
  const found = OVERWRITES.find((one) => one === text);
  if (found === undefined) throw new MeshError('invalid-argument', `--overwrite is ${OVERWRITES.join(', ')}, not ${text}`);
  return found;
}

function migrationOf(options: Options): Migration {
  const from = placeOf(options, 'from');
  const to = options.has('to') ? placeOf(options, 'to') : null;
  if (from.kind === 'file' || to?.kind === 'file')
    throw new MeshError('invalid-argument', 'a move goes from a registry to a registry; for files there is "mmesh registry"');
  const [backup, variables] = [options.get('backup'), options.get('variables')];
  if (backup === undefined) throw new MeshError('invalid-argument', '--backup is missing');
  return {
    from,
    to,
    backupPath: resolve(backup),
    variables: variables === undefined ? null : readVariables(readText(resolve(variables))),
    clock: systemClock,
    tell: progress(),
  };
}

async function run([verb, ...rest]: readonly string[]): Promise<void> {
  const options = optionsOf(rest);
  switch (verb) {
    case 'transfer': {
      const [from, to] = [placeOf(options, 'from'), placeOf(options, 'to')];
      const result = await transfer({ from, to, overwrite: overwriteOf(options), clock: systemClock, tell: progress() });
      report({ event: 'done', result });
      return;
    }
    case 'migrate-plan':
      report({ event: 'plan', plan: await planMove(migrationOf(options)) });
      return;
    case 'migrate-run':
      await runMove(migrationOf(options), (step) => report({ event: 'step', step }));
      return;
    default:
      throw new MeshError('invalid-argument', `there is no verb ${verb}`);
  }
}

run(process.argv.slice(2)).catch((error: unknown) => {
  const { kind, message, cause } = toMeshError(error);
  report({ event: 'failed', kind, message: kind === 'internal' && cause instanceof Error ? String(cause.stack) : message });
  process.exitCode = kind === 'invalid-argument' ? EXIT_USAGE : EXIT_FAILED;
});
