import { type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { EXIT } from '../exit-code.ts';
import { type Format, printValue } from '../output/index.ts';
import { runRegistryTool, type ToolReport } from '../programs/index.ts';
import { withOutput } from '../session.ts';

/** How places are written, for the help of each command. */
const PLACES =
  'Places are sqlite:FILE, etcd:URL[,URL] or etcd:FILE as in KV_STORE (a file has users and certificates, so that no secret stands here), ' +
  'config:FILE for the registry of a node with that configuration, or the path of a file of records.';

/** `mmesh registry export`, `import` and `copy`. */
export function addRegistry(program: Command, cli: Cli): void {
  const registry = program
    .command('registry')
    .summary('move records between SQLite, etcd and files')
    .description('Moves the records of a mesh between stores and files; the source is never changed.');
  const add = (name: string, summary: string, text: string): Command =>
    withOutput(registry.command(name).summary(summary).description(`${text} ${PLACES}`));
  withNames(
    add('export', 'write a registry into a file', 'Writes every record of a registry, as it was at one instant, into a file.'),
  )
    .requiredOption('--from <place>', 'the registry')
    .requiredOption('--to <file>', 'the file to write')
    .option('--replace', 'write over a file that exists')
    .action((flags: Flags) => transfer(cli, flags, flags.from ?? '', flags.to ?? ''));
  withMerge(withTarget(add('import', 'read a file into a registry', IMPORT_TEXT)))
    .argument('<file>', 'a file that "mmesh registry export" wrote')
    .requiredOption('--to <place>', 'the registry to fill')
    .action((file: string, flags: Flags) => transfer(cli, flags, file, flags.to ?? ''));
  withMerge(withTarget(withNames(add('copy', 'fill one registry from another', COPY_TEXT))))
    .requiredOption('--from <place>', 'the registry that is read')
    .requiredOption('--to <place>', 'the registry to fill')
    .action((flags: Flags) => transfer(cli, flags, flags.from ?? '', flags.to ?? ''));
}

const IMPORT_TEXT =
  'Fills a registry that no node uses from a file, and reads it back. Nothing is written if other records are there, unless --replace or --merge says ' +
  'what becomes of them. What was ended halfway is finished by the same command.';
const COPY_TEXT =
  'Fills a registry that no node uses from another one, as it is at one instant, and reads it back. Nothing is written if other records are there, ' +
  'unless --replace or --merge says what becomes of them. What was ended halfway is finished by the same command.';

const withNames = (command: Command): Command =>
  command
    .option('--prefix <word>', 'first element of the keys, as registry.prefix and MM_KVSTORE_PREFIX')
    .option('--service <word>', 'name of the mesh, as serviceName and MM_SERVICE_NAME');

const withTarget = (command: Command): Command =>
  command
    .option('--to-prefix <word>', 'first element of the keys in the target; that of the source unless given')
    .option('--to-service <word>', 'name of the mesh in the target; that of the source unless given');

const withMerge = (command: Command): Command =>
  command
    .addOption(new Option('--replace', 'make the target equal to the source').conflicts('merge'))
    .addOption(
      new Option('--merge <which>', 'of records that differ, keep those of the target, or the newer ones').choices([
        'skip',
        'newer',
      ]),
    );

interface Flags {
  readonly from?: string;
  readonly to?: string;
  readonly prefix?: string;
  readonly service?: string;
  readonly toPrefix?: string;
  readonly toService?: string;
  readonly replace?: boolean;
  readonly merge?: 'skip' | 'newer';
  readonly output: Format;
}

async function transfer(cli: Cli, flags: Flags, from: string, to: string): Promise<void> {
  const { prefix, service, toPrefix, toService } = flags;
  const given = { from, to, prefix, service, 'to-prefix': toPrefix, 'to-service': toService, overwrite: overwriteOf(flags) };
  const args = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  let result: Result | undefined;
  await runRegistryTool(cli, ['transfer', ...args], (report: ToolReport) => {
    if (report.event === 'done') result = report.result as Result;
  });
  if (result === undefined) return;
  const done = result;
  printValue(cli.world, flags.output, done, () => cli.world.out.write(resultText(done, to)));
  cli.exitCode = EXIT.done;
}

const overwriteOf = ({ replace, merge }: Flags): string | undefined => (replace === true ? 'replace' : merge);

/** What the program says of a transfer. */
interface Result {
  readonly counts: Readonly<Record<string, number>>;
  readonly leftOut: Readonly<Record<string, number>> | null;
  readonly added: number;
  readonly replaced: number;
  readonly removed: number;
  readonly same: number;
  readonly kept: number;
  readonly digest: string;
}

const NAMES: Readonly<Record<string, string>> = {
  models: 'models',
  endpoints: 'endpoints',
  policies: 'policies',
  policyRevisions: 'policies of earlier revisions',
  parameters: 'parameters',
  others: 'other keys',
  instances: 'instances',
  leaders: 'leaders',
  discovery: 'keys of discovery',
};

const listOf = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${NAMES[name] ?? name}`)
    .join(', ');

function resultText({ counts, leftOut, added, replaced, removed, same, kept, digest }: Result, to: string): string {
  const left = leftOut === null ? '' : listOf(leftOut);
  const changes = listOf({ added, replaced, removed, 'there already': same, kept });
  return [
    `${listOf(counts) || 'no records'} in ${to}`,
    ...(changes === '' ? [] : [`${changes}; read back and equal`]),
    ...(left === '' ? [] : [`left out, since they end with their sessions: ${left}`]),
    `${digest}\n`,
  ].join('\n');
}
