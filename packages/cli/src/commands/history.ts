import type { RevisionView } from '@modelmesh/sdk/client';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { type Column, type Format, printTable, printValue, withProgress } from '../output/index.ts';
import { type ServerOptions, withOutput, withRest, withServer } from '../session.ts';
import {
  type EditFlags,
  editOptions,
  percentText,
  printApplied,
  refuseMissing,
  revisionNumber,
  withEdit,
} from './edit-options.ts';

/** `mmesh history ENDPOINT`. */
export function addHistory(program: Command, cli: Cli): void {
  const command = program
    .command('history')
    .summary('tell the policies that an endpoint had')
    .description(
      'Tells the policies of an endpoint that are kept, newest first: who applied them when, and what each changed. ' +
        'Whole policies are in -o yaml and -o json.',
    )
    .argument('<endpoint>', 'name of the endpoint');
  withOutput(withServer(command)).action((name: string, options: ServerOptions & { readonly output: Format }) =>
    withRest(cli.world, options, async (rest) => {
      const revisions = await rest.revisions(name, { signal: cli.world.interrupted });
      printValue(cli.world, options.output, revisions, () =>
        printTable(cli.world, COLUMNS, revisions, 'the endpoint is a vmodel, which has no policy'),
      );
    }),
  );
}

/** `mmesh undo ENDPOINT`. */
export function addUndo(program: Command, cli: Cli): void {
  const command = program
    .command('undo')
    .summary('put an earlier policy of an endpoint in force again')
    .description(
      'Puts the policy before the present one in force again, or the one that --to names, as a new revision. Its shares come back, and as few ' +
        'units as these demand change their variant. Refused where the endpoint was edited meanwhile.',
    )
    .argument('<endpoint>', 'name of the endpoint')
    .option('--to <revision>', 'revision to go back to', revisionNumber);
  withOutput(withServer(withEdit(command))).action((name: string, options: UndoOptions) =>
    withRest(cli.world, options, async (rest) => {
      const edit = { ...editOptions(options), to: options.to, signal: cli.world.interrupted };
      const applied = await withProgress(cli.world, `undoing ${name}`, () => rest.undo(name, edit));
      printValue(cli.world, options.output, applied, () => printApplied(cli, applied, options.dryRun === true));
      refuseMissing(cli, applied);
    }),
  );
}

interface UndoOptions extends ServerOptions, EditFlags {
  readonly output: Format;
  readonly to?: number;
}

const COLUMNS: readonly Column<RevisionView>[] = [
  { title: 'REVISION', cell: ({ revision, inForce }) => `${revision}${inForce ? ' *' : ''}` },
  { title: 'AT', cell: ({ createdAt }) => createdAt ?? '' },
  { title: 'OWNER', cell: ({ owner }) => owner },
  {
    title: 'SHARES',
    cell: ({ policy }) => policy.variants.map(({ name, sharePercent }) => `${name} ${percentText(sharePercent)}`).join(', '),
  },
  { title: 'CHANGED', cell: ({ changes }) => (changes === null ? 'the one before is not kept any more' : changes.text) },
];
