import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EtcdTools } from '@modelmesh/mesh/kv/testing';
import { RestClient } from '@modelmesh/sdk/client';
import { type ClusterNode, ClusterProcess } from '../cluster-process/index.ts';
import { applyModel, eventually, ROW, writeModel } from '../faults/index.ts';
import { freeFolder, scrape } from '../node-process/index.ts';
import { DECIDERS, type Decider } from './deciders.ts';

/** Where the copy is when the call comes. */
export const PLACES = ['local', 'forwarded', 'cold'] as const;
/** One of {@link PLACES}. */
export type Place = (typeof PLACES)[number];

/** Models that load, by the name of their variant. */
const MODELS = ['stable', 'canary'] as const;
const KEY_BYTES = 32;
const WITHIN_MS = 30_000;

/** Name of the endpoint of a decider. */
export const endpointOf = ({ name }: Decider): string => `by-${name}`;

/** Two real nodes, the models of all variants, and an endpoint for each decider. */
export class EndpointStage implements AsyncDisposable {
  readonly #cluster: ClusterProcess;
  readonly #answers: ReadonlyMap<string, readonly number[]>;
  readonly #removeFolder: () => Promise<void>;

  private constructor(
    cluster: ClusterProcess,
    answers: ReadonlyMap<string, readonly number[]>,
    removeFolder: () => Promise<void>,
  ) {
    this.#cluster = cluster;
    this.#answers = answers;
    this.#removeFolder = removeFolder;
  }

  /** Starts the nodes and applies models and endpoints. */
  static async start(etcd: EtcdTools): Promise<EndpointStage> {
    const folder = await freeFolder();
    const keys = join(folder.path, 'token-keys');
    writeFileSync(keys, `k:${randomBytes(KEY_BYTES).toString('base64')}\n`, { mode: 0o600 });
    const flags = { 'runtime-server': 'onnx', 'runtime-workers': '1', 'tokens-keys': keys };
    const cluster = await ClusterProcess.start({ nodes: 2, etcd, flags });
    const removeFolder = async (): Promise<void> => folder[Symbol.asyncDispose]();
    const answers = new Map<string, readonly number[]>();
    const stage = new EndpointStage(cluster, answers, removeFolder);
    try {
      const node = cluster.node(0);
      for (const [seed, name] of MODELS.entries()) {
        const file = writeModel(folder.path, name, seed + 1);
        answers.set(name, file.answer(ROW));
        await applyModel(node.process, name, { storage: { uri: file.uri }, spec: { copies: { max: 1 } } });
      }
      await applyModel(node.process, 'broken', { storage: { uri: `file://${join(folder.path, 'not-there.onnx')}` } });
      const rest = new RestClient(node.url);
      for (const decider of DECIDERS) {
        const metadata = { name: endpointOf(decider) };
        await rest.apply({ apiVersion: 'modelmesh.io/v1alpha1', kind: 'Endpoint', metadata, spec: decider.spec });
      }
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A node where calls may enter before it matters where. */
  get anyNode(): ClusterNode {
    return this.#cluster.node(0);
  }

  /** The row with which a model answers. */
  answerOf(model: string): readonly number[] {
    return this.#answers.get(model) ?? [];
  }

  /** Brings the copy of a model to its place; the node where the call is to enter, and the one that must answer (`null`: either). */
  async place(model: string, place: Place): Promise<{ readonly entry: ClusterNode; readonly answers: ClusterNode | null }> {
    const [first, second] = [this.#cluster.node(0), this.#cluster.node(1)];
    if (place === 'cold') {
      await this.#post(first, `/v2/repository/models/${model}/unload`);
      await eventually(`${model} is unloaded`, WITHIN_MS, async () => ((await this.#holder(model)) === null ? true : undefined));
      return { entry: first, answers: null };
    }
    await this.#post(first, `/api/v1/models/${model}:load`);
    const holder = await eventually(
      `${model} has a copy that both nodes know`,
      WITHIN_MS,
      async () => (await this.#holder(model)) ?? undefined,
    );
    const other = holder === first ? second : first;
    return { entry: place === 'local' ? holder : other, answers: holder };
  }

  /** How often calls of a variant were answered, and it was picked for this reason, at a node where they entered. */
  async counts(node: ClusterNode, endpoint: string, variant: string, reason: string) {
    const page = await scrape(node.process);
    const labels = `endpoint="${endpoint}",variant="${variant}"`;
    return {
      answered: page.get(`mesh_variant_requests_total{${labels},code="OK"}`) ?? 0,
      picked: page.get(`mesh_variant_picks_total{${labels},reason="${reason}"}`) ?? 0,
      timed: page.get(`mesh_variant_request_milliseconds_count{${labels}}`) ?? 0,
    };
  }

  /** Pairs of live call and shadow that were compared so far, and those in which nothing differed, over both nodes. */
  async pairs(endpoint: string): Promise<{ readonly pairs: number; readonly equal: number; readonly dropped: number }> {
    const { mirrors } = await new RestClient(this.#cluster.node(0).url).diff(endpoint);
    const segments = mirrors.flatMap((one) => one.segments);
    const sum = (of: (segment: (typeof segments)[number]) => number): number =>
      segments.reduce((total, one) => total + of(one), 0);
    return {
      pairs: sum(({ pairs }) => pairs),
      equal: sum(({ equal }) => equal),
      dropped: sum(({ dropped }) => Object.values(dropped).reduce((total, count) => total + count, 0)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]();
    await this.#removeFolder();
  }

  /** The node with the one copy that is loaded, if both nodes know of it; `null` if neither knows of any. */
  async #holder(model: string): Promise<ClusterNode | null | undefined> {
    const told = await Promise.all(this.#cluster.nodes.map(({ url }) => copiesOf(url, model)));
    if (told.every((copies) => copies.length === 0)) return null;
    const [[here], [there]] = [told[0] ?? [], told[1] ?? []];
    if (here === undefined || here.instance !== there?.instance) return undefined;
    // Only the node itself knows for certain that it is loaded; the other one takes it for loaded after a while.
    const own = [here, there][this.#cluster.nodes.findIndex(({ id }) => id === here.instance)];
    if (own?.status !== 'LOADED') return undefined;
    return this.#cluster.nodes.find(({ id }) => id === here.instance);
  }

  async #post({ url }: ClusterNode, path: string): Promise<void> {
    const response = await fetch(`${url}${path}`, { method: 'POST' });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  }
}

async function copiesOf(url: string, model: string): Promise<readonly { readonly instance: string; readonly status: string }[]> {
  const response = await fetch(`${url}/api/v1/models/${model}`);
  const { copies } = (await response.json()) as {
    readonly copies: readonly { readonly instance: string; readonly status: string }[];
  };
  return copies;
}
