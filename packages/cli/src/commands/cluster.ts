import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { clusterDown, clusterStatus, clusterUp } from '../cluster/index.ts';
import type { Format } from '../output/index.ts';
import { withOutput } from '../session.ts';

const DATA_DIR_DEFAULT = '.mmesh/cluster';
/** More would only measure this machine. */
const NODES_MAX = 32;
const SERVERS = ['onnx', 'null', 'stream-text'];

/** `mmesh cluster up`, `status` and `down`. */
export function addCluster(program: Command, cli: Cli): void {
  const cluster = program
    .command('cluster')
    .summary('run a mesh of several nodes on this machine')
    .description('Runs a mesh of several nodes on this machine, each a process of its own, on an etcd of their own.');
  const folder = (options: { readonly dataDir: string }): string => resolve(cli.world.cwd, options.dataDir);
  withFolder(cluster.command('up'))
    .summary('start the nodes, and show them until Ctrl-C')
    .description(
      'Starts etcd and the nodes on free ports of the loopback, and shows addresses, state and copies until Ctrl-C, which ends them in order. What stands ' +
        'behind -- are further flags of every node.',
    )
    .argument('[flags...]', 'flags of every node, behind --')
    .option('--nodes <count>', 'how many nodes', nodeCount, 3)
    .option(
      '--registry <place>',
      'a registry that runs already, etcd:URL or etcd:FILE as in KV_STORE, instead of an etcd of their own',
    )
    .option('--etcd-binary <file>', 'the etcd to start; the one of the search path unless given')
    .option('--port <port>', 'port of the first node, the others follow; free ones unless given', firstPort)
    .addOption(
      new Option('--runtime <server>', 'server of the embedded runtimes; theirs by default unless given').choices(SERVERS),
    )
    .option('--restart', 'start a node again that ends')
    .action(async (flags: readonly string[], options: UpFlags) => {
      const { nodes, registry, etcdBinary, port, runtime, restart } = options;
      mkdirSync(folder(options), { recursive: true });
      await clusterUp(cli, {
        nodes,
        folder: folder(options),
        registry,
        etcdBinary,
        port,
        runtime,
        restart: restart === true,
        flags,
      });
    });
  withOutput(withFolder(cluster.command('status')))
    .summary('tell how the nodes are')
    .description('Tells how the nodes of a cluster are that "mmesh cluster up" started. Ends with 4 where one is not ready.')
    .action((options: FolderFlags & { readonly output: Format }) => clusterStatus(cli, folder(options), options.output));
  withFolder(cluster.command('down'))
    .summary('end the nodes, then their etcd')
    .description('Ends a cluster that "mmesh cluster up" started elsewhere, in order. Data and logs stay.')
    .action((options: FolderFlags) => clusterDown(cli, folder(options)));
}

interface FolderFlags {
  readonly dataDir: string;
}

interface UpFlags extends FolderFlags {
  readonly nodes: number;
  readonly registry?: string;
  readonly etcdBinary?: string;
  readonly port?: number;
  readonly runtime?: string;
  readonly restart?: boolean;
}

const withFolder = (command: Command): Command =>
  command.option('--data-dir <folder>', 'where nodes and etcd keep their data and logs', DATA_DIR_DEFAULT);

function numberIn(text: string, max: number, what: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max) throw new InvalidArgumentError(`expected ${what}, 1 to ${max}`);
  return value;
}

const nodeCount = (text: string): number => numberIn(text, NODES_MAX, 'a number of nodes');
const firstPort = (text: string): number => numberIn(text, 65_535 - NODES_MAX, 'a port');
