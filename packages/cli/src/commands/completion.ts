import { MeshError } from '@modelmesh/core';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { commandWords, completionScript, SHELLS } from '../completion/index.ts';

/** `mmesh completion SHELL`. */
export function addCompletion(program: Command, cli: Cli): void {
  program
    .command('completion')
    .summary('print the completion script of a shell')
    .description('Prints a script that completes mmesh in a shell: source <(mmesh completion bash)')
    .argument('<shell>', SHELLS.join(', '))
    .action((word: string) => {
      const shell = SHELLS.find((known) => known === word);
      if (shell === undefined) {
        throw new MeshError(
          'invalid-argument',
          `there is no completion for ${JSON.stringify(word)}; give one of ${SHELLS.join(', ')}`,
        );
      }
      cli.world.out.write(completionScript(shell, commandWords(program)));
    });
}
