import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import type { Cli } from '../cli.ts';
import { runDemo } from '../demo/index.ts';

const PORT_DEFAULT = 8033;
const DATA_DIR_DEFAULT = '.mmesh/demo';

/** `mmesh demo`: what `npm start` runs. */
export function addDemo(program: Command, cli: Cli): void {
  program
    .command('demo')
    .summary('start a node with the example models and ask each of them')
    .description(
      'Starts a node on this machine with its embedded runtime, applies the example models, asks each over REST and over gRPC, ' +
        'prints the answers beside the recorded ones, and stays up until Ctrl-C.',
    )
    .option('--port <port>', 'port of the node', port, PORT_DEFAULT)
    .option('--data-dir <folder>', 'where the node keeps its files', DATA_DIR_DEFAULT)
    .option('--examples <folder>', 'folder of example models; that of the repository unless given')
    .option('--once', 'end after the answers, with 1 if one is wrong')
    .action((options: DemoFlags) =>
      runDemo(cli, {
        port: options.port,
        dataDir: resolve(cli.world.cwd, options.dataDir),
        examples: options.examples === undefined ? repositoryExamples() : resolve(cli.world.cwd, options.examples),
        once: options.once === true,
      }),
    );
}

interface DemoFlags {
  readonly port: number;
  readonly dataDir: string;
  readonly examples?: string;
  readonly once?: boolean;
}

const repositoryExamples = (): string => fileURLToPath(new URL('../../../../examples/models', import.meta.url));

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw new InvalidArgumentError('expected a port, 1 to 65535');
  return value;
}
