import { ModelMesh } from '@modelmesh/wire/mmesh';
import { isAnswer, numberedPath, requestBytes } from '../chaos/index.ts';
import { type ClusterNode, ClusterProcess, type ClusterProcessOptions } from '../cluster-process/index.ts';
import { eventually } from '../faults/index.ts';
import { grpcRequest, runGrpcLoad } from '../load/index.ts';
import { scrape } from '../node-process/index.ts';

/** A node that joins a mesh whose nodes are full and in use (`field.md` §4.9, item 11). */
export interface FreshNodePlan {
  readonly nodes: number;
  readonly models: number;
  readonly modelBytes: number;
  /** What each node has room for, in models. */
  readonly fittingEach: number;
}

/** The run of the claim: three nodes, filled to seven eighths, and a fourth. */
export const FRESH_NODE: FreshNodePlan = { nodes: 3, models: 84, modelBytes: 16 << 20, fittingEach: 32 };

/** What a run showed. */
export interface FreshNodeFigures {
  readonly nodes: number;
  readonly models: number;
  /** Bytes that the new node is to have: of all that was used when it joined its part of all capacity. */
  readonly fairShareBytes: number;
  /** From when it was ready until it had that much, in milliseconds. */
  readonly fairShareMs: number;
  readonly calls: number;
  readonly failures: Readonly<Record<string, number>>;
}

/** Within this time a node that joined has to have its share. */
export const FAIR_SHARE_WITHIN_MS = 60_000;
const USED = 'modelmesh_instance_used_bytes';
const CALL_ID = 'fresh';
const PAUSE_MS = 5;

/** Runs the plan on an etcd and nodes of its own, while clients call every model in turn. */
export async function runFreshNode(plan: FreshNodePlan, etcd: ClusterProcessOptions['etcd']): Promise<FreshNodeFigures> {
  const flags = { 'runtime-capacity-bytes': String(plan.fittingEach * plan.modelBytes) };
  await using cluster = await ClusterProcess.start({ nodes: plan.nodes, etcd, flags });
  const models = Array.from({ length: plan.models }, (_, number) => ({ key: `m${number}`, number }));
  for (const { key, number } of models) {
    const path = numberedPath(`size ${plan.modelBytes}; slow 20`, number);
    await cluster.node(0).client.unary(ModelMesh.method.registerModel, { modelId: key, modelInfo: { type: 'null', path } });
  }
  const links = cluster.nodes.map(({ process }) => process.connect());
  const connections = links.map(({ connection }) => connection);
  const requests = models.map(({ key, number }) =>
    grpcRequest('/inference.GRPCInferenceService/ModelInfer', requestBytes({ key }, CALL_ID), [], (bytes) =>
      isAnswer(bytes, { number }, CALL_ID),
    ),
  );
  let turn = 0;
  const next = () => {
    const request = requests[turn % requests.length];
    turn += 1;
    if (request === undefined) throw new Error('a plan without models');
    return request;
  };
  // Every model is loaded once, so that what is called below is warm.
  (
    await runGrpcLoad({ connections, streamsPerConnection: 2, end: { kind: 'calls', count: models.length }, next })
  ).assertAllRight();
  const used = (await Promise.all(cluster.nodes.map(usedBytes))).reduce((sum, bytes) => sum + bytes, 0);
  const fairShareBytes = used / (plan.nodes + 1);
  let isOver = false;
  const calls = (async () => {
    const all = await runGrpcLoad({ connections, streamsPerConnection: 2, end: { kind: 'calls', count: 1 }, next });
    while (!isOver) {
      const end = { kind: 'after', ms: 1000 } as const;
      all.add(await runGrpcLoad({ connections, streamsPerConnection: 2, end, pauseMs: PAUSE_MS, next }));
    }
    return all;
  })();
  const fresh = await cluster.add();
  const beganMs = performance.now();
  const fairShareMs = await eventually('its fair share', 2 * FAIR_SHARE_WITHIN_MS, async () =>
    (await usedBytes(fresh)) >= fairShareBytes ? performance.now() - beganMs : undefined,
  ).finally(() => {
    isOver = true;
  });
  const result = await calls;
  for (const link of links) link.close();
  return {
    nodes: plan.nodes,
    models: plan.models,
    fairShareBytes,
    fairShareMs,
    calls: result.completed,
    failures: Object.fromEntries([...result.failures, ...(result.wrong > 0 ? [['a wrong answer', result.wrong] as const] : [])]),
  };
}

const usedBytes = async ({ process }: ClusterNode): Promise<number> => (await scrape(process)).get(USED) ?? 0;
