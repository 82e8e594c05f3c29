import { setTimeout as pause } from 'node:timers/promises';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { median, pairedRatios } from '../figures/index.ts';
import { NodeProcess } from '../node-process/index.ts';
import { type EchoPlan, EchoStream } from './echo-stream.ts';

/** Streams through a node to one model, all on one connection of a client and one of the node's to its runtime. One of them stalls now and then. */
export interface StalledReaderPlan {
  readonly streams: number;
  readonly messageBytes: number;
  /** Bytes that the stalled reader has asked for and does not read. */
  readonly unreadBytes: number;
  readonly rounds: number;
  readonly phaseMs: number;
}

/** The run of the claim. */
export const STALLED_READER: StalledReaderPlan = {
  streams: 100,
  messageBytes: 16_384,
  unreadBytes: 16_777_216,
  rounds: 7,
  phaseMs: 3000,
};

/** What a run showed. */
export interface StalledReaderFigures {
  readonly streams: number;
  readonly messageBytes: number;
  readonly rounds: number;
  /** What came back to the other streams, in MiB a second, the medians. */
  readonly allReadMiBps: number;
  readonly oneStalledMiBps: number;
  /** With one stalled against all reading, the median of the rounds. */
  readonly ratio: number;
  /** The largest part of its answers that the stalled reader was given while it read nothing. */
  readonly unreadBytesMax: number;
}

const MIB = 1_048_576;
/** From a change until it is measured. */
const SETTLE_MS = 300;

/** Runs the plan. @throws if a stream ends, or the stalled one stalls nothing */
export async function runStalledReader(plan: StalledReaderPlan): Promise<StalledReaderFigures> {
  await using node = await NodeProcess.start({ flags: { 'runtime-server': 'null' } });
  await node.client.unary(ModelMesh.method.registerModel, { modelId: 'echo', modelInfo: { type: 'null', path: 'size 4096' } });
  using link = node.connect();
  const echo: EchoPlan = {
    path: '/lab.Echo/Stream',
    metadata: ['mm-model-id', 'echo'],
    messageBytes: plan.messageBytes,
    messagesUnderWay: 2,
  };
  const streams = Array.from({ length: plan.streams }, () => new EchoStream(link.connection, echo));
  const [one, ...others] = streams;
  if (one === undefined) throw new Error('there are no streams');
  const [allRead, oneStalled]: [number[], number[]] = [[], []];
  let unreadBytesMax = 0;
  await rateOf(others, plan.phaseMs);
  for (let round = 0; round < plan.rounds; round += 1) {
    allRead.push(await rateOf(others, plan.phaseMs));
    one.stall(plan.unreadBytes);
    oneStalled.push(await rateOf(others, plan.phaseMs));
    unreadBytesMax = Math.max(unreadBytesMax, one.unreadBytes);
    if (one.unreadBytes >= plan.unreadBytes) throw new Error('the stalled reader was given everything: nobody was stalled');
    one.read();
    for (const { end } of streams) if (end !== undefined) throw new Error(`a stream has ended: ${end}`);
  }
  for (const stream of streams) stream.close();
  return {
    streams: plan.streams,
    messageBytes: plan.messageBytes,
    rounds: plan.rounds,
    allReadMiBps: median(allRead),
    oneStalledMiBps: median(oneStalled),
    ratio: median(pairedRatios(oneStalled, allRead)),
    unreadBytesMax,
  };
}

/** What comes back to `streams`, in MiB a second, over `forMs`. */
async function rateOf(streams: readonly EchoStream[], forMs: number): Promise<number> {
  const sum = (): number => streams.reduce((total, { readBytes }) => total + readBytes, 0);
  await pause(SETTLE_MS);
  const [began, before] = [performance.now(), sum()];
  await pause(forMs);
  return (sum() - before) / MIB / ((performance.now() - began) / 1000);
}
