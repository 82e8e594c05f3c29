import { join } from 'node:path';
import { nodeCommand } from '../programs/index.ts';
import type { Child, CliWorld } from '../world.ts';
import type { RecordedNode } from './cluster-file.ts';

/** What a node is started with, again after each of its ends. */
export interface ClusterNodePlan {
  readonly id: string;
  readonly port: number;
  readonly peerPort: number;
  /** Of the cluster; the node's data lie below it. */
  readonly folder: string;
  /** As `KV_STORE` has it. */
  readonly registry: string;
  /** The server of the embedded runtime; its own default unless given. */
  readonly runtime: string | undefined;
  /** Further flags of the node; they come last. */
  readonly flags: readonly string[];
}

/** How a node that ended by itself is told of. */
export interface NodeEnd {
  readonly code: number;
  readonly lastLines: readonly string[];
}

/** One node of a cluster over its lives. */
export class ClusterNode {
  readonly plan: ClusterNodePlan;
  /** How often it was started. */
  lives = 0;
  /** How its newest life ended; `undefined` while it runs. */
  end: NodeEnd | undefined;
  readonly #world: CliWorld;
  #child: Child | undefined;

  constructor(world: CliWorld, plan: ClusterNodePlan) {
    this.#world = world;
    this.plan = plan;
  }

  /** Where it writes: another file for each life. */
  get log(): string {
    return join(this.plan.folder, `${this.plan.id}${this.lives > 1 ? `.${this.lives}` : ''}.log`);
  }

  /** As the cluster's file has it. */
  get recorded(): RecordedNode {
    return { id: this.plan.id, port: this.plan.port, pid: this.#child?.pid ?? null, log: this.log };
  }

  /** Begins its next life; `ended` hears of its end. */
  start(ended: (node: ClusterNode) => void): void {
    this.lives += 1;
    this.end = undefined;
    const child = this.#world.start(nodeCommand(this.#worldOf(), this.#flags()), this.log);
    this.#child = child;
    void child.ended.then((code) => {
      this.end = { code, lastLines: child.lastLines() };
      ended(this);
    });
  }

  /** Sends it a signal, if it runs. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.end === undefined) this.#child?.kill(signal);
  }

  /** Resolves when its newest life is over. */
  async ended(): Promise<void> {
    await this.#child?.ended;
  }

  #worldOf(): CliWorld {
    return { ...this.#world, env: { ...this.#world.env, KV_STORE: this.plan.registry } };
  }

  #flags(): readonly string[] {
    const { id, port, peerPort, folder, runtime, flags } = this.plan;
    const own = {
      'instance-id': id,
      'data-dir': join(folder, id),
      'listeners-inference-host': '127.0.0.1',
      'listeners-inference-port': String(port),
      'peer-host': '127.0.0.1',
      'peer-port': String(peerPort),
      'peer-address': '127.0.0.1',
      'probes-port': 'none',
      'prestop-port': 'none',
      'metrics-port': 'none',
      ...(runtime === undefined ? {} : { 'runtime-server': runtime }),
    };
    return [...Object.entries(own).flatMap(([name, value]) => [`--${name}`, value]), ...flags];
  }
}
