import { errorOfReset } from '@modelmesh/grpc/call';
import type { ByteStream, ClientConnection, HeaderBlock, ResetCause, StreamHandler } from '@modelmesh/grpc/stream';
import type { GrpcRequest } from './grpc-load.ts';
import { LoadResult } from './load-result.ts';

/** Streams that are opened at the same time: a server that makes a connection for each takes only so many at once. */
const OPENING_MAX = 128;

/** Many streams that stay open, each answering every message with as many bytes. */
export class HeldStreams {
  readonly #streams: readonly HeldStream[];

  /** Prepares `streamsPerConnection` streams on each connection; nothing is sent yet. */
  constructor(connections: readonly ClientConnection[], streamsPerConnection: number, request: GrpcRequest) {
    this.#streams = connections.flatMap((connection) =>
      Array.from({ length: streamsPerConnection }, () => new HeldStream(connection, request)),
    );
  }

  /** Opens the streams, sends a message on each and waits for its answer. */
  open(): Promise<LoadResult> {
    return this.#all((stream, done) => stream.open(done), OPENING_MAX);
  }

  /** Sends one message on every stream, on all at once, and waits for the answers. */
  round(): Promise<LoadResult> {
    return this.#all((stream, done) => stream.send(done));
  }

  /** Ends every stream and waits for its status. */
  end(): Promise<LoadResult> {
    return this.#all((stream, done) => stream.end(done));
  }

  /** Acts on every stream, on so many at a time. */
  #all(act: (stream: HeldStream, done: Done) => void, inFlightMax = this.#streams.length): Promise<LoadResult> {
    const { promise, resolve } = Promise.withResolvers<LoadResult>();
    const result = new LoadResult();
    const beganMs = performance.now();
    let next = 0;
    let left = this.#streams.length;
    const begin = (): void => {
      const stream = this.#streams[next++];
      if (stream !== undefined) act(stream, done);
    };
    const done: Done = (failure) => {
      if (failure === undefined) result.latency.recordMs(performance.now() - beganMs);
      else result.fail(failure);
      left -= 1;
      begin();
      if (left > 0) return;
      result.elapsedMs = performance.now() - beganMs;
      resolve(result);
    };
    for (let started = 0; started < inFlightMax; started++) begin();
    return promise;
  }
}

type Done = (failure: string | undefined) => void;

class HeldStream implements StreamHandler {
  readonly #connection: ClientConnection;
  #stream: ByteStream | undefined;
  readonly #request: GrpcRequest;
  readonly #messageBytes: number;
  #missing = 0;
  #done: Done | undefined;
  /** What ended the stream before it was to end. */
  #failure: string | undefined;
  #status: string | undefined;
  /** The HTTP status, once it has come. */
  #answered = 'missing';

  constructor(connection: ClientConnection, request: GrpcRequest) {
    this.#request = request;
    this.#messageBytes = request.frames.reduce((sum, frame) => sum + frame.byteLength, 0);
    this.#connection = connection;
  }

  open(done: Done): void {
    this.#stream = this.#connection.open(this.#request.headers, false, this);
    this.send(done);
  }

  send(done: Done): void {
    if (this.#failure !== undefined) {
      done(this.#failure);
      return;
    }
    this.#done = done;
    this.#missing = this.#messageBytes;
    for (const frame of this.#request.frames) this.#stream?.sendData(frame, false);
  }

  end(done: Done): void {
    if (this.#failure !== undefined) {
      done(this.#failure);
      return;
    }
    this.#done = done;
    this.#stream?.sendData(new Uint8Array(0), true);
  }

  onHeaders(_stream: ByteStream, headers: HeaderBlock, end: boolean): void {
    this.#answered = headers.get(':status') ?? '';
    if (end) this.#status = headers.get('grpc-status');
  }

  onData(stream: ByteStream, bytes: Uint8Array): void {
    stream.consume(bytes.byteLength);
    this.#missing -= bytes.byteLength;
    if (this.#missing === 0) this.#finish(undefined);
  }

  onTrailers(_stream: ByteStream, trailers: HeaderBlock): void {
    this.#status = trailers.get('grpc-status');
  }

  onReset(_stream: ByteStream, cause: ResetCause): void {
    this.#failure = `${errorOfReset(cause).message}, answer ${this.#answered}`;
    this.#finish(this.#failure);
  }

  onWritable(): void {}

  onClosed(): void {
    const isRight = this.#missing === 0 && this.#status === '0';
    if (!isRight) this.#failure = `grpc-status ${this.#status ?? 'missing'}, ${this.#missing} bytes of an answer missing`;
    this.#finish(this.#failure);
  }

  #finish(failure: string | undefined): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(failure);
  }
}
