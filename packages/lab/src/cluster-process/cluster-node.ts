import { writeFileSync } from 'node:fs';
import type { GrpcClient } from '@modelmesh/grpc/call';
import { type LogLine, NodeProcess, type NodeProcessOptions, type ProcessEnd, splitAddress } from '../node-process/index.ts';

/** What a node of a cluster is started with, again after each of its ends. */
export interface ClusterNodePlan extends Pick<NodeProcessOptions, 'flags' | 'environment' | 'readyTimeoutMs' | 'networkSpace'> {
  /** Its instance id. */
  readonly id: string;
  /** Its data; stays between its lives. */
  readonly folder: string;
}

/**
 * One node of a {@link ClusterProcess} over all its lives. It keeps its id, its data and its inference port, so that clients that name it
 * find it again.
 */
export class ClusterNode {
  readonly id: string;
  readonly #plan: ClusterNodePlan;
  readonly #lives: NodeProcess[];
  #isPaused = false;

  private constructor(plan: ClusterNodePlan, first: NodeProcess) {
    this.id = plan.id;
    this.#plan = plan;
    this.#lives = [first];
  }

  /** Starts the node and waits until it is ready. @throws with the last lines of its log if it does not become so */
  static async start(plan: ClusterNodePlan): Promise<ClusterNode> {
    return new ClusterNode(plan, await live(plan, '0'));
  }

  /** The newest life, also after its end. */
  get process(): NodeProcess {
    const newest = this.#lives.at(-1);
    if (newest === undefined) throw new Error(`node ${this.id} never started`);
    return newest;
  }

  /** Whether its process runs; a paused one does. */
  get isRunning(): boolean {
    return !this.process.program.hasEnded;
  }

  /** `http://host:port` of its inference port, the same in each life. */
  get url(): string {
    return this.process.url;
  }

  /** A gRPC client on a connection to the newest life. */
  get client(): GrpcClient {
    return this.process.client;
  }

  /** Log lines of all lives, oldest first. */
  get log(): readonly LogLine[] {
    return this.#lives.flatMap(({ program }) => program.log);
  }

  /** `kill -9`. Its embedded runtime ends with it. */
  kill(): Promise<ProcessEnd> {
    return this.process.kill('SIGKILL');
  }

  /** SIGTERM: it drains, and ends with 0. */
  async stop(): Promise<ProcessEnd> {
    this.resume();
    return this.process.stop();
  }

  /** SIGSTOP: it keeps its connections and answers nothing; its runtime goes on. */
  pause(): void {
    this.process.program.process.kill('SIGSTOP');
    this.#isPaused = true;
  }

  /** SIGCONT, where it is paused. */
  resume(): void {
    if (!this.#isPaused) return;
    this.process.program.process.kill('SIGCONT');
    this.#isPaused = false;
  }

  /** Starts its next life, at the same inference port, and waits until it is ready. @throws where the one before still runs */
  async restart(): Promise<void> {
    if (this.isRunning) throw new Error(`node ${this.id} still runs: stop or kill it first`);
    const [, port] = splitAddress(this.process.addresses.inference);
    this.#isPaused = false;
    this.#lives.push(await live(this.#plan, port));
  }

  /** Writes what every life logged into one file, lines of JSON first, then plain text. */
  writeLog(path: string): void {
    const lines = this.#lives.flatMap(({ program }) => [...program.log.map((line) => JSON.stringify(line)), ...program.text]);
    writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  }
}

const live = (
  { id, folder, flags, environment, readyTimeoutMs, networkSpace }: ClusterNodePlan,
  port: string,
): Promise<NodeProcess> =>
  NodeProcess.start({
    folder,
    flags: { 'instance-id': id, 'listeners-inference-port': port, ...flags },
    ...(environment === undefined ? {} : { environment }),
    ...(readyTimeoutMs === undefined ? {} : { readyTimeoutMs }),
    ...(networkSpace === undefined ? {} : { networkSpace }),
  });
