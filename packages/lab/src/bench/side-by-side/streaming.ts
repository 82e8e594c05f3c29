import { digits, judged, mebibytes, median, type Table } from '../../figures/index.ts';
import type { LoadProcess } from '../../load/index.ts';
import { processUsage, threadsCpuMs } from '../../process-usage/index.ts';
import { BENCH_MODEL, BENCH_PATH, WAY_TITLES, type Way, type WayName } from '../ways/index.ts';

/** Streams that are open at the same time. */
export const OPEN_STREAMS = 10_000;
/** As many as servers commonly allow on one connection. */
const STREAMS_PER_CONNECTION = 100;
const MESSAGE_BYTES = 256;
const ROUNDS = 5;

/** What open streams cost one way. */
export interface StreamingFigures {
  readonly streams: number;
  /** Resident memory of the way's processes that an open stream adds, in bytes. */
  readonly bytesPerStream: number;
  readonly residentBytes: number;
  /** CPU of a message and its answer on a stream that is open; medians of rounds with one message on each. */
  readonly cpuUs: number;
  readonly messagesPerSecond: number;
  readonly p99Ms: number;
}

/** Ways that have streams of their own; a TCP proxy knows none. */
export const STREAMING_WAYS: readonly WayName[] = ['h2', 'node-http2', 'nginx', 'envoy'];

/** Opens the streams, sends a message on each in rounds, and ends them. @throws if one of them fails */
export async function measureStreaming(way: Way, load: LoadProcess, streams = OPEN_STREAMS): Promise<StreamingFigures> {
  const resident = (): number => way.pids().reduce((sum, pid) => sum + processUsage(pid).residentBytes, 0);
  const cpuMs = (): number => way.pids().reduce((sum, pid) => sum + threadsCpuMs(pid), 0);
  const before = resident();
  await load.hold({
    port: way.port,
    path: BENCH_PATH,
    metadata: ['mm-model-id', BENCH_MODEL, 'bench-stream', '1'],
    messageBytes: MESSAGE_BYTES,
    connections: streams / STREAMS_PER_CONNECTION,
    streamsPerConnection: STREAMS_PER_CONNECTION,
  });
  const rounds: { readonly cpuUs: number; readonly perSecond: number; readonly p99Ms: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const began = cpuMs();
    const { perSecond, p99Ms } = await load.round();
    rounds.push({ perSecond, p99Ms, cpuUs: ((cpuMs() - began) * 1000) / streams });
  }
  const residentBytes = resident();
  await load.release();
  return {
    streams,
    bytesPerStream: (residentBytes - before) / streams,
    residentBytes,
    cpuUs: median(rounds.map(({ cpuUs }) => cpuUs)),
    messagesPerSecond: median(rounds.map(({ perSecond }) => perSecond)),
    p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
  };
}

/** A line for each way; the mesh is judged by whether it held all streams, which is what it is here for. */
export function streamingTable(figures: Readonly<Partial<Record<WayName, StreamingFigures>>>): Table {
  return {
    title: `${OPEN_STREAMS} open streams on connections of ${STREAMS_PER_CONNECTION}, ${MESSAGE_BYTES} B on each at once`,
    columns: ['', 'open', 'KiB a stream', 'resident', 'CPU µs a message', 'messages a second', 'p99 ms of a round'],
    rows: Object.entries(figures).map(([name, one]) => [
      WAY_TITLES[name as WayName],
      judged(String(one.streams), one.streams >= OPEN_STREAMS),
      digits(one.bytesPerStream / 1024, 1),
      mebibytes(one.residentBytes),
      digits(one.cpuUs, 1),
      digits(one.messagesPerSecond, 0),
      digits(one.p99Ms, 0),
    ]),
  };
}
