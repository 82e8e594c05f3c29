import { durationMs, sleep } from '@modelmesh/core';
import type { ClusterNode } from '../cluster-process/index.ts';
import { eventually } from '../faults/index.ts';
import { type LogLine, realClock, scrape } from '../node-process/index.ts';
import { childrenOf } from '../process-usage/index.ts';
import { NetworkSpace } from './network-space.ts';
import { APART, type Finding, type Scenario, type Stage } from './scenario.ts';

/** A stopped node leaves the candidates of the others within so many milliseconds. */
export const LEAVES_WITHIN_MS = 1000;
/** The script stops a node for so long; suites for as long as other things are away there. */
const STOPPED_MS_MAX = 20_000;
const RUNTIME_AWAY_MS = 2000;
const AGREE_WITHIN_MS = 90_000;

const pause = (ms: number): Promise<void> => sleep(realClock, durationMs(ms), new AbortController().signal);

async function timed(work: Promise<unknown>): Promise<number> {
  const beganMs = realClock.monotonicMs();
  await work;
  return realClock.monotonicMs() - beganMs;
}

const figure = (what: string, ms: number, holds?: boolean): Finding => ({ what, shown: `${Math.round(ms)} ms`, holds });

const drain: Scenario = {
  name: 'drain',
  does: 'SIGTERM to one node, which does not come back',
  endsInPeace: true,
  entryMayBeLost: false,
  async disturb({ cluster }) {
    let end: unknown;
    const tookMs = await timed(
      cluster
        .node(1)
        .stop()
        .then((how) => {
          end = how;
        }),
    );
    await cluster.converged(AGREE_WITHIN_MS);
    return [figure('SIGTERM to the end', tookMs), { what: 'it ended with', shown: String(end), holds: end === 0 }];
  },
};

const rollingRestart: Scenario = {
  name: 'rolling-restart',
  does: 'SIGTERM to each node and its start, one after the other',
  endsInPeace: true,
  entryMayBeLost: false,
  async disturb({ cluster, size }) {
    const findings: Finding[] = [];
    for (const node of cluster.nodes) {
      const stopMs = await timed(node.stop());
      const startMs = await timed(node.restart());
      await cluster.converged(AGREE_WITHIN_MS);
      await pause(size.settleMs);
      findings.push({ what: `${node.id} down, up`, shown: `${Math.round(stopMs)}, ${Math.round(startMs)} ms`, holds: undefined });
    }
    return findings;
  },
};

const killNode: Scenario = {
  name: 'kill-node',
  does: 'kill -9 of one node, and its start',
  entryMayBeLost: true,
  async disturb({ cluster, size }) {
    const node = cluster.node(APART);
    const goneMs = await timed(node.kill().then(() => cluster.converged(AGREE_WITHIN_MS)));
    await node.restart();
    await cluster.converged(AGREE_WITHIN_MS);
    await pause(size.settleMs);
    return [figure('until the others list it no more', goneMs)];
  },
};

const killRuntime: Scenario = {
  name: 'kill-runtime',
  does: `kill -9 of the runtime of one node, which is away for ${RUNTIME_AWAY_MS / 1000} s`,
  entryMayBeLost: false,
  async disturb({ cluster, size }) {
    const node = cluster.node(APART);
    const backMs = await timed(loseRuntime(node));
    await pause(size.settleMs);
    return [figure('until it is back', backMs)];
  },
};

/** Kills the runtime and holds the next one until the time is over; resolves when that one is ready. */
async function loseRuntime(node: ClusterNode): Promise<void> {
  const old = node.process.runtimePid;
  const before = new Set(node.log);
  const untilMs = realClock.monotonicMs() + RUNTIME_AWAY_MS;
  process.kill(old, 'SIGKILL');
  const next = await eventually('the next runtime', AGREE_WITHIN_MS, () =>
    childrenOf(node.process.pid).find((pid) => pid !== old),
  );
  process.kill(next, 'SIGSTOP');
  await pause(untilMs - realClock.monotonicMs());
  process.kill(next, 'SIGCONT');
  await node.process.program.until(
    (line) => line.event === 'runtime-ready' && !before.has(line),
    'runtime-ready',
    AGREE_WITHIN_MS,
  );
}

const killEtcd: Scenario = {
  name: 'kill-etcd',
  does: 'kill -9 of etcd, and its return',
  entryMayBeLost: false,
  registryMayBeAway: true,
  async disturb({ cluster, size }) {
    await cluster.etcd.kill();
    await pause(size.awayMs);
    cluster.etcd.start();
    const agreeMs = await timed(cluster.etcd.healthy().then(() => cluster.converged(AGREE_WITHIN_MS)));
    await pause(size.settleMs);
    return [figure('away', size.awayMs), figure('until all list all again', agreeMs)];
  },
};

const stopNode: Scenario = {
  name: 'stop-node',
  silencesNode: true,
  does: `SIGSTOP of one node for at most ${STOPPED_MS_MAX / 1000} s`,
  entryMayBeLost: true,
  async disturb(stage) {
    const { cluster, size } = stage;
    const node = cluster.node(APART);
    const beganMs = realClock.monotonicMs();
    const { findings, later } = await unreachableOnce(stage, () => node.pause());
    await pause(Math.min(STOPPED_MS_MAX, size.awayMs) - (realClock.monotonicMs() - beganMs));
    const seenLater = await later();
    node.resume();
    const agreeMs = await timed(cluster.converged(AGREE_WITHIN_MS));
    await pause(size.settleMs);
    return [...findings, seenLater, figure('until all list all again', agreeMs)];
  },
};

const partition: Scenario = {
  name: 'partition',
  silencesNode: true,
  does: 'one node loses every packet to and from the others, etcd and the clients, and has them back later',
  entryMayBeLost: true,
  registryMayBeAway: true,
  network: NetworkSpace.make,
  disturb: (stage) => apartFor(stage, ['mesh', 'clients']),
};

const partitionFromMesh: Scenario = {
  name: 'partition-from-mesh',
  silencesNode: true,
  does: 'one node loses every packet to and from the others and etcd, but none to the clients',
  entryMayBeLost: false,
  registryMayBeAway: true,
  keepsClients: true,
  network: NetworkSpace.make,
  disturb: (stage) => apartFor(stage, ['mesh']),
};

/** Cuts ways of the node that stands apart, and mends them. */
async function apartFor(stage: Stage, ways: readonly ('mesh' | 'clients')[]): Promise<readonly Finding[]> {
  const { cluster, network, size } = stage;
  if (network === undefined) throw new Error('the node has no network of its own');
  const beganMs = realClock.monotonicMs();
  const { findings, later } = await unreachableOnce(stage, () => {
    for (const way of ways) network[way].cut();
  });
  await pause(size.awayMs - (realClock.monotonicMs() - beganMs));
  const seenLater = await later();
  for (const way of ways) network[way].mend();
  const agreeMs = await timed(cluster.converged(AGREE_WITHIN_MS));
  await pause(size.settleMs);
  return [...findings, seenLater, figure('until all list all again', agreeMs)];
}

/** Makes the node {@link APART} silent, and sees how long each other one then takes to leave it out of its candidates, by the time in its log. */
async function unreachableOnce({ cluster, size }: Stage, silence: () => void): Promise<Silence> {
  const gone = cluster.node(APART);
  const others = cluster.nodes.filter((node) => node !== gone && node.isRunning);
  const before = new Set<LogLine>(others.flatMap(({ log }) => log));
  const beganMs = realClock.wallMs();
  silence();
  const findings = await Promise.all(
    others.map(async ({ id, process: { program } }) => {
      const isIt = (line: LogLine): boolean => line.event === 'peer-unreachable' && line.peer === gone.id && !before.has(line);
      const line = await program.until(isIt, `peer-unreachable at ${id}`, STOPPED_MS_MAX);
      const tookMs = Date.parse(String(line.time)) - beganMs;
      return figure(`the last call of ${id} to it after`, tookMs, tookMs <= LEAVES_WITHIN_MS * size.leeway);
    }),
  );
  const lost = (): Promise<number> => lostAtOthers(others);
  const lostBefore = await lost();
  return {
    findings,
    later: async () => ({ what: 'calls sent to it later', shown: String((await lost()) - lostBefore), holds: undefined }),
  };
}

/** What was seen while the node was silent. */
interface Silence {
  readonly findings: readonly Finding[];
  /** To be asked before it is back. */
  readonly later: () => Promise<Finding>;
}

/** Attempts of calls at other nodes that came to nothing there, as the nodes count them. */
async function lostAtOthers(nodes: readonly ClusterNode[]): Promise<number> {
  const pages = await Promise.all(nodes.map(({ process }) => scrape(process)));
  const series = ['connection-lost', 'connect-refused'].map((outcome) => `mesh_forwarded_calls_total{outcome="${outcome}"}`);
  return pages.reduce((sum, page) => sum + series.reduce((of, name) => of + (page.get(name) ?? 0), 0), 0);
}

/** All disturbances. */
export const SCENARIOS: readonly Scenario[] = [
  drain,
  rollingRestart,
  killNode,
  killRuntime,
  killEtcd,
  stopNode,
  partition,
  partitionFromMesh,
];
