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
    resolve(result);
  };
  let number = 0;
  for (let stream = 0; stream < plan.streamsPerConnection; stream++) {
    for (const connection of plan.connections) new GrpcLane(connection, number++, plan.next, budget, result, ended).start();
  }
  return promise;
}

/** One call after another. */
class GrpcLane implements StreamHandler {
  readonly #connection: ClientConnection;
  readonly #number: number;
  readonly #next: (lane: number) => GrpcRequest;
  readonly #budget: LoadBudget;
  readonly #result: LoadResult;
  readonly #ended: () => void;
  #request: GrpcRequest | undefined;
  #beganMs = 0;
  #slices: Uint8Array[] = [];
  #bytes = 0;
  /** `grpc-status` and `grpc-message` as they came. */
  #status: HeaderBlock | undefined;

  constructor(
    connection: ClientConnection,
    number: number,
    next: (lane: number) => GrpcRequest,
    budget: LoadBudget,
    result: LoadResult,
    ended: () => void,
  ) {
    this.#connection = connection;
    this.#number = number;
    this.#next = next;
    this.#budget = budget;
    this.#result = result;
    this.#ended = ended;
  }

  start(): void {
    if (!this.#budget.takes()) {
      this.#ended();
      return;
    }
    const request = this.#next(this.#number);
    this.#request = request;
    this.#slices.length = 0;
    this.#bytes = 0;
    this.#status = undefined;
    this.#beganMs = performance.now();
    const stream = this.#connection.open(request.headers, false, this);
    const last = request.frames.length - 1;
    for (let at = 0; at <= last; at++) stream.sendData(request.frames[at] ?? new Uint8Array(0), at === last);
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

  onWritable(): void {
    // What is sent is bounded by one message a lane.
  }

  onClosed(): void {
    const status = this.#status?.get('grpc-status');
    if (status === '0') this.#done(undefined);
    else this.#done(`grpc-status ${status ?? 'missing'}: ${decodeURIComponent(this.#status?.get('grpc-message') ?? '')}`);
  }

  #done(failure: string | undefined): void {
    if (failure !== undefined) this.#result.fail(failure);
    else if (this.#isRight()) this.#result.latency.recordMs(performance.now() - this.#beganMs);
    else this.#result.wrong += 1;
    this.start();
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
