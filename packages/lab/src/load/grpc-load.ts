import { errorOfReset } from '@modelmesh/grpc/call';
import { FRAME_PREFIX_BYTES, frameMessage } from '@modelmesh/grpc/framing';
import {
  type ByteStream,
  type ClientConnection,
  type HeaderBlock,
  headerBlock,
  type ResetCause,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { LoadBudget, type LoadEnd } from './load-end.ts';
import { LoadResult } from './load-result.ts';

/** Large messages are handed over in slices of this size, so that what waits for the other side's window stays small. */
const SLICE_BYTES = 65_536;

/** One unary call, made beforehand, so that sending it costs the driver next to nothing. */
export interface GrpcRequest {
  readonly headers: HeaderBlock;
  /** The message with its prefix. Read only: sent again and again. */
  readonly frames: readonly Uint8Array[];
  /** Whether the answer is right; unless given, every OK with one message is. `message` is valid during the call. */
  readonly accepts?: (message: Uint8Array) => boolean;
}

/** What a gRPC load consists of. */
export interface GrpcLoadPlan {
  readonly connections: readonly ClientConnection[];
  /** Calls in flight at a time on each connection. */
  readonly streamsPerConnection: number;
  readonly end: LoadEnd;
  /** How long a lane rests after each answer, in milliseconds; not at all unless given. */
  readonly pauseMs?: number;
  /** The lanes begin one after the other within this time, in milliseconds; all at once unless given. */
  readonly startWithinMs?: number;
  /** The next call of a lane; lanes are numbered from 0. */
  readonly next: (lane: number) => GrpcRequest;
}

/** Makes a call of `/package.Service/Method` with flat `metadata`. */
export function grpcRequest(
  path: string,
  message: Uint8Array,
  metadata: readonly string[] = [],
  accepts?: (message: Uint8Array) => boolean,
): GrpcRequest {
  const pseudo = [':method', 'POST', ':scheme', 'http', ':path', path, ':authority', 'localhost'];
  const headers = headerBlock([...pseudo, 'content-type', 'application/grpc', 'te', 'trailers', ...metadata]);
  return { headers, frames: frameMessage([message]), ...(accepts === undefined ? {} : { accepts }) };
}

/**
 * Runs a closed load straight on the stream port: each lane sends its next call when the one before was answered. No promise, closure or
 * iterable per call, so that the driver costs less than what it drives.
 */
export function runGrpcLoad(plan: GrpcLoadPlan): Promise<LoadResult> {
  const { promise, resolve } = Promise.withResolvers<LoadResult>();
  const budget = new LoadBudget(plan.end);
  const result = new LoadResult();
  let busy = plan.connections.length * plan.streamsPerConnection;
  const ended = (): void => {
    busy -= 1;
    if (busy > 0) return;
    result.elapsedMs = performance.now() - budget.beganMs;
    result.driverCpuMs = budget.cpuMs();
    resolve(result);
  };
  const shared = { next: plan.next, budget, result, pauseMs: plan.pauseMs ?? 0, ended };
  const lanes: GrpcLane[] = [];
  for (let stream = 0; stream < plan.streamsPerConnection; stream++) {
    for (const connection of plan.connections) lanes.push(new GrpcLane(connection, lanes.length, shared));
  }
  startLanes(lanes, plan.startWithinMs ?? 0);
  return promise;
}

function startLanes(lanes: readonly GrpcLane[], withinMs: number): void {
  for (const [number, lane] of lanes.entries()) {
    if (withinMs === 0) lane.start();
    else setTimeout(() => lane.start(), (number * withinMs) / lanes.length);
  }
}

interface LaneParts {
  readonly next: (lane: number) => GrpcRequest;
  readonly budget: LoadBudget;
  readonly result: LoadResult;
  readonly pauseMs: number;
  readonly ended: () => void;
}

/** One call after another. */
class GrpcLane implements StreamHandler {
  readonly #connection: ClientConnection;
  readonly #number: number;
  readonly #parts: LaneParts;
  #request: GrpcRequest | undefined;
  #beganMs = 0;
  /** Where sending stands: frames that were sent whole, and bytes of the next one. */
  #frame = 0;
  #sent = 0;
  #slices: Uint8Array[] = [];
  #bytes = 0;
  /** `grpc-status` and `grpc-message` as they came. */
  #status: HeaderBlock | undefined;

  constructor(connection: ClientConnection, number: number, parts: LaneParts) {
    this.#connection = connection;
    this.#number = number;
    this.#parts = parts;
  }

  start(): void {
    if (!this.#parts.budget.takes()) {
      this.#parts.ended();
      return;
    }
    const request = this.#parts.next(this.#number);
    this.#request = request;
    this.#slices.length = 0;
    this.#bytes = 0;
    this.#status = undefined;
    this.#beganMs = performance.now();
    this.#frame = 0;
    this.#sent = 0;
    this.#sendOn(this.#connection.open(request.headers, false, this));
  }

  /** Sends until the other side's window is full. */
  #sendOn(stream: ByteStream): void {
    const frames = this.#request?.frames ?? [];
    for (let flows = true; flows && this.#frame < frames.length; ) {
      const frame = frames[this.#frame] ?? new Uint8Array(0);
      const whole = frame.byteLength <= SLICE_BYTES;
      const slice = whole ? frame : frame.subarray(this.#sent, this.#sent + SLICE_BYTES);
      this.#sent += slice.byteLength;
      if (this.#sent >= frame.byteLength) {
        this.#frame += 1;
        this.#sent = 0;
      }
      flows = stream.sendData(slice, this.#frame === frames.length);
    }
  }

  onHeaders(_stream: ByteStream, headers: HeaderBlock, end: boolean): void {
    if (end) this.#status = headers;
  }

  onData(stream: ByteStream, bytes: Uint8Array): void {
    this.#bytes += bytes.byteLength;
    if (this.#request?.accepts !== undefined) this.#slices.push(Uint8Array.prototype.slice.call(bytes));
    stream.consume(bytes.byteLength);
  }

  onTrailers(_stream: ByteStream, trailers: HeaderBlock): void {
    this.#status = trailers;
  }

  onReset(_stream: ByteStream, cause: ResetCause): void {
    this.#done(errorOfReset(cause).message);
  }

  onWritable(stream: ByteStream): void {
    this.#sendOn(stream);
  }

  onClosed(): void {
    const status = this.#status?.get('grpc-status');
    if (status === '0') this.#done(undefined);
    else this.#done(`grpc-status ${status ?? 'missing'}: ${decodeURIComponent(this.#status?.get('grpc-message') ?? '')}`);
  }

  #done(failure: string | undefined): void {
    if (failure !== undefined) this.#parts.result.fail(failure);
    else if (this.#isRight()) this.#parts.result.latency.recordMs(performance.now() - this.#beganMs);
    else this.#parts.result.wrong += 1;
    if (this.#parts.pauseMs > 0) setTimeout(() => this.start(), this.#parts.pauseMs);
    else this.start();
  }

  #isRight(): boolean {
    if (this.#bytes < FRAME_PREFIX_BYTES) return false;
    const accepts = this.#request?.accepts;
    if (accepts === undefined) return true;
    const [only] = this.#slices;
    const whole = this.#slices.length === 1 && only !== undefined ? only : Buffer.concat(this.#slices);
    return accepts(whole.subarray(FRAME_PREFIX_BYTES));
  }
}
