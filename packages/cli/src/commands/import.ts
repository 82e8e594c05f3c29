import { MeshError } from '@modelmesh/core';
import { importSeldon, parseManifest, problemText } from '@modelmesh/core/manifest';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { Cli } from '../cli.ts';
import { fail, warn } from '../failure.ts';
import {
  documentsOf,
  inOrder,
  type LocalManifest,
  type PlainDocument,
  readAll,
  withAbsoluteStorage,
} from '../manifests/index.ts';
import { type ServerOptions, withRest, withServer } from '../session.ts';
import { applyAll } from './apply.ts';

/** `mmesh import seldon`. */
export function addImport(program: Command, cli: Cli): void {
  const command = program
    .command('import')
    .summary('turn manifests of other systems into ours')
    .description('Turns manifests of other systems into ours.')
    .command('seldon')
    .summary('Model and Experiment of Seldon Core 2')
    .description(
      'Prints the manifests that say what a Model or an Experiment of Seldon Core 2 (mlops.seldon.io/v1alpha1) says: an experiment becomes an ' +
        'endpoint under the name by which it is called there. What cannot be carried over is named on the standard error; pipelines are refused.',
    )
    .requiredOption('-f, --file <path...>', 'file, folder (every .yaml below it), or - for the standard input')
    .option('--apply', 'apply them instead of printing them; nothing is applied while anything is refused');
  withServer(command).action((options: ImportOptions) => importFiles(cli, options));
}

interface ImportOptions extends ServerOptions {
  readonly file: readonly string[];
  readonly apply?: boolean;
}

async function importFiles(cli: Cli, options: ImportOptions): Promise<void> {
  const read = await readAll(cli.world, options.file, (source) =>
    documentsOf(source, (document) => importDocument(document, source.folder)),
  );
  const manifests = inOrder(read.flatMap(({ manifest }) => manifest ?? []));
  const refusals = read.flatMap(({ refusal }) => refusal ?? []);
  for (const { notes } of read) for (const note of notes) warn(cli, note);
  if (options.apply !== true) cli.world.out.write(manifests.map(({ value }) => stringify(value)).join('---\n'));
  else if (refusals.length === 0)
    await withRest(cli.world, options, (rest) => applyAll(cli, rest, manifests, { output: 'table', wait: true }));
  if (refusals.length > 0) fail(cli, new MeshError('invalid-argument', refusals.join('\n')));
}

/** What came of one document. */
interface Imported {
  readonly manifest?: LocalManifest;
  /** Why it is not imported, one line for each reason. */
  readonly refusal?: string;
  readonly notes: readonly string[];
}

/** A relative storage URI is made absolute against `folder`: what is printed may be applied from anywhere. */
function importDocument({ where, value, whereIs }: PlainDocument, folder: string): Imported {
  const imported = importSeldon(value);
  switch (imported.kind) {
    case 'left-out':
      return { notes: [`${where}: ${imported.what} is left out: ${imported.why}`] };
    case 'refused':
      return {
        refusal: imported.problems.map((problem) => `${whereIs(problem.path)}: ${problemText(problem)}`).join('\n'),
        notes: [],
      };
    case 'manifest': {
      const ours = withAbsoluteStorage(imported.manifest, folder);
      const parsed = parseManifest(ours);
      const notes = imported.notes.map((note) => `${whereIs(note.path)}: ${problemText(note)}`);
      if (parsed.ok) return { manifest: { where, value: ours, resource: parsed.resource }, notes };
      return { refusal: parsed.problems.map((problem) => `${where}: ${problemText(problem)}`).join('\n'), notes };
    }
  }
}
