import { frameMessage } from '@modelmesh/grpc/framing';
import {
  type ByteStream,
  type ClientConnection,
  type HeaderBlock,
  headerBlock,
  type ResetCause,
  type StreamHandler,
} from '@modelmesh/grpc/stream';

/** A call over gRPC whose answer nobody reads until {@link SlowReader.read} is called. */
export class SlowReader implements StreamHandler {
  /** Bytes of the answer that came so far, prefixes included. */
  received = 0;
  /** `grpc-status`, once the call ended. */
  readonly status: Promise<string>;
  readonly #stream: ByteStream;
  readonly #ended = Promise.withResolvers<string>();
  #unread = 0;
  #reads = false;

  constructor(connection: ClientConnection, path: string, message: Uint8Array, metadata: readonly string[]) {
    this.status = this.#ended.promise;
    const pseudo = [':method', 'POST', ':scheme', 'http', ':path', path, ':authority', 'localhost'];
    const headers = headerBlock([...pseudo, 'content-type', 'application/grpc', 'te', 'trailers', ...metadata]);
    this.#stream = connection.open(headers, false, this);
    const frames = frameMessage([message]);
    for (const [at, bytes] of frames.entries()) this.#stream.sendData(bytes, at === frames.length - 1);
  }

  /** Reads what came and all that comes. */
  read(): void {
    this.#reads = true;
    this.#stream.consume(this.#unread);
    this.#unread = 0;
  }

  onHeaders(_stream: ByteStream, headers: HeaderBlock, end: boolean): void {
    if (end) this.#ended.resolve(headers.get('grpc-status') ?? '');
  }

  onData(stream: ByteStream, bytes: Uint8Array): void {
    this.received += bytes.length;
    if (this.#reads) stream.consume(bytes.length);
    else this.#unread += bytes.length;
  }

  onTrailers(_stream: ByteStream, trailers: HeaderBlock): void {
    this.#ended.resolve(trailers.get('grpc-status') ?? '');
  }

  onReset(_stream: ByteStream, cause: ResetCause): void {
    this.#ended.resolve(`reset: ${cause.kind}`);
  }

  onWritable(): void {}

  onClosed(): void {}
}
