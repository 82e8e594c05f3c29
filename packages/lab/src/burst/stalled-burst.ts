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
}

/** The burst of the claim: 1 000 messages of 1 MiB, a load of 5 s. */
export const STALLED_BURST: StalledBurstPlan = {
  calls: 1000,
  connections: 10,
  loadMs: 5000,
  messageBytes: 1 << 20,
  otherStreams: 1,
  otherPauseMs: 10,
};

/** What the burst showed. */
export interface StalledBurstFigures {
  readonly calls: number;
  readonly messageBytes: number;
  readonly loads: number;
  /** Resident bytes of the node before, and beyond that at the most while calls waited, and until all were answered. */
  readonly residentBytesBefore: number;
  readonly grownWhileWaiting: number;
  readonly grownAtMost: number;
  /** Growth within the second half of the wait, when nothing more may come in. */
  readonly grownInSecondHalf: number;
  /** The most that windows may hold: one and a half for each call. */
  readonly windowBytes: number;
  readonly otherQuietP99Ms: number;
  readonly otherDuringP99Ms: number;
  readonly otherCalls: number;
}

/** HTTP/2's own window, times the slack that the stream port may lend. */
const WINDOW_BYTES_PER_CALL = 1.5 * 65_535;
const LOOK_MS = 50;

/** Runs the plan. @throws if a call fails or is answered wrongly. */
export async function runStalledBurst(plan: StalledBurstPlan): Promise<StalledBurstFigures> {
  await using node = await startNullNode();
  await registerNull(node, 'other', '');
  await registerNull(node, 'cold', `slow ${plan.loadMs}`);
  await loadNull(node, 'other');
  const links = Array.from({ length: plan.connections }, () => node.connect());
  const connections = links.map(({ connection }) => connection);
  const other = echoRequest('other', Buffer.alloc(256, 2));
  const serveOther = (ms: number): Promise<LoadResult> =>
    runGrpcLoad({
      connections,
      streamsPerConnection: plan.otherStreams,
      end: { kind: 'after', ms },
      pauseMs: plan.otherPauseMs,
      next: () => other,
    });
  await serveOther(plan.loadMs / 5);
  const quiet = await serveOther(plan.loadMs * 0.9);
  const before = processUsage(node.pid).residentBytes;
  const looks = lookAt(node);
  const big = echoRequest('cold', Buffer.alloc(plan.messageBytes, 3));
  const streamsPerConnection = plan.calls / plan.connections;
  const waiting = runGrpcLoad({ connections, streamsPerConnection, end: { kind: 'calls', count: plan.calls }, next: () => big });
  const during = await serveOther(plan.loadMs * 0.9);
  const whileWaiting = looks.seen.length;
  const burst = await waiting;
  looks.stop();
  for (const link of links) link.close();
  for (const result of [quiet, during, burst]) result.assertAllRight();
  const early = looks.seen.slice(0, whileWaiting);
  return {
    calls: plan.calls,
    messageBytes: plan.messageBytes,
    loads: loadsOf(node, 'cold'),
    residentBytesBefore: before,
    grownWhileWaiting: mostOf(early) - before,
    grownAtMost: mostOf(looks.seen) - before,
    grownInSecondHalf: mostOf(early.slice(early.length >> 1)) - mostOf(early.slice(0, early.length >> 1)),
    windowBytes: plan.calls * WINDOW_BYTES_PER_CALL,
    otherQuietP99Ms: quiet.latency.quantileMs(0.99),
    otherDuringP99Ms: during.latency.quantileMs(0.99),
    otherCalls: during.completed,
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
