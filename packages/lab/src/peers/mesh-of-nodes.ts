import type { GrpcClient } from '@modelmesh/grpc/call';
import { rawMethod } from '@modelmesh/grpc/call';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { NodeProcess, type NodeProcessOptions } from '../node-process/index.ts';

const ECHO = rawMethod('/any.Service/Call');

/** Starts the nodes `a`, `b`, … of one mesh, each a process with a null runtime, on an etcd. */
export async function startMesh(
  etcd: { readonly port: number },
  count: number,
  options: NodeProcessOptions = {},
): Promise<MeshOfNodes> {
  const names = Array.from({ length: count }, (_, at) => String.fromCharCode(97 + at));
  const nodes = await Promise.all(names.map((name) => startMember(etcd, name, options)));
  return new MeshOfNodes(nodes);
}

/** Starts one node of a mesh. */
export const startMember = (
  etcd: { readonly port: number },
  name: string,
  options: NodeProcessOptions = {},
): Promise<NodeProcess> =>
  NodeProcess.start({
    ...options,
    flags: { 'runtime-server': 'null', 'instance-id': name, ...options.flags },
    environment: { KV_STORE: `etcd:http://127.0.0.1:${etcd.port}`, ...options.environment },
  });

/** Nodes of one mesh; `await using` stops them all. */
export class MeshOfNodes implements AsyncDisposable {
  readonly nodes: readonly NodeProcess[];

  constructor(nodes: readonly NodeProcess[]) {
    this.nodes = nodes;
  }

  /** The node of that place. */
  at(index: number): NodeProcess {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
  }
}

/** Registers a model of the null runtime; loads it at once and waits if `load`. */
export const registerNull = (node: NodeProcess, modelId: string, path = 'size 8192', load = false) =>
  node.client.unary(ModelMesh.method.registerModel, {
    modelId,
    modelInfo: { type: 'null', path },
    loadNow: load,
    sync: load,
  });

/** One call, which the null runtime answers with its request. */
export async function echo(client: GrpcClient, modelId: string, text: string, headers: readonly string[] = []): Promise<string> {
  const answer = await client.call(ECHO, [Buffer.from(text)], { headers: ['mm-model-id', modelId, ...headers] });
  return Buffer.from(answer).toString();
}
