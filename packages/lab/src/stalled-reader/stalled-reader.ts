import { setTimeout as pause } from 'node:timers/promises';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { median } from '../figures/index.ts';
import { type GrpcConnection, NodeProcess } from '../node-process/index.ts';
import { type EchoPlan, EchoStream } from './echo-stream.ts';

/**
 * Streams through a node to one model, all on one connection of a client and one of the node's to its runtime. There are two such nodes side by side, and
 * one reader of one of them stalls: what else the machine does slows both alike.
 */
export interface StalledReaderPlan {
  readonly streams: number;
  readonly messageBytes: number;
  /** Bytes that the stalled reader has asked for and does not read. */
  readonly unreadBytes: number;
  /** In each round first a reader of the one node stalls, then one of the other. */
  readonly rounds: number;
  readonly phaseMs: number;
}

/** The run of the claim. */
export const STALLED_READER: StalledReaderPlan = {
  streams: 100,
  messageBytes: 16_384,
  unreadBytes: 4_194_304,
  rounds: 7,
  phaseMs: 2000,
};

/** What a run showed. */
export interface StalledReaderFigures {
  readonly streams: number;
  readonly messageBytes: number;
  readonly rounds: number;
  /** What came back to the streams of a node where all read, and to the others where one stalls, in MiB a second, the medians. */
  readonly allReadMiBps: number;
  readonly oneStalledMiBps: number;
  /** With one stalled against all reading at the same time, the median of the rounds. */
  readonly ratio: number;
  /** The largest part of its answers that the stalled reader was given while it read nothing. */
  readonly unreadBytesMax: number;
}

const MIB = 1_048_576;
/** From a change until it is measured: what the stalled reader has asked for is work of its own. */
const SETTLE_MS = 700;

/** A node with the streams through it. */
class Rig implements AsyncDisposable {
  readonly stalling: EchoStream;
  readonly others: readonly EchoStream[];
  readonly #node: NodeProcess;
  readonly #link: GrpcConnection;

  private constructor(node: NodeProcess, link: GrpcConnection, [stalling, ...others]: readonly EchoStream[]) {
    if (stalling === undefined) throw new Error('there are no streams');
    this.#node = node;
    this.#link = link;
    this.stalling = stalling;
    this.others = others;
  }

  static async start(plan: StalledReaderPlan): Promise<Rig> {
    const node = await NodeProcess.start({ flags: { 'runtime-server': 'null' } });
    await node.client.unary(ModelMesh.method.registerModel, { modelId: 'echo', modelInfo: { type: 'null', path: 'size 4096' } });
    const link = node.connect();
    const echo: EchoPlan = {
      path: '/lab.Echo/Stream',
      metadata: ['mm-model-id', 'echo'],
      messageBytes: plan.messageBytes,
      messagesUnderWay: 2,
    };
    return new Rig(
      node,
      link,
      Array.from({ length: plan.streams }, () => new EchoStream(link.connection, echo)),
    );
  }

  /** What has come back to all streams but the one that stalls now and then. */
  get readBytes(): number {
    return this.others.reduce((total, { readBytes }) => total + readBytes, 0);
  }

  /** @throws if a stream has ended */
  check(): void {
    for (const { end } of [this.stalling, ...this.others]) if (end !== undefined) throw new Error(`a stream has ended: ${end}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of [this.stalling, ...this.others]) stream.close();
    this.#link.close();
    await this.#node[Symbol.asyncDispose]();
  }
}

/** Runs the plan. @throws if a stream ends, or the stalled one stalls nothing */
export async function runStalledReader(plan: StalledReaderPlan): Promise<StalledReaderFigures> {
  await using first = await Rig.start(plan);
  await using second = await Rig.start(plan);
  const [allRead, oneStalled, ratios]: [number[], number[], number[]] = [[], [], []];
  let unreadBytesMax = 0;
  await ratesOf(first, second, plan.phaseMs);
  for (let round = 0; round < plan.rounds; round += 1) {
    let product = 1;
    for (const [stalls, reads] of [
      [first, second],
      [second, first],
    ] as const) {
      const { stalling } = stalls;
      stalling.stall(plan.unreadBytes);
      const [withOne, without] = await ratesOf(stalls, reads, plan.phaseMs);
      unreadBytesMax = Math.max(unreadBytesMax, stalling.unreadBytes);
      if (stalling.unreadBytes >= plan.unreadBytes)
        throw new Error('the stalled reader was given everything: nobody was stalled');
      stalling.read();
      oneStalled.push(withOne);
      allRead.push(without);
      product *= withOne / without;
      stalls.check();
    }
    // Of both ways round, so that which node is faster counts for nothing.
    ratios.push(Math.sqrt(product));
  }
  return {
    streams: plan.streams,
    messageBytes: plan.messageBytes,
    rounds: plan.rounds,
    allReadMiBps: median(allRead),
    oneStalledMiBps: median(oneStalled),
    ratio: median(ratios),
    unreadBytesMax,
  };
}

/** What comes back through either node at the same time, in MiB a second, over `forMs`. */
async function ratesOf(one: Rig, other: Rig, forMs: number): Promise<readonly [number, number]> {
  await pause(SETTLE_MS);
  const [began, ...before] = [performance.now(), one.readBytes, other.readBytes];
  await pause(forMs);
  const seconds = (performance.now() - began) / 1000;
  const rate = (rig: Rig, at: number): number => (rig.readBytes - (before[at] ?? 0)) / MIB / seconds;
  return [rate(one, 0), rate(other, 1)];
}
