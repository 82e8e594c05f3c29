import type { Command } from 'commander';

/** What may follow one command on the command line. */
export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly string[];
  /** Words that its first argument may be; the commands below it, where it has some. */
  readonly kinds: readonly string[];
}

/** The words of every command, from the very tree that parses them. */
export function commandWords(program: Command): readonly CommandWords[] {
  return program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    options: [command, ...command.commands]
      .flatMap(({ options }) => options)
      .flatMap(({ long, short }) => [long, short].filter((flag) => flag !== undefined && flag !== null))
      .filter((flag, at, all) => all.indexOf(flag) === at),
    kinds: [...kindsOf(command), ...command.commands.map((nested) => nested.name())],
  }));
}

/** An argument whose description is a list of plain words, such as `models, endpoints`, may be any of them. */
function kindsOf(command: Command): readonly string[] {
  const [first] = command.registeredArguments;
  if (first === undefined || !['kind', 'shell'].includes(first.name())) return [];
  return first.description.split(', ');
}
