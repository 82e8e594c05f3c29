import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { GrpcClient } from '@modelmesh/grpc/call';
import { GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import type { DecisionView, ExplanationView } from '@modelmesh/sdk/client';
import { ModelMesh, ModelRuntime, type ModelStatusInfo } from '@modelmesh/wire/mmesh';
import type { ClusterNode, ClusterProcess } from '../cluster-process/index.ts';
import { connectGrpc, type NodeProcess } from '../node-process/index.ts';

const ECHO = rawMethod('/any.Service/Call');

/** Status, errors and copies of a model, as that client is told. */
export const statusOf = (client: GrpcClient, modelId: string): Promise<ModelStatusInfo> =>
  client.unary(ModelMesh.method.getModelStatus, { modelId });

/** Ids of the nodes that have a copy or load one, sorted, as that node knows. */
export async function copiesSeenBy({ client }: ClusterNode, modelId: string): Promise<readonly string[]> {
  return (await statusOf(client, modelId)).modelCopyInfos.map(({ location }) => location).sort();
}

/** What the nodes of the mesh decided about a model, as that node tells it over REST. */
export async function decisionsAbout({ url }: ClusterNode, modelId: string): Promise<readonly DecisionView[]> {
  const response = await fetch(`${url}/api/v1/explain/models/${modelId}`);
  assert.equal(response.status, 200);
  const { records } = (await response.json()) as ExplanationView;
  return records;
}

/** The node that has the only copy of a model. @throws where there are none or several */
export async function holderOf(cluster: ClusterProcess, modelId: string): Promise<ClusterNode> {
  const copies = await copiesSeenBy(cluster.node(0), modelId);
  const [only, another] = cluster.nodes.filter(({ id }) => copies.includes(id));
  if (only === undefined || another !== undefined) throw new Error(`${modelId} is at ${copies.join() || 'no node'}`);
  return only;
}

/** How a call ended that the runtime is told to fail: the code and the words that its caller gets. `OK` where it did not fail. */
export async function failureOf(
  client: GrpcClient,
  modelId: string,
  failure: string,
): Promise<readonly [code: number, message: string]> {
  try {
    await client.call(ECHO, [Buffer.from('x')], { headers: ['mm-model-id', modelId, 'null-fail', failure] });
    return [0, 'OK'];
  } catch (error) {
    if (!(error instanceof GrpcStatusError)) throw error;
    return [error.code, error.message];
  }
}

/** Takes a model away from the runtime of a node, of which the mesh hears nothing. */
export async function loseInRuntime({ folder }: NodeProcess, modelId: string): Promise<void> {
  using runtime = connectGrpc({ kind: 'unix', path: join(folder, 'runtime.sock') });
  await runtime.client.unary(ModelRuntime.method.unloadModel, { modelId });
}

/** One call for several models, whose answers come as one. */
export async function echoOfSeveral(client: GrpcClient, modelIds: readonly string[], text: string): Promise<string> {
  const headers = modelIds.flatMap((id) => ['mm-model-id', id]);
  return Buffer.from(await client.call(ECHO, [Buffer.from(text)], { headers })).toString();
}

/** One call with bytes, and how long it took in milliseconds. @throws where the answer is not the request */
export async function timedEcho(client: GrpcClient, modelId: string, bytes: Buffer): Promise<number> {
  const startedMs = performance.now();
  const answer = await client.call(ECHO, [bytes], { headers: ['mm-model-id', modelId] });
  const tookMs = performance.now() - startedMs;
  if (!bytes.equals(answer)) throw new Error(`the answer of ${modelId} is not its request: ${answer.length} bytes`);
  return tookMs;
}
