import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { EXIT } from '../exit-code.ts';
import { type Column, type Format, printValue, styled, tableText } from '../output/index.ts';
import { runRegistryTool } from '../programs/index.ts';
import { withOutput } from '../session.ts';
import type { CliWorld } from '../world.ts';

const BACKUP_DEFAULT = 'modelmesh-backup.jsonl';

/** `mmesh migrate plan` and `run`. */
export function addMigrate(program: Command, cli: Cli): void {
  const migrate = program
    .command('migrate')
    .summary('move from a live Java ModelMesh')
    .description(
      'Plans and does the move from a live Java ModelMesh: the registry stays where it is, or is copied to another one.',
    );
  withPlaces(migrate.command('plan'))
    .summary('look, and say what happens step by step')
    .description(
      'Reads the registry of the Java mesh and tells what is there, what a person has to look at, and each step. Nothing is written.',
    )
    .option('--variables <file>', 'variables of the Java mesh as "env" prints them: tells what a node here takes otherwise')
    .action((flags: Flags) => plan(cli, flags));
  withPlaces(migrate.command('run'))
    .summary('do the steps that need no operator')
    .description(
      'Does the steps of the plan that need no operator, each checked before and after, up to the first that waits for one, and ends with 4 there. ' +
        'Run it again when that is done: what was done already is left as it is.',
    )
    .action((flags: Flags) => run(cli, flags));
}

const withPlaces = (command: Command): Command =>
  withOutput(command)
    .requiredOption('--from <place>', 'registry of the Java mesh, etcd:URL or etcd:FILE as in its KV_STORE')
    .option('--prefix <word>', 'its MM_KVSTORE_PREFIX')
    .option('--service <word>', 'its MM_SERVICE_NAME')
    .option('--to <place>', 'another registry that the records are copied to; they stay where they are unless given')
    .option('--to-prefix <word>', 'first element of the keys there; as in the source unless given')
    .option('--to-service <word>', 'name of the mesh there; as in the source unless given')
    .option('--backup <file>', 'where every record is written first', BACKUP_DEFAULT);

interface Flags {
  readonly from: string;
  readonly prefix?: string;
  readonly service?: string;
  readonly to?: string;
  readonly toPrefix?: string;
  readonly toService?: string;
  readonly backup: string;
  readonly variables?: string;
  readonly output: Format;
}

function argsOf({ from, prefix, service, to, toPrefix, toService, backup, variables }: Flags): readonly string[] {
  const given = { from, prefix, service, to, 'to-prefix': toPrefix, 'to-service': toService, backup, variables };
  return Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
}

interface Step {
  readonly name: string;
  readonly who: 'tool' | 'operator';
  readonly state: 'done' | 'next' | 'later' | 'optional';
  readonly text: string;
}

const SETTING_WORDS = { refused: 'refused', 'no-effect': 'without effect', default: 'other default' } as const;

/** What the program says of a plan. */
interface Plan {
  readonly survey: {
    readonly instances: readonly {
      readonly id: string;
      readonly kind: 'java' | 'ours';
      readonly location: string;
      readonly models: number;
    }[];
    readonly counts: Readonly<Record<string, number>>;
    readonly transitions: readonly { readonly endpoint: string; readonly active: string; readonly target: string }[];
    readonly unreadable: readonly { readonly path: string; readonly why: string }[];
    readonly dangling: readonly { readonly endpoint: string; readonly model: string }[];
    readonly staleClaims: number;
  };
  readonly settings: readonly { readonly kind: keyof typeof SETTING_WORDS; readonly text: string }[];
  readonly problems: readonly string[];
  readonly steps: readonly Step[];
}

async function plan(cli: Cli, flags: Flags): Promise<void> {
  let found: Plan | undefined;
  await runRegistryTool(cli, ['migrate-plan', ...argsOf(flags)], (report) => {
    if (report.event === 'plan') found = report.plan as Plan;
  });
  if (found === undefined) return;
  const made = found;
  printValue(cli.world, flags.output, made, () => cli.world.out.write(planText(cli.world, made)));
}

function planText(world: CliWorld, { survey, settings, problems, steps }: Plan): string {
  const { counts, instances, transitions, unreadable, dangling, staleClaims } = survey;
  const list = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : [styled(world.out, 'bold', title), ...lines.map((line) => `  ${line}`), ''];
  const there = [
    `${counts.models ?? 0} models, ${counts.endpoints ?? 0} vmodels, ${counts.parameters ?? 0} parameters`,
    ...instances.map(
      ({ id, kind, location, models }) => `${kind === 'java' ? 'Java' : 'new'} instance ${id} at ${location}, ${models} models`,
    ),
    ...(staleClaims === 0 ? [] : [`${staleClaims} copies or failures of instances that do not live`]),
  ];
  return [
    ...list('What is there', there),
    ...list('To be looked at', problems),
    ...list(
      'In transition',
      transitions.map(({ endpoint, active, target }) => `${endpoint}: ${active} → ${target}`),
    ),
    ...list(
      'Not readable',
      unreadable.map(({ path, why }) => `${path}: ${why}`),
    ),
    ...list(
      'Leading nowhere',
      dangling.map(({ endpoint, model }) => `${endpoint} refers to ${model}`),
    ),
    ...list(
      'Variables',
      settings.map(({ kind, text }) => `${SETTING_WORDS[kind]}: ${text}`),
    ),
    styled(world.out, 'bold', 'Steps'),
    tableText(STEP_COLUMNS, steps),
  ].join('\n');
}

const STEP_COLUMNS: readonly Column<Step>[] = [
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'WHO', cell: ({ who }) => (who === 'tool' ? 'mmesh migrate run' : 'you') },
  { title: 'WHAT', cell: ({ text }) => text },
];

interface Outcome {
  readonly name: string;
  readonly outcome: 'done' | 'nothing-to-do' | 'waits';
  readonly text: string;
}

const WORDS = { done: 'done', 'nothing-to-do': 'nothing to do', waits: 'your turn' } as const satisfies Record<
  Outcome['outcome'],
  string
>;
const STYLES = { done: 'green', 'nothing-to-do': 'dim', waits: 'yellow' } as const satisfies Record<Outcome['outcome'], string>;

async function run(cli: Cli, flags: Flags): Promise<void> {
  const { out } = cli.world;
  const steps: Outcome[] = [];
  const ended = await runRegistryTool(cli, ['migrate-run', ...argsOf(flags)], (report) => {
    if (report.event !== 'step') return;
    const step = report.step as Outcome;
    steps.push(step);
    if (flags.output === 'table') out.write(`${styled(out, STYLES[step.outcome], `${WORDS[step.outcome]}:`)} ${step.text}\n`);
  });
  if (flags.output !== 'table') printValue(cli.world, flags.output, steps, () => undefined);
  // The last step of a whole move is the operator's too, and nothing waits for it here.
  const waits = steps.some(({ outcome, name }) => outcome === 'waits' && name !== 'write');
  if (ended && waits) cli.exitCode = EXIT.unavailable;
}
