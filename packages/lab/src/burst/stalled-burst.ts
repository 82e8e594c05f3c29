import type { ClientConnection } from '@modelmesh/grpc/stream';
import { median } from '../figures/index.ts';
import { type LoadResult, runGrpcLoad } from '../load/index.ts';
import type { NodeProcess } from '../node-process/index.ts';
import { processUsage } from '../process-usage/index.ts';
import { echoRequest, loadNull, loadsOf, registerNull, startNullNode } from './null-node.ts';

/** Many large first calls that wait for a slow load, while another model is served on the same connections. */
export interface StalledBurstPlan {
  readonly calls: number;
  readonly connections: number;
  readonly loadMs: number;
  readonly messageBytes: number;
  /** Small calls of the other model in flight on each connection, and their rest after each answer. */
  readonly otherStreams: number;
  readonly otherPauseMs: number;
  /** Time within which the large calls come. The clients are busy sending then, so the other model is judged by what follows. */
  readonly openingMs: number;
  /** Loads, each of a model of its own, in turns with quiet times. */
  readonly rounds: number;
}

/** The burst of the claim: 1 000 messages of 1 MiB, a load of 5 s. */
export const STALLED_BURST: StalledBurstPlan = {
  calls: 1000,
  connections: 10,
  loadMs: 5000,
  messageBytes: 1 << 20,
  otherStreams: 1,
  otherPauseMs: 10,
  openingMs: 1000,
  rounds: 3,
};

/** What the burst showed. */
export interface StalledBurstFigures {
  readonly calls: number;
  readonly messageBytes: number;
  /** Loads of each cold model: one. */
  readonly loadsEach: readonly number[];
  /** Resident bytes of the node before, and beyond that at the most while calls waited, and until all were answered. */
  readonly residentBytesBefore: number;
  readonly grownWhileWaiting: number;
  readonly grownAtMost: number;
  /** Growth within the second half of the wait, when nothing more may come in. */
  readonly grownInSecondHalf: number;
  /** The most that windows may hold: one and a half for each call. */
  readonly windowBytes: number;
  readonly otherQuietP99Ms: number;
  /** While the large calls come: the clients' own work in it, which is most of it. */
  readonly otherOpeningP99Ms: number;
  readonly otherDuringP99Ms: number;
  /** Median of the quotients of both, round by round. */
  readonly otherRatio: number;
  readonly otherCalls: number;
}

/** HTTP/2's own window, times the slack that the stream port may lend. */
const WINDOW_BYTES_PER_CALL = 1.5 * 65_535;
const LOOK_MS = 50;
/** The part of the load during which the other model is watched: its end may come early for a caller, never late. */
const WATCHED_SHARE = 0.9;

/** Runs the plan. @throws if a call fails or is answered wrongly. */
export async function runStalledBurst(plan: StalledBurstPlan): Promise<StalledBurstFigures> {
  await using node = await startNullNode();
  await registerNull(node, OTHER, '');
  await loadNull(node, OTHER);
  const links = Array.from({ length: plan.connections }, () => node.connect());
  const connections = links.map(({ connection }) => connection);
  await serveOther(plan, connections, plan.loadMs / 5);
  const rounds: Round[] = [];
  for (let round = 0; round < plan.rounds; round++) rounds.push(await runRound(plan, node, connections, `cold-${round}`));
  for (const link of links) link.close();
  const most = (of: (round: Round) => number): number => Math.max(...rounds.map(of));
  const middle = (of: (round: Round) => number): number => median(rounds.map(of));
  return {
    calls: plan.calls,
    messageBytes: plan.messageBytes,
    loadsEach: rounds.map(({ loads }) => loads),
    residentBytesBefore: rounds[0]?.residentBytesBefore ?? 0,
    grownWhileWaiting: most(({ grownWhileWaiting }) => grownWhileWaiting),
    grownAtMost: most(({ grownAtMost }) => grownAtMost),
    grownInSecondHalf: most(({ grownInSecondHalf }) => grownInSecondHalf),
    windowBytes: plan.calls * WINDOW_BYTES_PER_CALL,
    otherQuietP99Ms: middle(({ quiet }) => p99(quiet)),
    otherOpeningP99Ms: middle(({ opening }) => p99(opening)),
    otherDuringP99Ms: middle(({ during }) => p99(during)),
    otherRatio: middle(({ quiet, during }) => p99(during) / p99(quiet)),
    otherCalls: rounds.reduce((sum, { during }) => sum + during.completed, 0),
  };
}

const OTHER = 'other';
const p99 = (result: LoadResult): number => result.latency.quantileMs(0.99);

interface Round {
  readonly loads: number;
  readonly residentBytesBefore: number;
  readonly grownWhileWaiting: number;
  readonly grownAtMost: number;
  readonly grownInSecondHalf: number;
  readonly quiet: LoadResult;
  readonly opening: LoadResult;
  readonly during: LoadResult;
}

async function serveOther(plan: StalledBurstPlan, connections: readonly ClientConnection[], ms: number): Promise<LoadResult> {
  const request = echoRequest(OTHER, Buffer.alloc(256, 2));
  const { otherStreams: streamsPerConnection, otherPauseMs: pauseMs } = plan;
  const result = await runGrpcLoad({
    connections,
    streamsPerConnection,
    end: { kind: 'after', ms },
    pauseMs,
    next: () => request,
  });
  result.assertAllRight();
  return result;
}

/** Another model in quiet times, then while calls of a cold one come, then while they wait. */
async function runRound(
  plan: StalledBurstPlan,
  node: NodeProcess,
  connections: readonly ClientConnection[],
  model: string,
): Promise<Round> {
  await registerNull(node, model, `slow ${plan.loadMs}`);
  const waitMs = plan.loadMs * WATCHED_SHARE - plan.openingMs;
  const quiet = await serveOther(plan, connections, waitMs);
  const before = processUsage(node.pid).residentBytes;
  const looks = lookAt(node);
  const big = echoRequest(model, Buffer.alloc(plan.messageBytes, 3));
  const waiting = runGrpcLoad({
    connections,
    streamsPerConnection: plan.calls / plan.connections,
    end: { kind: 'calls', count: plan.calls },
    startWithinMs: plan.openingMs,
    next: () => big,
  });
  const opening = await serveOther(plan, connections, plan.openingMs);
  const during = await serveOther(plan, connections, waitMs);
  const early = looks.seen.slice();
  (await waiting).assertAllRight();
  looks.stop();
  const half = early.length >> 1;
  return {
    loads: loadsOf(node, model),
    residentBytesBefore: before,
    grownWhileWaiting: mostOf(early) - before,
    grownAtMost: mostOf(looks.seen) - before,
    grownInSecondHalf: mostOf(early.slice(half)) - mostOf(early.slice(0, half)),
    quiet,
    opening,
    during,
  };
}

const mostOf = (looks: readonly number[]): number => Math.max(...looks);

function lookAt(node: NodeProcess): { readonly seen: readonly number[]; stop(): void } {
  const seen: number[] = [];
  const timer = setInterval(() => {
    seen.push(processUsage(node.pid).residentBytes);
  }, LOOK_MS);
  return { seen, stop: () => clearInterval(timer) };
}
