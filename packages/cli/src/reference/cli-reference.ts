import type { Command, Option } from 'commander';
import { Cli } from '../cli.ts';
import { EXIT_MEANINGS } from '../exit-code.ts';
import { createProgram } from '../program.ts';
import { SERVER_DEFAULT, SERVER_VARIABLE } from '../session.ts';
import { idleWorld } from './idle-world.ts';

/** The reference of the command line, as Markdown, made from the very tree that parses it. */
export function cliReference(): string {
  const program = createProgram(new Cli(idleWorld));
  const index = program.commands.map((command) => `| [\`${command.name()}\`](#mmesh-${command.name()}) | ${command.summary()} |`);
  return `${[
    '# The command line',
    '<!-- Made from the commands in packages/cli. Change them, then run tools/docs/write-reference.ts; a test compares. -->',
    '`mmesh` runs nodes and asks them over their public APIs. In the repository: `npm run mmesh -- COMMAND`.',
    ['| command | what it does |', '| --- | --- |', ...index].join('\n'),
    ['Exit codes:', '', '| code | meaning |', '| --- | --- |', ...EXIT_MEANINGS.map(exitRow)].join('\n'),
    `The node that is asked is that of \`--server\`, else of the variable \`${SERVER_VARIABLE}\`, else \`${SERVER_DEFAULT}\`. Colours and progress ` +
      'are for terminals; `NO_COLOR` switches colours off. Errors and warnings go to the error output, with what to do next.',
    ...program.commands.flatMap((command) => [command, ...command.commands]).map(section),
  ].join('\n\n')}\n`;
}

const exitRow = ([code, meaning]: (typeof EXIT_MEANINGS)[number]): string => `| ${code} | ${meaning} |`;

function section(command: Command): string {
  const parameters = command.registeredArguments.map((argument) => {
    const name = argument.required ? `<${argument.name()}>` : `[${argument.name()}${argument.variadic ? '...' : ''}]`;
    return `| \`${name}\` | ${escaped(argument.description)} | |`;
  });
  const options = command.options.map((option) => `| \`${option.flags}\` | ${describedOption(option)} | ${defaultOf(option)} |`);
  const rows = [...parameters, ...options];
  return [
    `${isNested(command) ? '###' : '##'} mmesh ${fullName(command)}`,
    escaped(command.description()),
    `\`\`\`text\nmmesh ${fullName(command)} ${command.usage()}\n\`\`\``,
    ...(rows.length === 0 ? [] : [['| argument | meaning | default |', '| --- | --- | --- |', ...rows].join('\n')]),
  ].join('\n\n');
}

/** The name with that of the command which it belongs to: `registry export`. */
const fullName = (command: Command): string =>
  isNested(command) ? `${command.parent?.name()} ${command.name()}` : command.name();

const isNested = ({ parent }: Command): boolean => parent !== null && parent.parent !== null;

const describedOption = ({ description, argChoices, mandatory }: Option): string =>
  escaped(
    [description, ...(argChoices === undefined ? [] : [argChoices.join(', ')]), ...(mandatory ? ['required'] : [])].join('; '),
  );

const defaultOf = ({ defaultValue, negate }: Option): string =>
  defaultValue === undefined || negate ? '' : `\`${String(defaultValue)}\``;

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
