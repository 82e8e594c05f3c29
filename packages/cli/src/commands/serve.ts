import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { nodeCommand } from '../programs/index.ts';

/** `mmesh serve`. */
export function addServe(program: Command, cli: Cli): void {
  program
    .command('serve')
    .summary('run a node')
    .description(
      'Runs a node with its embedded runtime until Ctrl-C or SIGTERM. Everything after the word is the node’s: flags as ' +
        '--config node.yaml or --log-level debug; --help lists them all.',
    )
    .argument('[flags...]', 'flags of the node')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (flags: readonly string[]) => {
      const code = await cli.world.become(nodeCommand(cli.world, flags));
      cli.exitCode = code === EXIT.done || code === EXIT.usage ? code : exitOf(code);
    });
}

const exitOf = (code: number): ExitCode => (code === EXIT.interrupted ? EXIT.interrupted : EXIT.failed);
