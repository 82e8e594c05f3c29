import { setTimeout as pause } from 'node:timers/promises';
import { frameMessage } from '@modelmesh/grpc/framing';
import {
  type ByteStream,
  type ClientConnection,
  type HeaderBlock,
  headerBlock,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { type GrpcRequest, grpcRequest, type LoadResult, runGrpcLoad, SeededRandom, Zipf } from '../load/index.ts';
import { EchoStream } from '../stalled-reader/index.ts';

/** Sizes of unary messages. */
const UNARY_BYTES = [256, 4096, 16_384, 65_536];
const PATH = '/lab.Echo/Call';
const CANCEL = 8;
/** A slice of load: results are summed up after each. */
const SLICE_MS = 2000;
const STREAM_MS = 400;
/** A call is cancelled so long after it was sent; its answer takes longer. */
const CANCEL_AFTER_MS = 5;

/** The models of a soak: those that are always called, one that answers late, and more than fit, which come and go. */
export interface SoakModels {
  readonly hot: readonly string[];
  readonly late: string;
  readonly cold: readonly string[];
}

/** What was done so far. */
export interface SoakCounts {
  unary: number;
  streams: number;
  streamedBytes: number;
  cancelled: number;
  cold: number;
}

/** How many of each are under way at a time. */
export interface SoakLanes {
  readonly unary: number;
  readonly streams: number;
  readonly cancelled: number;
  readonly cold: number;
  /** How long a lane of calls rests after each answer, in milliseconds. */
  readonly pauseMs: number;
}

/** A call that nobody waits for. */
class Cancelled implements StreamHandler {
  readonly over = Promise.withResolvers<void>();
  onHeaders(_stream: ByteStream, _headers: HeaderBlock, _end: boolean): void {}
  onData(stream: ByteStream, bytes: Uint8Array): void {
    stream.consume(bytes.length);
  }
  onTrailers(): void {}
  onReset(): void {
    this.over.resolve();
  }
  onWritable(): void {}
  onClosed(): void {
    this.over.resolve();
  }
}

/** Mixed load on one connection until it is stopped. */
export class SoakTraffic {
  readonly counts: SoakCounts = { unary: 0, streams: 0, streamedBytes: 0, cancelled: 0, cold: 0 };
  readonly #connection: ClientConnection;
  readonly #models: SoakModels;
  readonly #lanes: SoakLanes;
  readonly #random = new SeededRandom(23);
  #isStopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(connection: ClientConnection, models: SoakModels, lanes: SoakLanes) {
    this.#connection = connection;
    this.#models = models;
    this.#lanes = lanes;
  }

  start(): void {
    const { unary, streams, cancelled, cold } = this.#lanes;
    const lanes = (count: number, lane: () => Promise<void>): readonly Promise<void>[] =>
      Array.from({ length: count }, () => lane());
    this.#running = Promise.all([
      this.#calls(unary, this.#unaryRequests(), 'unary'),
      this.#calls(cold, this.#coldRequests(), 'cold'),
      ...lanes(streams, () => this.#streamLane()),
      ...lanes(cancelled, () => this.#cancelLane()),
    ]);
    this.#running.catch(() => undefined);
  }

  /** Ends after what is under way. @throws what went wrong */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #calls(lanes: number, next: () => GrpcRequest, kind: 'unary' | 'cold'): Promise<void> {
    while (!this.#isStopped) {
      const result: LoadResult = await runGrpcLoad({
        connections: [this.#connection],
        streamsPerConnection: lanes,
        end: { kind: 'after', ms: SLICE_MS },
        pauseMs: this.#lanes.pauseMs,
        next,
      });
      result.assertAllRight();
      this.counts[kind] += result.completed;
    }
  }

  #unaryRequests(): () => GrpcRequest {
    const requests = this.#models.hot.flatMap((model) =>
      UNARY_BYTES.map((byteCount) => grpcRequest(PATH, new Uint8Array(byteCount), ['mm-model-id', model])),
    );
    return () => chosen(requests, this.#random.below(requests.length));
  }

  #coldRequests(): () => GrpcRequest {
    const requests = this.#models.cold.map((model) => grpcRequest(PATH, new Uint8Array(256), ['mm-model-id', model]));
    const zipf = new Zipf(requests.length, 0.8);
    return () => chosen(requests, zipf.rankOf(this.#random.share()));
  }

  /** Streams of messages that come back, ended in good order or in the middle. */
  async #streamLane(): Promise<void> {
    while (!this.#isStopped) {
      const model = chosen(this.#models.hot, this.#random.below(this.#models.hot.length));
      const messageBytes = chosen(UNARY_BYTES, this.#random.below(UNARY_BYTES.length));
      const stream = new EchoStream(this.#connection, {
        path: PATH,
        metadata: ['mm-model-id', model],
        messageBytes,
        messagesUnderWay: 2,
      });
      await pause(STREAM_MS);
      if (stream.end !== undefined) throw new Error(`a stream has ended: ${stream.end}`);
      if (this.#random.below(2) === 0) stream.close();
      else await stream.finish();
      this.counts.streams += 1;
      this.counts.streamedBytes += stream.readBytes;
    }
  }

  async #cancelLane(): Promise<void> {
    const pseudo = [':method', 'POST', ':scheme', 'http', ':path', PATH, ':authority', 'localhost'];
    const headers = headerBlock([
      ...pseudo,
      'content-type',
      'application/grpc',
      'te',
      'trailers',
      'mm-model-id',
      this.#models.late,
    ]);
    while (!this.#isStopped) {
      const heard = new Cancelled();
      const stream = this.#connection.open(headers, false, heard);
      const frames = frameMessage([new Uint8Array(4096)]);
      for (const [at, bytes] of frames.entries()) stream.sendData(bytes, at === frames.length - 1);
      await pause(CANCEL_AFTER_MS);
      stream.reset(CANCEL);
      await heard.over.promise;
      this.counts.cancelled += 1;
      await pause(this.#lanes.pauseMs);
    }
  }
}

function chosen<T>(list: readonly T[], at: number): T {
  const found = list[at];
  if (found === undefined) throw new RangeError(`there is no ${at} among ${list.length}`);
  return found;
}
