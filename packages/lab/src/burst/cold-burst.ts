import { median, pairedRatios } from '../figures/index.ts';
import { type LoadResult, runGrpcLoad } from '../load/index.ts';
import type { GrpcConnection, NodeProcess } from '../node-process/index.ts';
import { echoRequest, loadsOf, registerNull, startNullNode } from './null-node.ts';

/** Many first calls at once for one cold model, beside the same burst at a warm one. */
export interface ColdBurstPlan {
  readonly calls: number;
  readonly connections: number;
  readonly loadMs: number;
  readonly messageBytes: number;
  /** Bursts of each kind, in turns. */
  readonly rounds: number;
}

/** The burst of the claim. */
export const COLD_BURST: ColdBurstPlan = { calls: 1000, connections: 10, loadMs: 500, messageBytes: 256, rounds: 7 };

/** What the bursts showed; times until the last answer, medians over the rounds. */
export interface ColdBurstFigures {
  readonly calls: number;
  readonly loadMs: number;
  readonly coldMs: number;
  readonly warmMs: number;
  /** What a cold burst took beyond the load, as a multiple of the warm burst right after it; median of the pairs. */
  readonly beyondLoad: number;
  /** Loads of each cold model: one, whatever the burst. */
  readonly loadsEach: readonly number[];
}

/** Runs the plan at a node of its own. @throws if a call fails or is answered wrongly. */
export async function runColdBurst(plan: ColdBurstPlan): Promise<ColdBurstFigures> {
  await using node = await startNullNode();
  return await coldBurstThrough([node], plan);
}

/** Runs the plan through several nodes of one mesh, whose runtimes are null servers. @throws if a call fails or is answered wrongly. */
export async function coldBurstThrough(nodes: readonly NodeProcess[], plan: ColdBurstPlan): Promise<ColdBurstFigures> {
  const [node] = nodes;
  if (node === undefined) throw new Error('a burst needs a node');
  await registerNull(node, 'first', '');
  await burst(nodes, plan, 'first');
  const [cold, warm, loadsEach]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < plan.rounds; round++) {
    const model = `cold-${round}`;
    await registerNull(node, model, `slow ${plan.loadMs}`);
    cold.push((await burst(nodes, plan, model)).elapsedMs);
    warm.push((await burst(nodes, plan, model)).elapsedMs);
    loadsEach.push(nodes.reduce((sum, each) => sum + loadsOf(each, model), 0));
  }
  const beyondLoad = median(
    pairedRatios(
      cold.map((ms) => ms - plan.loadMs),
      warm,
    ),
  );
  return { calls: plan.calls, loadMs: plan.loadMs, coldMs: median(cold), warmMs: median(warm), beyondLoad, loadsEach };
}

/** All calls at once, on connections that are up, to each node in turn. */
async function burst(nodes: readonly NodeProcess[], plan: ColdBurstPlan, model: string): Promise<LoadResult> {
  const connections = Array.from({ length: plan.connections }, (_, at) => connectionTo(nodes, at));
  const first = echoRequest('first', Buffer.from('up'));
  const each = { connections: connections.map(({ connection }) => connection) };
  if (model !== 'first') {
    const end = { kind: 'calls', count: plan.connections } as const;
    (await runGrpcLoad({ ...each, streamsPerConnection: 1, end, next: () => first })).assertAllRight();
  }
  const request = echoRequest(model, Buffer.alloc(plan.messageBytes, 1));
  const result = await runGrpcLoad({
    ...each,
    streamsPerConnection: plan.calls / plan.connections,
    end: { kind: 'calls', count: plan.calls },
    next: () => request,
  });
  for (const connection of connections) connection.close();
  result.assertAllRight();
  return result;
}

function connectionTo(nodes: readonly NodeProcess[], number: number): GrpcConnection {
  const node = nodes[number % nodes.length];
  if (node === undefined) throw new Error('a burst needs a node');
  return node.connect();
}
