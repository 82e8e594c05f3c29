import { protobufMethod } from '@modelmesh/grpc/call';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { ClusterProcess, type ClusterProcessOptions } from '../cluster-process/index.ts';
import { type GrpcRequest, grpcRequest, type LoadResult, runGrpcLoad } from '../load/index.ts';
import type { GrpcConnection, NodeProcess } from '../node-process/index.ts';
import { peakResidentBytes, processUsage, threadsCpuMs } from '../process-usage/index.ts';
import { listedModels, seenBy } from './views.ts';

/** Many callers that register models, each its next one when the one before is registered. */
export interface RegistrationPlan {
  readonly models: number;
  readonly callers: number;
  /** Nodes that watch; the first takes all calls. */
  readonly nodes: number;
  /** Models of a run before, whose figures are not taken: a node that has just started runs code that is not compiled. */
  readonly warmUp: number;
}

/** The run of the claim, at one node alone, whose code is compiled by then. */
export const ONE_NODE: RegistrationPlan = { models: 20_000, callers: 64, nodes: 1, warmUp: 1000 };
/** The run of the claim with three nodes that watch. */
export const THREE_NODES: RegistrationPlan = { ...ONE_NODE, nodes: 3 };

/** What a run showed. */
export interface RegistrationFigures {
  readonly models: number;
  readonly callers: number;
  readonly nodes: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time for each registration, in microseconds: of the node that is called, of etcd, of the callers, and of each node that only watches. */
  readonly cpuUs: Readonly<Record<'node' | 'etcd' | 'callers', number>> & { readonly watching: readonly number[] };
  /** Resident bytes of the node that is called: of its start, after the last answer, and the most it ever had. */
  readonly residentBytes: Readonly<Record<'before' | 'after' | 'peak', number>>;
  /** Time from the last answer until each node knows every model, in milliseconds. */
  readonly knownAfterMs: readonly number[];
  /** Time from the last answer until every node has listed all its models, in milliseconds, where that was the same list. */
  readonly comparedAfterMs: number;
  /** Models in the list of each node, and whether all lists are equal, field by field. */
  readonly listed: readonly number[];
  readonly equal: boolean;
}

const REGISTER = protobufMethod(ModelMesh.method.registerModel);
const CONNECTIONS = 8;

/** Runs the plan on an etcd and nodes of its own. @throws if a registration fails */
export async function runRegistration(plan: RegistrationPlan, etcd: ClusterProcessOptions['etcd']): Promise<RegistrationFigures> {
  await using cluster = await ClusterProcess.start({ nodes: plan.nodes, etcd });
  const [called, ...watching] = cluster.nodes.map(({ process }) => process);
  if (called === undefined) throw new Error('a plan needs a node');
  if (plan.warmUp > 0) await register(called, 'warm', { ...plan, models: plan.warmUp });
  const before = processUsage(called.pid).residentBytes;
  const pids = [called.pid, cluster.etcd.pid, ...watching.map(({ pid }) => pid)];
  const cpu = pids.map(threadsCpuMs);
  const result = await register(called, 'm', plan);
  const answeredMs = performance.now();
  const spent = pids.map((pid, at) => ((threadsCpuMs(pid) - (cpu[at] ?? 0)) * 1000) / plan.models);
  const residentBytes = { before, after: processUsage(called.pid).residentBytes, peak: peakResidentBytes(called.pid) };
  const wanted = plan.models + plan.warmUp;
  const knownAfterMs = await seenBy(cluster.nodes, lastKeys(plan), answeredMs);
  const lists = await Promise.all(cluster.nodes.map(listedModels));
  const comparedAfterMs = performance.now() - answeredMs;
  const digests = new Set(lists.map(({ digest }) => digest));
  const [node = 0, etcdUs = 0, ...others] = spent;
  return {
    models: plan.models,
    callers: plan.callers,
    nodes: plan.nodes,
    perSecond: result.perSecond,
    p50Ms: result.latency.quantileMs(0.5),
    p99Ms: result.latency.quantileMs(0.99),
    cpuUs: { node, etcd: etcdUs, callers: (result.driverCpuMs * 1000) / plan.models, watching: others },
    residentBytes,
    knownAfterMs,
    comparedAfterMs,
    listed: lists.map(({ count }) => count),
    equal: digests.size === 1 && lists.every(({ count }) => count === wanted),
  };
}

const keyOf = (kind: string, number: number): string => `${kind}-${String(number).padStart(6, '0')}`;

/** Models that were registered last: a node follows the registry in its order, so that one that knows these knows all. */
const lastKeys = ({ models, callers }: RegistrationPlan): readonly string[] =>
  Array.from({ length: Math.min(models, 2 * callers) }, (_, at) => keyOf('m', models - 1 - at));

/** The requests are made beforehand, so that the callers cost little beside the nodes. @throws if one fails */
export async function register(node: NodeProcess, kind: string, { models, callers }: RegistrationPlan): Promise<LoadResult> {
  const requests = Array.from({ length: models }, (_, at) => registration(keyOf(kind, at)));
  let next = 0;
  const links: GrpcConnection[] = Array.from({ length: CONNECTIONS }, () => node.connect());
  const result = await runGrpcLoad({
    connections: links.map(({ connection }) => connection),
    streamsPerConnection: callers / CONNECTIONS,
    end: { kind: 'calls', count: models },
    next: () => {
      const request = requests[next];
      if (request === undefined) throw new Error('more calls than models');
      next += 1;
      return request;
    },
  });
  for (const link of links) link.close();
  result.assertAllRight();
  return result;
}

/** A model as users register them: a type and where it lies. */
function registration(modelId: string): GrpcRequest {
  const path = `s3://models/team-a/${modelId}/1`;
  const message = REGISTER.request.encode({ modelId, modelInfo: { type: 'null', path } });
  return grpcRequest(REGISTER.path, Buffer.concat(message));
}
