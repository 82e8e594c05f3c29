import { CommanderError } from 'commander';
import { Cli } from './cli.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { fail } from './failure.ts';
import { createProgram } from './program.ts';
import type { CliWorld } from './world.ts';

/** Runs one command line, without the names of interpreter and program. Never rejects. */
export async function runCli(args: readonly string[], world: CliWorld): Promise<ExitCode> {
  const cli = new Cli(world);
  try {
    await createProgram(cli).parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return exitOfCommander(error);
    fail(cli, error);
  }
  return cli.exitCode;
}

/** Help and version that were asked for are a success; anything else that the parser ends with was wrong usage. */
const exitOfCommander = ({ exitCode }: CommanderError): ExitCode => (exitCode === 0 ? EXIT.done : EXIT.usage);
