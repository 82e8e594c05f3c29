import { rawMethod } from '@modelmesh/grpc/call';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { NodeProcess, type NodeProcessOptions } from '../node-process/index.ts';

const ECHO = rawMethod('/any.Service/Call');

/** Starts a node with the null runtime on an etcd, told as ModelMesh is told. */
export const startOnEtcd = (etcd: { readonly port: number }, options: NodeProcessOptions = {}): Promise<NodeProcess> =>
  NodeProcess.start({
    ...options,
    flags: { 'runtime-server': 'null', ...options.flags },
    environment: { KV_STORE: `etcd:http://127.0.0.1:${etcd.port}`, ...options.environment },
  });

/** Registers a model of the null runtime, which takes 8 KiB. */
export const registerNull = (node: NodeProcess, modelId: string) =>
  node.client.unary(ModelMesh.method.registerModel, { modelId, modelInfo: { type: 'null', path: 'size 8192' } });

/** One call, which the null runtime answers with its request. */
export async function echo(node: NodeProcess, modelId: string, text: string): Promise<string> {
  return Buffer.from(await node.client.call(ECHO, [Buffer.from(text)], { headers: ['mm-model-id', modelId] })).toString();
}
