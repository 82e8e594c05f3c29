import { durationMs, sleep, type Timer } from '@modelmesh/core';
import type { Cli } from '../cli.ts';
import { AdvisedError } from '../failure.ts';
import { rowsTaken, styled, tableText } from '../output/index.ts';
import type { ClusterNode } from './cluster-node.ts';
import { askNode, type NodeRow, nodeColumns } from './node-rows.ts';
import type { PrivateEtcd } from './private-etcd.ts';

/** What is followed. */
export interface FollowerParts {
  readonly cli: Cli;
  readonly nodes: readonly ClusterNode[];
  readonly etcd: PrivateEtcd | undefined;
  readonly restart: boolean;
  /** Writes the cluster's file: something in it has changed. */
  readonly save: () => void;
}

const REFRESH_MS = durationMs(1000);
/** Pause before a node is started again; doubled with each of its ends, so that one that cannot start does not spin. */
const RESTART_PAUSE_MIN_MS = 1000;
const RESTART_PAUSE_MAX_MS = 30_000;

/** Starts the nodes of a cluster and shows how they are until Ctrl-C, or until all of them are gone. */
export class ClusterFollower {
  readonly #parts: FollowerParts;
  /** Nodes that were heard in their newest life. */
  readonly #heard = new Set<ClusterNode>();
  readonly #pauses = new Set<Timer>();
  readonly #told = new Map<string, string>();
  /** Of the terminal, which the last table takes. */
  #tableRows = 0;
  #wasReady = false;
  #over = new AbortController();
  #failure: AdvisedError | undefined;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  /** @throws {MeshError} `unavailable` where etcd or all nodes ended by themselves, with the last lines of one of them */
  async run(): Promise<void> {
    const { cli, nodes, etcd } = this.#parts;
    const { clock, interrupted } = cli.world;
    void etcd?.child.ended.then(() => this.#fail(`etcd ended by itself:\n${etcd.child.lastLines().join('\n')}`));
    for (const node of nodes) this.#start(node);
    const stop = AbortSignal.any([interrupted, this.#over.signal]);
    while (!stop.aborted) {
      const rows = await Promise.all(nodes.map((node) => this.#rowOf(node)));
      if (!stop.aborted) this.#show(rows);
      await sleep(clock, REFRESH_MS, stop).catch(() => undefined);
    }
    for (const pause of this.#pauses) pause.cancel();
    if (!interrupted.aborted && this.#failure !== undefined) throw this.#failure;
  }

  #start(node: ClusterNode): void {
    this.#heard.delete(node);
    node.start((ended) => this.#ended(ended));
    this.#parts.save();
  }

  #ended(node: ClusterNode): void {
    const { cli, nodes, restart } = this.#parts;
    const { world } = cli;
    if (world.interrupted.aborted || this.#over.signal.aborted) return;
    if (restart) {
      const pauseMs = Math.min(RESTART_PAUSE_MAX_MS, RESTART_PAUSE_MIN_MS * 2 ** (node.lives - 1));
      const timer = world.clock.after(durationMs(pauseMs), () => {
        this.#pauses.delete(timer);
        this.#start(node);
      });
      this.#pauses.add(timer);
      return;
    }
    if (nodes.every(({ end }) => end !== undefined))
      this.#fail(`all nodes ended; the last one said:\n${(node.end?.lastLines ?? []).join('\n')}`);
  }

  #fail(message: string): void {
    this.#failure ??= new AdvisedError('unavailable', message);
    this.#over.abort();
  }

  async #rowOf(node: ClusterNode): Promise<NodeRow> {
    const row = await askNode(this.#parts.cli.world, node.recorded, node.end === undefined, this.#heard.has(node));
    if (row.sees !== null) this.#heard.add(node);
    return row;
  }

  /** A terminal gets a table that is drawn anew in its place; anything else a table when all are ready, and a line for each change then. */
  #show(rows: readonly NodeRow[]): void {
    const { out } = this.#parts.cli.world;
    const ready = rows.every(({ state, sees }) => state === 'ready' && sees === rows.length - 1);
    if (out.isTerminal) {
      const text = `${this.#table(rows)}\n${styled(out, 'bold', 'Ctrl-C ends the cluster.')}\n`;
      const back = this.#tableRows === 0 ? '' : `\u001b[${this.#tableRows}A\u001b[0J`;
      out.write(back + text);
      this.#tableRows = rowsTaken(text, out.columns);
      return;
    }
    if (!this.#wasReady && ready) {
      this.#wasReady = true;
      out.write(`${this.#table(rows)}the cluster is ready; SIGTERM or Ctrl-C ends it\n`);
    } else if (this.#wasReady)
      for (const { id, state } of rows) if (this.#told.get(id) !== state) out.write(`${id} is ${state}\n`);
    for (const { id, state } of rows) this.#told.set(id, state);
  }

  #table(rows: readonly NodeRow[]): string {
    return tableText(nodeColumns(this.#parts.cli.world), rows);
  }
}
