import { createHash } from 'node:crypto';
import type { ClusterNode } from '../cluster-process/index.ts';
import { eventually } from '../faults/index.ts';

/** How long a node may take to know what others registered, before the run fails. */
const SEEN_WITHIN_MS = 60_000;
/** The largest page that the REST API gives. */
const PAGE_ITEMS = 1000;

/**
 * All models of a node's picture: how many, and a digest of what was registered of each. Copies are left out: free room is filled with what is there, while
 * it is listed too, and each node knows of its own copies what the others cannot.
 */
export interface ListedModels {
  readonly count: number;
  readonly digest: string;
}

/** What a registration says; every node must say the same of it. */
const REGISTERED = [
  'key',
  'family',
  'version',
  'type',
  'path',
  'sha256',
  'retry',
  'references',
  'autoDelete',
  'createdAt',
  'generation',
];

/** @returns for each node the time from `sinceMs` (monotonic) until it knows all `keys`, in milliseconds */
export const seenBy = (nodes: readonly ClusterNode[], keys: readonly string[], sinceMs: number): Promise<readonly number[]> =>
  Promise.all(
    nodes.map(async (node) => {
      for (const key of keys) await eventually(`${key} at ${node.id}`, SEEN_WITHIN_MS, () => knows(node, key));
      return performance.now() - sinceMs;
    }),
  );

async function knows({ url }: ClusterNode, key: string): Promise<true | undefined> {
  const response = await fetch(`${url}/api/v1/models/${key}`);
  await response.arrayBuffer();
  return response.ok ? true : undefined;
}

/** Lists all models of a node, page by page. */
export async function listedModels({ url }: ClusterNode): Promise<ListedModels> {
  const digest = createHash('sha256');
  let count = 0;
  for (let after: string | null = ''; after !== null; ) {
    const query = after === '' ? '' : `&after=${encodeURIComponent(after)}`;
    const response = await fetch(`${url}/api/v1/models?limit=${PAGE_ITEMS}${query}`);
    if (!response.ok) throw new Error(`${url} does not list its models: ${response.status} ${await response.text()}`);
    const { items, next } = (await response.json()) as { readonly items: readonly unknown[]; readonly next: string | null };
    count += items.length;
    for (const item of items) digest.update(JSON.stringify(item, REGISTERED));
    after = next;
  }
  return { count, digest: digest.digest('hex') };
}
