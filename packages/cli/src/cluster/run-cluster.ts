import { join } from 'node:path';
import { durationMs, monotonicMs, sleep } from '@modelmesh/core';
import type { Cli } from '../cli.ts';
import { EXIT } from '../exit-code.ts';
import { AdvisedError } from '../failure.ts';
import { type Format, printValue, tableText, withProgress } from '../output/index.ts';
import type { CliWorld } from '../world.ts';
import { type ClusterFile, readClusterFile, removeClusterFile, runningOf, writeClusterFile } from './cluster-file.ts';
import { ClusterFollower } from './cluster-follower.ts';
import { ClusterNode } from './cluster-node.ts';
import { askNode, type NodeRow, nodeColumns } from './node-rows.ts';
import { etcdBinary, type PrivateEtcd, startEtcd } from './private-etcd.ts';

/** How a cluster is started. */
export interface ClusterOptions {
  readonly nodes: number;
  /** Data and logs lie below it; absolute. */
  readonly folder: string;
  /** A registry that is there already, as `KV_STORE` has it; a private etcd unless given. */
  readonly registry: string | undefined;
  readonly etcdBinary: string | undefined;
  /** Port of the first node, the others follow; free ones unless given. */
  readonly port: number | undefined;
  readonly runtime: string | undefined;
  /** Whether a node that ends is started again. */
  readonly restart: boolean;
  /** Further flags of every node. */
  readonly flags: readonly string[];
}

/** How long nodes may take to leave: their own limit is a minute and a half. */
const LEAVE_TIMEOUT_MS = durationMs(100_000);
/** How long etcd may take to end. */
const ETCD_END_MS = durationMs(10_000);
const POLL_MS = durationMs(200);

/** `mmesh cluster up`: starts everything, shows it until Ctrl-C, and ends it in order. */
export async function clusterUp(cli: Cli, options: ClusterOptions): Promise<void> {
  const { world } = cli;
  refuseRunning(world, options.folder);
  const binary = options.registry === undefined ? etcdBinary(world, options.etcdBinary) : undefined;
  const ports = await world.freePorts(2 * options.nodes + 2);
  const [etcdPort = 0, etcdPeerPort = 0, ...nodePorts] = ports;
  let etcd: PrivateEtcd | undefined;
  const nodes: ClusterNode[] = [];
  try {
    if (binary !== undefined)
      etcd = await withProgress(world, 'starting etcd', () => startEtcd(world, binary, options.folder, [etcdPort, etcdPeerPort]));
    const registry = options.registry ?? `etcd:http://127.0.0.1:${etcdPort}`;
    for (let at = 0; at < options.nodes; at++) nodes.push(new ClusterNode(world, planOf(options, registry, at, nodePorts)));
    const save = (): void => writeClusterFile(options.folder, fileOf(world, etcd, nodes));
    const follower = new ClusterFollower({ cli, nodes, etcd, restart: options.restart, save });
    await world.awake(() => follower.run());
  } finally {
    await endAll(world, nodes, etcd);
    removeClusterFile(options.folder);
  }
}

function refuseRunning({ processes }: CliWorld, folder: string): void {
  const file = readClusterFile(folder);
  if (file === undefined || runningOf(file, folder, processes).length === 0) return;
  throw new AdvisedError(
    'failed-precondition',
    `a cluster runs in ${folder} already; "mmesh cluster down" ends it, --data-dir names another folder`,
  );
}

function planOf({ folder, port, runtime, flags }: ClusterOptions, registry: string, at: number, ports: readonly number[]) {
  const [free = 0, peerPort = 0] = ports.slice(2 * at, 2 * at + 2);
  return { id: `n${at + 1}`, port: port === undefined ? free : port + at, peerPort, folder, registry, runtime, flags };
}

const fileOf = ({ processes }: CliWorld, etcd: PrivateEtcd | undefined, nodes: readonly ClusterNode[]): ClusterFile => ({
  pid: processes.own,
  etcd: etcd?.child.pid === undefined ? null : { pid: etcd.child.pid, port: etcd.port },
  nodes: nodes.map((node) => node.recorded),
});

/** The nodes first, all at once: each moves its copies while another still takes them. Then etcd, which they need for it. */
async function endAll(world: CliWorld, nodes: readonly ClusterNode[], etcd: PrivateEtcd | undefined): Promise<void> {
  for (const node of nodes) node.kill('SIGTERM');
  const late = world.clock.after(LEAVE_TIMEOUT_MS, () => {
    for (const node of nodes) node.kill('SIGKILL');
  });
  await withProgress(world, 'ending the nodes', () => Promise.all(nodes.map((node) => node.ended())));
  late.cancel();
  if (etcd === undefined) return;
  etcd.child.kill('SIGTERM');
  const stuck = world.clock.after(ETCD_END_MS, () => etcd.child.kill('SIGKILL'));
  await withProgress(world, 'ending etcd', () => etcd.child.ended);
  stuck.cancel();
}

/** `mmesh cluster status`: a table of the nodes. Ends with 4 where one is not ready, with 3 where no cluster runs. */
export async function clusterStatus(cli: Cli, folder: string, output: Format): Promise<void> {
  const { world } = cli;
  const rows = await rowsOf(world, fileIn(world, folder));
  if (rows.some(({ state }) => state !== 'ready')) cli.exitCode = EXIT.unavailable;
  printValue(world, output, rows, () => world.out.write(tableText(nodeColumns(world), rows)));
}

const rowsOf = (world: CliWorld, { nodes }: ClusterFile): Promise<readonly NodeRow[]> =>
  Promise.all(
    nodes.map((node) => askNode(world, node, node.pid !== null && world.processes.commandOf(node.pid) !== undefined, true)),
  );

/** The file of a cluster that runs. @throws {MeshError} `not-found` */
function fileIn({ processes }: CliWorld, folder: string): ClusterFile {
  const file = readClusterFile(folder);
  if (file !== undefined && runningOf(file, folder, processes).length > 0) return file;
  throw new AdvisedError(
    'not-found',
    `no cluster runs in ${folder}; "mmesh cluster up" starts one, --data-dir names another folder`,
  );
}

/** `mmesh cluster down`: ends a cluster from elsewhere, in order; also what a killed `cluster up` left behind. */
export async function clusterDown(cli: Cli, folder: string): Promise<void> {
  const { world } = cli;
  const { processes } = world;
  const file = fileIn(world, folder);
  const running = (): readonly number[] => runningOf(file, folder, processes);
  const isLed = running().includes(file.pid);
  const etcdPid = file.etcd?.pid ?? null;
  const first = isLed ? [file.pid] : running().filter((pid) => pid !== etcdPid);
  for (const pid of first) processes.signal(pid, 'SIGTERM');
  await withProgress(world, 'ending the cluster', () =>
    world.awake(async () => {
      await untilGone(world, () => running().filter((pid) => isLed || pid !== etcdPid));
      for (const pid of running()) processes.signal(pid, 'SIGTERM');
      await untilGone(world, running);
    }),
  );
  removeClusterFile(folder);
  world.out.write(`the cluster in ${folder} is down; its data and logs stay (${join(folder, '*.log')})\n`);
}

async function untilGone({ clock, processes, interrupted }: CliWorld, running: () => readonly number[]): Promise<void> {
  const untilMs = monotonicMs(clock.monotonicMs() + LEAVE_TIMEOUT_MS + ETCD_END_MS);
  while (running().length > 0) {
    if (clock.monotonicMs() > untilMs) for (const pid of running()) processes.signal(pid, 'SIGKILL');
    await sleep(clock, POLL_MS, interrupted);
  }
}
