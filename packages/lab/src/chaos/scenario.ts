import { loadavg } from 'node:os';
import { ClusterProcess, type ClusterProcessOptions } from '../cluster-process/index.ts';
import { currentCommit } from '../figures/index.ts';
import { type Fleet, type FleetPlan, makeFleet, moreCold, warmUp } from './fleet.ts';
import { ChaosLoad } from './load.ts';
import type { NetworkSpace } from './network-space.ts';
import type { Exception } from './outcome.ts';

/** How large a run is. */
export interface ChaosSize {
  readonly nodes: number;
  /** At least so many calls under each disturbance. */
  readonly calls: number;
  /** How long what goes stays away: etcd and a network, in milliseconds. */
  readonly awayMs: number;
  /** How long the load goes on after everything is back, in milliseconds. */
  readonly settleMs: number;
  /** How far figures of time may be from their aim: 1 for the script. */
  readonly leeway: number;
}

/** One sentence about a run: what was seen, and whether it is as it has to be; `undefined`: a figure that nothing is demanded of. */
export interface Finding {
  readonly what: string;
  readonly shown: string;
  readonly holds: boolean | undefined;
}

/** Where a disturbance takes place. */
export interface Stage {
  readonly cluster: ClusterProcess;
  readonly load: ChaosLoad;
  readonly size: ChaosSize;
  /** The network of the node {@link APART}, of scenarios that have one. */
  readonly network: NetworkSpace | undefined;
}

/** The number of the node that things are done to. */
export const APART = 1;

/** A disturbance under load. */
export interface Scenario {
  readonly name: string;
  /** What is done, for readers of the table. */
  readonly does: string;
  /** Whether every node that goes says goodbye and finishes what it has, so that no call at all may fail; not unless given. */
  readonly endsInPeace?: boolean;
  /** Whether a node that clients are connected to goes without a word. */
  readonly entryMayBeLost: boolean;
  /** Whether the registry goes; not unless given. */
  readonly registryMayBeAway?: boolean;
  /** Whether the node {@link APART} falls silent, so that callers of all nodes wait for it and some must know the others alone; not unless given. */
  readonly silencesNode?: boolean;
  /** Whether the node {@link APART} reaches its clients and nobody else; not unless given. */
  readonly keepsClients?: boolean;
  /** A network of its own for one node, where it needs one. */
  readonly network?: typeof NetworkSpace.make;
  /** Does it, once, in the middle of the load; resolves when everything is back. */
  readonly disturb: (stage: Stage) => Promise<readonly Finding[]>;
}

/** What a scenario showed. */
export interface ScenarioFigures {
  readonly scenario: string;
  readonly does: string;
  readonly calls: number;
  readonly right: Readonly<Record<string, number>>;
  readonly wrong: number;
  readonly excepted: Partial<Readonly<Record<Exception, number>>>;
  readonly unexpected: Readonly<Record<string, number>>;
  /** Calls that were answered on a second connection. */
  readonly reconnected: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly longestSilenceMs: number;
  readonly findings: readonly Finding[];
  /** Processes that wanted a core in the last minute of the run. */
  readonly loadAverage: number;
  readonly commit: string;
  readonly date: string;
}

/** Warm models with one copy and with two, and cold ones. */
const FLEET: FleetPlan = { oneCopy: 24, twoCopies: 12, cold: 40 };
const LANES = { grpcLanes: 24, restLanes: 8 } as const;
/** The disturbance begins after this share of the calls, and this share follows its end. */
const BEFORE_AND_AFTER = 0.1;
const SEED = 4;

/** A mesh of real nodes and its models, on which scenarios take place one after the other. */
export class Arena implements AsyncDisposable {
  readonly #cluster: ClusterProcess;
  readonly #network: NetworkSpace | undefined;
  readonly #fleet: Fleet;
  #played = 0;

  private constructor(cluster: ClusterProcess, network: NetworkSpace | undefined, fleet: Fleet) {
    this.#cluster = cluster;
    this.#network = network;
    this.#fleet = fleet;
  }

  /** Starts the mesh. `network`: makes a network of its own for one node. @returns what refused the network where none can be made here */
  static async open(nodes: number, etcd: ClusterProcessOptions['etcd'], network?: Scenario['network']): Promise<Arena | string> {
    const space = network?.();
    if (typeof space === 'string') return space;
    try {
      const cluster = await ClusterProcess.start({ nodes, etcd, ...(space === undefined ? {} : apart(space)) });
      try {
        return new Arena(cluster, space, await makeFleet(cluster, FLEET));
      } catch (error) {
        await cluster[Symbol.asyncDispose]();
        throw error;
      }
    } catch (error) {
      space?.[Symbol.dispose]();
      throw error;
    }
  }

  /** Plays one scenario; what an earlier one left away is brought back first. */
  async play(scenario: Scenario, size: ChaosSize): Promise<ScenarioFigures> {
    const cluster = this.#cluster;
    this.#played += 1;
    if (this.#played === 1) return underLoad(scenario, size, cluster, this.#fleet, this.#network);
    for (const node of cluster.nodes) if (!node.isRunning) await node.restart();
    await cluster.converged();
    const { warm } = this.#fleet;
    await warmUp(cluster, warm);
    const cold = await moreCold(cluster, FLEET.cold, this.#played);
    return underLoad(scenario, size, cluster, { warm, cold }, this.#network);
  }

  /** Keeps what the nodes logged in a folder. */
  writeLogs(folder: string): void {
    this.#cluster.writeLogs(folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]();
    this.#network?.[Symbol.dispose]();
  }
}

/** Runs one scenario on a cluster of its own. `keepLogs`: a folder for what the nodes logged. @returns as {@link Arena.open} */
export async function runScenario(
  scenario: Scenario,
  size: ChaosSize,
  etcd: ClusterProcessOptions['etcd'],
  keepLogs?: string,
): Promise<ScenarioFigures | string> {
  const opened = await Arena.open(size.nodes, etcd, scenario.network);
  if (typeof opened === 'string') return opened;
  await using arena = opened;
  try {
    return await arena.play(scenario, size);
  } finally {
    if (keepLogs !== undefined) arena.writeLogs(keepLogs);
  }
}

/** The node {@link APART} stands in the network, the others and etcd at this side of it. */
export function apart({ name, mesh, clients }: NetworkSpace): Omit<ClusterProcessOptions, 'nodes' | 'etcd'> {
  return {
    etcdHost: mesh.here,
    networkSpace: (node) => (node === APART ? name : undefined),
    flags: (node) => {
      const side = node === APART ? 'there' : 'here';
      return { 'listeners-inference-host': clients[side], 'peer-host': mesh[side], 'peer-address': mesh[side] };
    },
  };
}

async function underLoad(
  scenario: Scenario,
  size: ChaosSize,
  cluster: ClusterProcess,
  fleet: Fleet,
  network: NetworkSpace | undefined,
): Promise<ScenarioFigures> {
  const addresses = cluster.nodes.map(({ process }) => process.addresses.inference);
  using load = new ChaosLoad({
    addresses,
    witnesses: scenario.silencesNode === true ? addresses.filter((_, node) => node !== APART) : [],
    fleet,
    calls: size.calls,
    ...LANES,
    allowance: {
      endsInPeace: scenario.endsInPeace ?? false,
      entryMayBeLost: scenario.entryMayBeLost,
      registryMayBeAway: scenario.registryMayBeAway ?? false,
      cutOffEntry: scenario.keepsClients === true ? cluster.node(APART).process.addresses.inference : undefined,
    },
    seed: SEED,
  });
  const margin = Math.ceil(size.calls * BEFORE_AND_AFTER);
  let findings: readonly Finding[] = [];
  try {
    await load.after(margin);
    findings = await scenario.disturb({ cluster, load, size, network });
    await load.after(margin);
  } finally {
    load.mayEnd();
    await load.ended;
  }
  return figuresOf(scenario, load, findings);
}

function figuresOf({ name, does }: Scenario, { tally, beganMs }: ChaosLoad, findings: readonly Finding[]): ScenarioFigures {
  const { latency } = tally;
  return {
    scenario: name,
    does,
    calls: tally.calls,
    right: tally.byKind,
    wrong: tally.wrong,
    excepted: Object.fromEntries(tally.excepted),
    unexpected: Object.fromEntries(tally.unexpected),
    reconnected: tally.reconnected,
    perSecond: (tally.calls * 1000) / (performance.now() - beganMs),
    p50Ms: latency.quantileMs(0.5),
    p99Ms: latency.quantileMs(0.99),
    maxMs: latency.maxMs,
    longestSilenceMs: tally.longestSilenceMs,
    findings,
    loadAverage: loadavg()[0] ?? 0,
    commit: currentCommit(),
    date: new Date().toISOString(),
  };
}

/** Whether every answer was right, nothing failed that may not, and every demand holds. */
export const scenarioHolds = ({ wrong, unexpected, findings }: ScenarioFigures): boolean =>
  wrong === 0 && Object.keys(unexpected).length === 0 && findings.every(({ holds }) => holds !== false);

/** What a scenario is to show. */
export const sentenceOf = ({ endsInPeace }: Scenario): string =>
  endsInPeace === true ? 'no call fails' : 'no call fails but those that may not be repeated';
