import { Cluster, enter } from './cluster/index.ts';
import { shutWorldOut, type Violation, World } from './engine/index.ts';
import type { Scenario } from './scenario/index.ts';

/** After the last fault the cluster has so long to come to rest: two leases and an expired failure. */
const REST_MS = 45_000;
/** Then every model is called at every node. */
const PROBE_MS = 40_000;
const CLOSE_MS = 15_000;

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
    enter(cluster);
    await world.run(scenario.durationMs);
    cluster.quiet = true;
    await world.run(scenario.durationMs + REST_MS);
    void PROBE_MS;
    void CLOSE_MS;
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
