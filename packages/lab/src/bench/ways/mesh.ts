import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rawMethod } from '@modelmesh/grpc/call';
import { EtcdProcess } from '@modelmesh/mesh/kv/testing';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { connectGrpc, type GrpcConnection, NodeProcess, splitAddress } from '../../node-process/index.ts';
import type { EtcdPrograms } from './tools.ts';
import { BENCH_MODEL, BENCH_PATH, type Way, type WayPlan } from './way.ts';

/** A node on `engine` in front of the runtime, with all its defaults: accounting and metrics are on. */
export async function startMesh(
  engine: 'h2' | 'node-http2',
  plan: WayPlan,
  flags: Readonly<Record<string, string>> = {},
): Promise<Way & AsyncDisposable> {
  const folder = join(plan.folder, `mesh-${engine}`);
  const tls = await tlsFlags(plan, folder);
  const node = await NodeProcess.start({ flags: { ...runtimeFlags(plan), 'http2-engine': engine, ...tls, ...flags } });
  using link = clientOf(node, plan);
  await link.client.unary(ModelMesh.method.registerModel, { modelId: BENCH_MODEL, modelInfo: { type: 'bench', path: '' } });
  await link.client.call(rawMethod(BENCH_PATH), [Buffer.from('x')], { headers: ['mm-model-id', BENCH_MODEL] });
  return {
    name: engine,
    port: portOf(node),
    encrypted: plan.tls !== undefined,
    pids: () => [node.pid],
    [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
  };
}

/** Two nodes on one etcd, of which one has the copy: a call enters at the other. Both count. */
export async function startOneHop(etcd: EtcdPrograms, plan: WayPlan): Promise<Way & AsyncDisposable> {
  await using started = new AsyncDisposableStack();
  const registry = await EtcdProcess.alone({ ...etcd, missing: undefined });
  started.defer(() => registry.dispose());
  const environment = { KV_STORE: `etcd:http://127.0.0.1:${registry.port}` };
  const nodes: NodeProcess[] = [];
  for (const name of ['a', 'b']) {
    nodes.push(started.use(await NodeProcess.start({ flags: { ...runtimeFlags(plan), 'instance-id': name }, environment })));
  }
  const [one, other] = nodes;
  if (one === undefined || other === undefined) throw new Error('two nodes were started');
  const entry = await entryOf(one, other);
  const held = started.move();
  return {
    name: 'one-hop',
    port: portOf(entry),
    encrypted: false,
    pids: () => nodes.map(({ pid }) => pid),
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  };
}

/** Loads the only copy and says which node does not have it. A second copy would make local calls of forwarded ones. */
async function entryOf(one: NodeProcess, other: NodeProcess): Promise<NodeProcess> {
  const spec = { format: { name: 'bench' }, storage: { uri: 'bench' }, copies: { max: 1 } };
  const manifest = { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Model', metadata: { name: BENCH_MODEL }, spec };
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${one.url}/api/v1/apply`, { method: 'POST', headers, body: JSON.stringify(manifest) });
  if (!response.ok) throw new Error(`apply: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
  await one.client.call(rawMethod(BENCH_PATH), [Buffer.from('x')], { headers: ['mm-model-id', BENCH_MODEL] });
  const { modelCopyInfos } = await one.client.unary(ModelMesh.method.getModelStatus, { modelId: BENCH_MODEL });
  const [copy, ...more] = modelCopyInfos;
  if (copy === undefined || more.length > 0) throw new Error(`there are ${modelCopyInfos.length} copies instead of one`);
  return copy.location === 'a' ? other : one;
}

const runtimeFlags = ({ inferencePath, managementPath }: WayPlan): Readonly<Record<string, string>> => ({
  'runtime-kind': 'external',
  'runtime-management': `unix:${managementPath}`,
  'runtime-inference': `unix:${inferencePath}`,
});

async function tlsFlags({ tls }: WayPlan, folder: string): Promise<Readonly<Record<string, string>>> {
  if (tls === undefined) return {};
  await mkdir(folder, { recursive: true });
  const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  await writeFile(cert, tls.cert);
  await writeFile(key, tls.key);
  return { 'tls-cert-path': cert, 'tls-key-path': key };
}

function clientOf(node: NodeProcess, { tls }: WayPlan): GrpcConnection {
  const [host, port] = splitAddress(node.addresses.inference);
  const place = { host, port: Number(port) };
  if (tls === undefined) return connectGrpc({ kind: 'tcp', ...place });
  return connectGrpc({ kind: 'tls', ...place, tls: { ca: [tls.cert], serverName: 'localhost' } });
}

const portOf = (node: NodeProcess): number => Number(splitAddress(node.addresses.inference)[1]);
