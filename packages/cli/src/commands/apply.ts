import type { AppliedView, EditOptions, RestClient } from '@modelmesh/sdk/client';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { fail, warn } from '../failure.ts';
import { type LocalManifest, readManifests } from '../manifests/index.ts';
import { type Format, printValue, withProgress } from '../output/index.ts';
import { type ServerOptions, withOutput, withRest, withServer } from '../session.ts';
import { type EditFlags, editOptions, printApplied, refuseMissing, withEdit } from './edit-options.ts';

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
  withOutput(withServer(withEdit(command))).action(async (options: ApplyOptions) => {
    const manifests = await readManifests(cli.world, options.file);
    const applied = await withRest(cli.world, options, (rest) => applyAll(cli, rest, manifests, options));
    if (options.output !== 'table') printValue(cli.world, options.output, applied, () => undefined);
  });
}

interface ApplyOptions extends ServerOptions, EditFlags {
  readonly file: readonly string[];
  readonly output: Format;
}

/** One that fails does not keep the others from being applied; the run ends with the last failure. */
export async function applyAll(
  cli: Cli,
  rest: RestClient,
  manifests: readonly LocalManifest[],
  options: EditFlags & { readonly output: Format },
): Promise<readonly AppliedView[]> {
  const { world } = cli;
  const done: AppliedView[] = [];
  for (const { value, resource, where } of manifests) {
    const what = `${resource.kind} ${resource.metadata.name}`;
    if (options.dryRun === true && resource.kind === 'Model') {
      warn(cli, `${where}: ${what} is left alone: only what makes an endpoint can be tried`);
      continue;
    }
    try {
      const edit = { ...editOptionsFor(resource.kind, options), signal: world.interrupted };
      const applied = await withProgress(world, `applying ${what}`, () => rest.apply(value, edit));
      done.push(applied);
      if (options.output === 'table') printApplied(cli, applied, options.dryRun === true);
      for (const warning of applied.warnings) warn(cli, `${where}: ${warning}`);
      refuseMissing(cli, applied);
    } catch (error) {
      fail(cli, error, `${where}: ${what}`);
      if (world.interrupted.aborted) break;
    }
  }
  return done;
}

/** Only endpoints have revisions, and only they are waited for. */
const editOptionsFor = (kind: string, flags: EditFlags): EditOptions => (kind === 'Model' ? {} : editOptions(flags));
