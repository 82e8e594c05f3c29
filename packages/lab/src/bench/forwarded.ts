import { ModelMesh } from '@modelmesh/wire/mmesh';
import { echoRequest } from '../burst/index.ts';
import { digits, judged, pairedRatios, type Spread, spreadOf, type Table } from '../figures/index.ts';
import type { NodeProcess } from '../node-process/index.ts';
import { echo, type MeshOfNodes, startMesh } from '../peers/index.ts';
import { type Cost, costOf, type GrpcDriver, type Pressure, type Subject, throughNode } from './subject.ts';

/** How long a bench of forwarding is. */
export interface ForwardedPlan {
  readonly rounds: number;
  /** Calls of one run with messages of 256 bytes, and of 64 KiB. */
  readonly smallCalls: number;
  readonly largeCalls: number;
  readonly driver: GrpcDriver;
}

/** A call that enters at another node than the one that has the copy, beside one that enters there. */
export interface ForwardedFigures {
  readonly bytes: number;
  /** CPU of both nodes without their runtimes, and latency of one call at a time; medians. */
  readonly local: Cost;
  readonly forwarded: Cost;
  /** CPU of all mesh processes, in that of local calls. */
  readonly cpuRatio: Spread;
}

/** A forwarded call may cost so many times the CPU of a local one, summed over the mesh processes. */
export const FORWARDED_CPU_MAX = 2.3;

const SIZES = [256, 65_536] as const;
const WARM_CALLS = 3000;

/** Measures forwarded calls in turns with local ones, on two nodes that share an etcd. */
export async function runForwarded(
  etcd: { readonly port: number },
  plan: ForwardedPlan,
  tell: (line: string) => void = () => {},
): Promise<readonly ForwardedFigures[]> {
  await using mesh = await startMesh(etcd, 2);
  await applyOnce(mesh.at(0));
  const [holder, other] = await placesOf(mesh);
  const figures: ForwardedFigures[] = [];
  for (const bytes of SIZES) {
    const request = echoRequest('echo', Buffer.alloc(bytes, 1));
    const pids = (): readonly number[] => mesh.nodes.map(({ pid }) => pid);
    const local: Subject = { ...throughNode(holder, request, plan.driver), name: 'local', pids };
    const forwarded: Subject = { ...throughNode(other, request, plan.driver), name: 'forwarded', pids };
    figures.push(await compare(bytes, [local, forwarded], plan));
    await placesOf(mesh);
    tell(`forwarded calls of ${bytes} bytes: measured`);
  }
  return figures;
}

/** Registers the model with one copy at most: a second one would make local calls of forwarded ones. */
async function applyOnce(node: NodeProcess): Promise<void> {
  const spec = { format: { name: 'null' }, storage: { uri: 'size 8192' }, copies: { max: 1 } };
  const manifest = { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Model', metadata: { name: 'echo' }, spec };
  const body = JSON.stringify(manifest);
  const response = await fetch(`${node.url}/api/v1/apply`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  if (!response.ok) throw new Error(`apply: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

/** The node that has the copy, and the other. @throws if there is not exactly one copy */
async function placesOf(mesh: MeshOfNodes): Promise<readonly [NodeProcess, NodeProcess]> {
  const [one, other] = [mesh.at(0), mesh.at(1)];
  await echo(one.client, 'echo', 'warm');
  const { modelCopyInfos } = await one.client.unary(ModelMesh.method.getModelStatus, { modelId: 'echo' });
  const [copy, ...more] = modelCopyInfos;
  if (copy === undefined || more.length > 0) throw new Error(`there are ${modelCopyInfos.length} copies instead of one`);
  return copy.location === 'a' ? [one, other] : [other, one];
}

async function compare(
  bytes: number,
  [local, forwarded]: readonly [Subject, Subject],
  plan: ForwardedPlan,
): Promise<ForwardedFigures> {
  const calls = bytes === SIZES[0] ? plan.smallCalls : plan.largeCalls;
  const busy: Pressure = { connections: 4, streamsPerConnection: 8, calls };
  const single: Pressure = { connections: 1, streamsPerConnection: 1, calls: Math.ceil(calls / 5) };
  for (const subject of [local, forwarded]) await costOf(subject, { ...busy, calls: Math.min(calls, WARM_CALLS) });
  const runs: Record<'local' | 'forwarded' | 'localAlone' | 'forwardedAlone', Cost[]> = {
    local: [],
    forwarded: [],
    localAlone: [],
    forwardedAlone: [],
  };
  for (let round = 0; round < plan.rounds; round++) {
    runs.local.push(await costOf(local, busy));
    runs.forwarded.push(await costOf(forwarded, busy));
    runs.localAlone.push(await costOf(local, single));
    runs.forwardedAlone.push(await costOf(forwarded, single));
  }
  const cpu = (costs: readonly Cost[]): readonly number[] => costs.map(({ cpuUs }) => cpuUs);
  return {
    bytes,
    local: middleOf(runs.local, runs.localAlone),
    forwarded: middleOf(runs.forwarded, runs.forwardedAlone),
    cpuRatio: spreadOf(pairedRatios(cpu(runs.forwarded), cpu(runs.local))),
  };
}

function middleOf(busy: readonly Cost[], single: readonly Cost[]): Cost {
  const middle = (costs: readonly Cost[], of: (cost: Cost) => number): number => spreadOf(costs.map(of)).median;
  return {
    cpuUs: middle(busy, ({ cpuUs }) => cpuUs),
    perSecond: middle(busy, ({ perSecond }) => perSecond),
    p50Ms: middle(single, ({ p50Ms }) => p50Ms),
    p99Ms: middle(single, ({ p99Ms }) => p99Ms),
  };
}

/** Whether forwarded calls cost as little as they should, or at most `leeway` times more. */
export const forwardedHolds = (figures: readonly ForwardedFigures[], leeway = 1): boolean =>
  figures.every(({ cpuRatio }) => cpuRatio.median <= FORWARDED_CPU_MAX * leeway);

/** What forwarding costs, a line for each size of message. */
export function forwardedTable(figures: readonly ForwardedFigures[]): Table {
  return {
    title:
      'Forwarded calls against local ones, null runtime (CPU of both nodes without their runtimes, 4 × 8 calls at a time; latency with one)',
    columns: ['', 'CPU µs local', 'forwarded', 'ratio', 'aim', 'p50 ms local', 'forwarded', 'p99 ms', 'calls/s'],
    rows: figures.map(({ bytes, local, forwarded, cpuRatio: { median, min, max } }) => [
      bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`,
      digits(local.cpuUs, 0),
      digits(forwarded.cpuUs, 0),
      judged(`${digits(median)} (${digits(min)}–${digits(max)})`, median <= FORWARDED_CPU_MAX),
      digits(FORWARDED_CPU_MAX),
      digits(local.p50Ms),
      digits(forwarded.p50Ms),
      `${digits(local.p99Ms)} → ${digits(forwarded.p99Ms)}`,
      digits(forwarded.perSecond, 0),
    ]),
  };
}
