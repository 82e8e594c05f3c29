import { durationMs } from '@modelmesh/core';
import { registerNull, startNullNode } from '../burst/index.ts';
import { digits, judged, type Table } from '../figures/index.ts';
import { type NodeProcess, realClock, scrape } from '../node-process/index.ts';
import { startGrpcGoClient } from './grpc-go-client.ts';

/** The larger of two workers' shares of streams that is even enough. */
export const SHARE_MAX = 0.6;
/** In this time it is so. */
export const BALANCED_WITHIN_MS = 30_000;

/** How the balance is measured. */
export interface BalancePlan {
  /** The built client. */
  readonly program: string;
  /** Meetings of a client with the node that are watched; those that were even from the start count for nothing. */
  readonly runs: number;
}

/** One meeting of a client with a node of two workers. */
export interface BalanceRun {
  /** The larger share of the two workers once the client was connected, and 30 s later over five seconds. */
  readonly firstShare: number;
  readonly lastShare: number;
  /** When the larger share was first, and from then on, even enough; `null`: never. */
  readonly evenAfterMs: number | null;
  readonly connectionsShed: number;
  readonly calls: number;
  readonly errors: number;
}

const CONNECTIONS = 4;
const STREAMS = 8;
/** A model takes its time, so that streams are open and the machine has time for all of them. */
const ANSWER_MS = 20;
const SAMPLE_MS = 500;
const CONNECTED_MS = 2000;
const LAST_MS = 5000;
/** Meetings at most, since some are even by chance. */
const MEETINGS_PER_RUN = 6;

/** Lets clients with four long-lived connections meet a node with two workers, until chance was unkind so often. */
export async function runBalance(plan: BalancePlan, tell: (line: string) => void = () => {}): Promise<readonly BalanceRun[]> {
  await using node = await startNullNode({ workers: '2' });
  await registerNull(node, 'slow', `answer ${ANSWER_MS}`);
  const runs: BalanceRun[] = [];
  for (let meeting = 0; meeting < plan.runs * MEETINGS_PER_RUN && runs.length < plan.runs; meeting++) {
    const run = await meet(node, plan.program);
    if (run === null) continue;
    runs.push(run);
    tell(`${digits(run.firstShare)} at first, ${digits(run.lastShare)} at last`);
  }
  return runs;
}

/** `null`: it was even from the start. */
async function meet(node: NodeProcess, program: string): Promise<BalanceRun | null> {
  const shedBefore = (await scrape(node)).get('mesh_worker_connections_shed_total') ?? 0;
  const target = node.addresses.inference;
  const client = startGrpcGoClient(program, { target, model: 'slow', connections: CONNECTIONS, streams: STREAMS });
  await realSleep(CONNECTED_MS);
  const firstShare = await largerShare(node);
  if (firstShare <= SHARE_MAX) {
    await client.stop();
    return null;
  }
  const beganMs = performance.now();
  let evenAfterMs: number | null = null;
  const last: number[] = [];
  for (let passedMs = 0; passedMs < BALANCED_WITHIN_MS; passedMs = performance.now() - beganMs) {
    await realSleep(SAMPLE_MS);
    const share = await largerShare(node);
    if (share > SHARE_MAX) evenAfterMs = null;
    else evenAfterMs ??= performance.now() - beganMs;
    if (passedMs > BALANCED_WITHIN_MS - LAST_MS) last.push(share);
  }
  const { calls, errors } = await client.stop();
  return {
    firstShare,
    lastShare: last.reduce((sum, share) => sum + share, 0) / last.length,
    evenAfterMs,
    connectionsShed: ((await scrape(node)).get('mesh_worker_connections_shed_total') ?? 0) - shedBefore,
    calls,
    errors: Object.values(errors).reduce((sum, count) => sum + count, 0),
  };
}

const realSleep = (ms: number): Promise<void> => new Promise((resolve) => realClock.after(durationMs(ms), resolve));

/** Of the streams that are open at both workers. */
async function largerShare(node: NodeProcess): Promise<number> {
  const page = await scrape(node);
  const streams = [0, 1].map((worker) => page.get(`mesh_worker_streams{worker="${worker}"}`) ?? 0);
  const sum = streams.reduce((total, count) => total + count, 0);
  return sum === 0 ? 1 : Math.max(...streams) / sum;
}

/** Whether all ended even, and no call failed for it. */
export const balanceHolds = (runs: readonly BalanceRun[]): boolean =>
  runs.length > 0 && runs.every(({ lastShare, errors }) => lastShare <= SHARE_MAX && errors === 0);

/** A line for each meeting. */
export function balanceTable(runs: readonly BalanceRun[]): Table {
  return {
    title: 'Four long-lived connections of grpc-go at two workers: the larger share of open streams',
    columns: ['at first', 'after 30 s', 'aim', 'even after s', 'connections asked to end', 'calls', 'errors'],
    rows: runs.map(({ firstShare, lastShare, evenAfterMs, connectionsShed, calls, errors }) => [
      digits(firstShare),
      judged(digits(lastShare), lastShare <= SHARE_MAX),
      digits(SHARE_MAX),
      evenAfterMs === null ? '–' : digits(evenAfterMs / 1000, 1),
      digits(connectionsShed, 0),
      digits(calls, 0),
      judged(digits(errors, 0), errors === 0),
    ]),
  };
}
