import type { AppliedView, RestClient } from '@modelmesh/sdk/client';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { fail, warn } from '../failure.ts';
import { type LocalManifest, readManifests } from '../manifests/index.ts';
import { type Format, printValue, styled, withProgress } from '../output/index.ts';
import { type ServerOptions, withOutput, withRest, withServer } from '../session.ts';

/** `mmesh apply -f`. */
export function addApply(program: Command, cli: Cli): void {
  const command = program
    .command('apply')
    .summary('create or change what manifests describe')
    .description(
      'Creates or changes what manifests describe: models and endpoints of modelmesh.io, InferenceServices of KServe. ' +
        'All manifests are checked before the first is applied; models come before what refers to them.',
    )
    .requiredOption('-f, --file <path...>', 'file, folder (every .yaml below it), or - for the standard input');
  withOutput(withServer(command)).action(async (options: ApplyOptions) => {
    const manifests = await readManifests(cli.world, options.file);
    const applied = await withRest(cli.world, options, (rest) => applyAll(cli, rest, manifests, options.output));
    if (options.output !== 'table') printValue(cli.world, options.output, applied, () => undefined);
  });
}

interface ApplyOptions extends ServerOptions {
  readonly file: readonly string[];
  readonly output: Format;
}

/** One that fails does not keep the others from being applied; the run ends with the last failure. */
export async function applyAll(
  cli: Cli,
  rest: RestClient,
  manifests: readonly LocalManifest[],
  format: Format,
): Promise<readonly AppliedView[]> {
  const { world } = cli;
  const done: AppliedView[] = [];
  for (const { value, resource, where } of manifests) {
    const what = `${resource.kind} ${resource.metadata.name}`;
    try {
      const signal = world.interrupted;
      const applied = await withProgress(world, `applying ${what}`, () => rest.apply(value, { signal }));
      done.push(applied);
      if (format === 'table') world.out.write(`${appliedLine(cli, applied)}\n`);
      for (const warning of applied.warnings) warn(cli, `${where}: ${warning}`);
    } catch (error) {
      fail(cli, error, `${where}: ${what}`);
      if (world.interrupted.aborted) break;
    }
  }
  return done;
}

function appliedLine({ world: { out } }: Cli, { kind, name, change }: AppliedView): string {
  const style = change === 'unchanged' ? 'dim' : 'green';
  return `${kind} ${name} ${styled(out, style, change)}`;
}
