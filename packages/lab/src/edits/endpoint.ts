import { numberedPath } from '../chaos/index.ts';
import type { ClusterNode } from '../cluster-process/index.ts';
import { eventually } from '../faults/index.ts';

/** Name of the endpoint that is edited. */
export const ENDPOINT = 'edited';
/** Its variants, each with a model whose every answer says this number. */
export const VARIANTS = [
  { name: 'one', model: 'edited-one', number: 1 },
  { name: 'two', model: 'edited-two', number: 2 },
  { name: 'three', model: 'edited-three', number: 3 },
] as const;

/** The endpoint with these weights, one for each variant. */
export const endpointManifest = (weights: readonly number[]): object => ({
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Endpoint',
  metadata: { name: ENDPOINT },
  spec: {
    variants: VARIANTS.map(({ name, model }, at) => ({ name, model, weight: weights[at] ?? 0 })),
    default: 'one',
  },
});

const COPIES_WITHIN_MS = 60_000;

/** Registers the models of the variants; resolves when each has a copy at every node, so that no answer needs another node. */
export async function makeVariants(nodes: readonly ClusterNode[]): Promise<void> {
  const [node] = nodes;
  if (node === undefined) throw new Error('the cluster has no node');
  const copies = { min: nodes.length, max: nodes.length };
  for (const { model, number } of VARIANTS) {
    const spec = { format: { name: 'null' }, storage: { uri: numberedPath('size 8192', number) }, copies };
    await asked(node, '/api/v1/apply', { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Model', metadata: { name: model }, spec });
    await asked(node, `/api/v1/models/${model}:load`, undefined);
  }
  await Promise.all(
    VARIANTS.map(({ model }) => eventually(`${model} has its copies`, COPIES_WITHIN_MS, () => isEverywhere(nodes, model))),
  );
}

async function isEverywhere(nodes: readonly ClusterNode[], model: string): Promise<true | undefined> {
  for (const { url } of nodes) {
    const { copies } = (await (await fetch(`${url}/api/v1/models/${model}`)).json()) as {
      readonly copies: readonly { readonly status: string }[];
    };
    if (copies.filter(({ status }) => status === 'LOADED').length < nodes.length) return undefined;
  }
  return true;
}

/** What became of an edit. */
export interface AppliedEdit {
  readonly revision: number;
  readonly acknowledged: readonly string[];
  readonly missing: readonly { readonly instance: string; readonly why: string }[];
}

/** Edits the endpoint at a node, which answers when all nodes run it or `waitMs` have passed. */
export async function edit(node: ClusterNode, weights: readonly number[], waitMs = 10_000): Promise<AppliedEdit> {
  const answer = await asked(node, `/api/v1/apply?waitMs=${waitMs}`, endpointManifest(weights));
  const { edit: made } = answer as { readonly edit: AppliedEdit };
  return made;
}

async function asked({ url }: ClusterNode, path: string, body: unknown): Promise<unknown> {
  const json = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`${url}${path}`, { method: 'POST', ...json });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
