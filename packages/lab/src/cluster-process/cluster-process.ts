import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { durationMs, sleep } from '@modelmesh/core';
import { EtcdProcess, type EtcdTools } from '@modelmesh/mesh/kv/testing';
import { freeFolder, realClock } from '../node-process/index.ts';
import { ClusterNode, type ClusterNodePlan } from './cluster-node.ts';

/** How a cluster is started. */
export interface ClusterProcessOptions {
  /** How many nodes, at least 1. Each takes a process for itself and one for its runtime. */
  readonly nodes: number;
  /** Where etcd is, as `etcdTools` finds it. */
  readonly etcd: EtcdTools;
  /** Settings by their flag without dashes, for every node, or for the node of a number, from 0. The null runtime unless they say otherwise. */
  readonly flags?: Readonly<Record<string, string>> | ((node: number) => Readonly<Record<string, string>>);
  /** Variables for every node beside the few that each child gets. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The address of this machine where etcd listens and nodes look for it; the loopback unless given. */
  readonly etcdHost?: string;
  /** The network namespace that the node of a number, from 0, runs in; that of this process where it is `undefined`. */
  readonly networkSpace?: (node: number) => string | undefined;
  /** How long the start of one node may take, in milliseconds; 60 000 unless given, since they start together. */
  readonly readyTimeoutMs?: number;
}

const READY_TIMEOUT_MS = 60_000;
const CONVERGE_TIMEOUT_MS = 30_000;
const LOOK_AGAIN_MS = durationMs(50);

/**
 * A mesh as it is deployed: an etcd, and nodes with their runtimes, all of them processes on free ports of the loopback, with data below
 * one temporary folder. `await using` ends what it started, and nothing else.
 */
export class ClusterProcess implements AsyncDisposable {
  /** Can be killed, signalled and started again. */
  readonly etcd: EtcdProcess;
  /** Below it lies the data of all nodes. */
  readonly folder: string;
  readonly #nodes: ClusterNode[] = [];
  readonly #options: ClusterProcessOptions;
  readonly #removeFolder: () => Promise<void>;

  private constructor(etcd: EtcdProcess, folder: string, options: ClusterProcessOptions, removeFolder: () => Promise<void>) {
    this.etcd = etcd;
    this.folder = folder;
    this.#options = options;
    this.#removeFolder = removeFolder;
  }

  /** Starts etcd, then all nodes at once, and resolves when each of them sees all. @throws when one does not become ready; nothing is left then */
  static async start(options: ClusterProcessOptions): Promise<ClusterProcess> {
    const own = await freeFolder();
    const etcd = await EtcdProcess.alone(options.etcd, options.etcdHost === undefined ? {} : { host: options.etcdHost });
    const cluster = new ClusterProcess(etcd, own.path, options, async () => own[Symbol.asyncDispose]());
    try {
      await cluster.#startNodes(options.nodes);
      await cluster.converged();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** In the order of their start; `add` appends. */
  get nodes(): readonly ClusterNode[] {
    return this.#nodes;
  }

  /** The node of a number, from 0. @throws where there is none */
  node(at: number): ClusterNode {
    const found = this.#nodes[at];
    if (found === undefined) throw new Error(`the cluster has no node ${at}, it has ${this.#nodes.length}`);
    return found;
  }

  /** Starts one more node. */
  async add(): Promise<ClusterNode> {
    const node = await ClusterNode.start(this.#planOf(this.#nodes.length));
    this.#nodes.push(node);
    return node;
  }

  /** Resolves when each running node lists exactly the running ones. @throws after half a minute, with what each listed last */
  async converged(timeoutMs = CONVERGE_TIMEOUT_MS): Promise<void> {
    const untilMs = realClock.monotonicMs() + timeoutMs;
    for (;;) {
      const running = this.#nodes.filter(({ isRunning }) => isRunning);
      const wanted = running.map(({ id }) => id).sort();
      const seen = await Promise.all(running.map(instancesSeenBy));
      if (seen.every((ids) => ids.join() === wanted.join())) return;
      if (realClock.monotonicMs() > untilMs)
        throw new Error(`the nodes do not agree on ${wanted} within ${timeoutMs} ms; they see ${JSON.stringify(seen)}`);
      await sleep(realClock, LOOK_AGAIN_MS, new AbortController().signal);
    }
  }

  /** Writes the log of each node into `<folder>/<id>.log`, for scripts that keep what happened. */
  writeLogs(folder: string): void {
    mkdirSync(folder, { recursive: true });
    for (const node of this.#nodes) node.writeLog(join(folder, `${node.id}.log`));
  }

  /** Ends the nodes in order, then etcd, and removes the data. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
    await this.etcd.dispose();
    await this.#removeFolder();
  }

  async #startNodes(count: number): Promise<void> {
    const starts = Array.from({ length: count }, (_, at) => ClusterNode.start(this.#planOf(at)));
    const outcomes = await Promise.allSettled(starts);
    // Kept first, so that those that did start are ended where another did not.
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') this.#nodes.push(outcome.value);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  #planOf(at: number): ClusterNodePlan {
    const { flags = {}, environment = {}, readyTimeoutMs = READY_TIMEOUT_MS } = this.#options;
    const networkSpace = this.#options.networkSpace?.(at);
    const id = `n${at}`;
    const folder = join(this.folder, id);
    mkdirSync(folder, { recursive: true });
    return {
      id,
      folder,
      flags: { 'runtime-server': 'null', ...(typeof flags === 'function' ? flags(at) : flags) },
      environment: { KV_STORE: `etcd:http://${this.etcd.endpoint.host}:${this.etcd.port}`, ...environment },
      readyTimeoutMs,
      ...(networkSpace === undefined ? {} : { networkSpace }),
    };
  }
}

/** Ids of the instances that a node lists and that do not leave; none while it does not answer. */
async function instancesSeenBy({ url }: ClusterNode): Promise<readonly string[]> {
  try {
    const response = await fetch(`${url}/api/v1/instances`);
    const { items } = (await response.json()) as { readonly items: readonly { id: string; shuttingDown: boolean }[] };
    return items.flatMap(({ id, shuttingDown }) => (shuttingDown ? [] : [id])).sort();
  } catch {
    return [];
  }
}
