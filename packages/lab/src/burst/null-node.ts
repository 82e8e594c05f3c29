import { ModelMesh } from '@modelmesh/wire/mmesh';
import { type GrpcRequest, grpcRequest } from '../load/index.ts';
import { NodeProcess } from '../node-process/index.ts';

/** Any method goes to the runtime, which gives back what it gets. */
const ECHO_PATH = '/lab.Echo/Call';

/** A node whose runtime is the null server. */
export function startNullNode(flags: Readonly<Record<string, string>> = {}): Promise<NodeProcess> {
  return NodeProcess.start({ flags: { 'runtime-server': 'null', ...flags } });
}

/** Registers a model; `path` says how it behaves, such as `slow 500`. */
export async function registerNull(node: NodeProcess, modelId: string, path: string): Promise<void> {
  await node.client.unary(ModelMesh.method.registerModel, { modelId, modelInfo: { type: 'null', path } });
}

/** A call that is answered with its own message, which is checked. */
export function echoRequest(modelId: string, message: Buffer): GrpcRequest {
  return grpcRequest(ECHO_PATH, message, ['mm-model-id', modelId], (answer) => message.equals(answer));
}

/** Calls a model once, so that it is loaded. */
export async function loadNull(node: NodeProcess, modelId: string): Promise<void> {
  const response = await fetch(`${node.url}/api/v1/models/${modelId}:load`, { method: 'POST' });
  if (!response.ok) throw new Error(`load of ${modelId}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

/** How often the node loaded a model. */
export const loadsOf = (node: NodeProcess, modelId: string): number =>
  node.program.log.filter(({ event, model }) => event === 'model-loaded' && model === modelId).length;
