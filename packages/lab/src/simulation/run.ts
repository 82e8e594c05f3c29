import { CHECKERS, type CheckerRun, Knowledge, PROBE, PROBE_DEADLINE_MS } from './checkers/index.ts';
import { Cluster, enter } from './cluster/index.ts';
import { shutWorldOut, type Violation, World } from './engine/index.ts';
import type { Scenario } from './scenario/index.ts';

/** After the last fault the cluster has so long to come to rest: two leases and an expired failure. */
const REST_MS = 45_000;
/** The calls at the end have so long; what they set off has a second more. */
const PROBE_MS = PROBE_DEADLINE_MS + 10_000;
const STEP_MS = 1000;
/** All nodes leave at once, and have so long. */
const CLOSE_MS = 30_000;

/** What came of one run. */
export interface RunResult {
  readonly hash: string;
  readonly events: number;
  readonly virtualMs: number;
  /** The first thing that must not be; none: `undefined`. */
  readonly violation: Violation | undefined;
  /** The last lines of what happened, if they were asked for. */
  readonly trace: readonly string[];
  readonly calls: { readonly total: number; readonly answered: number };
}

/** Runs a scenario to its end, or to the first violation. */
export async function run(scenario: Scenario, options: { readonly traceLines?: number } = {}): Promise<RunResult> {
  const world = new World(scenario.seed, options);
  const open = shutWorldOut((what) => world.violate('nothing leaves the simulation', `${what} was used`));
  try {
    const cluster = await Cluster.build(world, scenario);
    await new Story(cluster).tell();
    const answered = cluster.calls.all.filter(({ end }) => end?.kind === 'answered').length;
    return {
      hash: world.trace.hash,
      events: world.events,
      virtualMs: world.nowMs,
      violation: world.violations[0],
      trace: world.trace.tail(),
      calls: { total: cluster.calls.all.length, answered },
    };
  } finally {
    open();
  }
}

/** The four parts of every run: trouble, rest, calls for everything everywhere, and the end. */
class Story {
  readonly #cluster: Cluster;
  readonly #checkers: readonly CheckerRun[];
  #untilMs = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    const knowledge = new Knowledge(cluster);
    this.#checkers = CHECKERS.map((checker) => checker.begin(cluster, knowledge));
    for (const checker of this.#checkers) cluster.watch(checker);
  }

  async tell(): Promise<void> {
    const { world, scenario } = this.#cluster;
    const holds = (): boolean => world.violations.length === 0;
    enter(this.#cluster);
    await this.#run(scenario.durationMs);
    this.#cluster.quiet = true;
    if (holds()) await this.#run(REST_MS);
    if (holds()) for (const checker of this.#checkers) checker.atRest?.();
    if (holds()) this.#probe();
    if (holds()) await this.#runUntil(PROBE_MS, () => this.#cluster.calls.open === 0);
    if (holds()) for (const checker of this.#checkers) checker.afterProbe?.();
    let left = 0;
    if (holds()) for (const node of this.#cluster.nodes.values()) node.stop(() => (left += 1));
    if (holds()) await this.#runUntil(CLOSE_MS, () => left === this.#cluster.nodes.size);
    if (holds()) for (const checker of this.#checkers) checker.atEnd?.();
  }

  #run(forMs: number): Promise<void> {
    this.#untilMs += forMs;
    const eachEvent = this.#checkers.filter(({ afterEvent }) => afterEvent !== undefined);
    return this.#cluster.world.run(this.#untilMs, (actor) => {
      for (const checker of eachEvent) checker.afterEvent?.(actor);
    });
  }

  /** Until `done`, and then a step more; `forMs` at most. */
  async #runUntil(forMs: number, done: () => boolean): Promise<void> {
    for (let ranMs = 0; ranMs < forMs && !done(); ranMs += STEP_MS) await this.#run(STEP_MS);
    await this.#run(STEP_MS);
  }

  /** Calls every model at every node, at once. */
  #probe(): void {
    const { nodes, models, calls } = this.#cluster;
    for (const node of nodes.values()) {
      for (const model of models.keys())
        calls.call({ traffic: PROBE, model, node, deadlineMs: PROBE_DEADLINE_MS, retry: 'safe' });
    }
  }
}
