import type {
  ByteStream,
  ClientConnection,
  ClientConnectionState,
  HeaderBlock,
  ResetCause,
  ServerConnection,
  StreamEngine,
  StreamHandler,
} from '@modelmesh/grpc/stream';
import { headerBlock } from '@modelmesh/grpc/stream';

/** One side of a stream as a test sees it: what was sent into it, and the means to answer. Nothing happens by itself. */
export class FakeStream implements ByteStream {
  owner: unknown = undefined;
  readonly headers: HeaderBlock;
  readonly sent: Uint8Array[] = [];
  /** Whether the other side would take more: what `sendData` answers. */
  writable = true;
  sentHeaders: HeaderBlock | undefined;
  sentTrailers: HeaderBlock | undefined;
  /** Resolves once our direction was ended: for what ends in another thread's time. */
  readonly ended: Promise<void>;
  consumed = 0;
  readonly resets: number[] = [];
  #handler: StreamHandler | undefined;
  #sentEnd = false;
  #end: () => void = () => {};

  constructor(headers: HeaderBlock, end: boolean, handler?: StreamHandler) {
    this.headers = headers;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.sentEnd = end;
    this.#handler = handler;
  }

  get sentEnd(): boolean {
    return this.#sentEnd;
  }

  set sentEnd(end: boolean) {
    this.#sentEnd = end;
    if (end) this.#end();
  }

  /** Everything sent so far, as one. */
  get body(): Buffer {
    return Buffer.concat(this.sent);
  }

  /** Whether both directions were ended by us, so that the stream takes no place on its connection any more. */
  get letGo(): boolean {
    return this.sentEnd || this.resets.length > 0;
  }

  handledBy(handler: StreamHandler): void {
    this.#handler = handler;
  }

  sendHeaders(headers: HeaderBlock, end: boolean): void {
    this.sentHeaders = headers;
    if (end) this.sentEnd = true;
  }

  sendData(bytes: Uint8Array, end: boolean): boolean {
    if (bytes.length > 0) this.sent.push(bytes);
    if (end) this.sentEnd = true;
    return end || this.writable;
  }

  sendTrailers(trailers: HeaderBlock): void {
    this.sentTrailers = trailers;
    this.sentEnd = true;
  }

  reset(code: number): void {
    this.resets.push(code);
  }

  consume(byteCount: number): void {
    this.consumed += byteCount;
  }

  answersHeaders(fields: readonly string[] = [':status', '200', 'content-type', 'application/grpc'], end = false): void {
    this.#handler?.onHeaders(this, headerBlock(fields), end);
  }

  answersData(bytes: Uint8Array, end = false): void {
    this.#handler?.onData(this, bytes, end);
  }

  answersTrailers(...fields: readonly string[]): void {
    this.#handler?.onTrailers(this, headerBlock(fields));
  }

  /** A whole answer: headers, `bytes`, status OK. */
  answers(bytes: Uint8Array): void {
    this.answersHeaders();
    this.answersData(bytes);
    this.answersTrailers('grpc-status', '0');
  }

  /** An answer that is a status alone. */
  refuses(code: number, message: string, ...more: readonly string[]): void {
    const fields = [':status', '200', 'content-type', 'application/grpc', 'grpc-status', String(code), 'grpc-message', message];
    this.answersHeaders([...fields, ...more], true);
  }

  ends(cause: ResetCause): void {
    this.#handler?.onReset(this, cause);
  }

  becomesWritable(): void {
    this.writable = true;
    this.#handler?.onWritable(this);
  }
}

/** A connection to a runtime that comes and goes as the test says. */
export class FakeConnection implements ClientConnection {
  state: ClientConnectionState = { kind: 'idle' };
  onState: ((state: ClientConnectionState) => void) | undefined;
  readonly streams: FakeStream[] = [];
  connects = 0;

  open(headers: HeaderBlock, end: boolean, handler: StreamHandler): ByteStream {
    const stream = new FakeStream(headers, end, handler);
    this.streams.push(stream);
    return stream;
  }

  connect(): void {
    this.connects += 1;
    if (this.state.kind !== 'ready') this.become({ kind: 'connecting' });
  }

  ping(answered: (roundTripMs: number | null) => void): void {
    answered(0);
  }

  close(): void {
    this.become({ kind: 'closed' });
  }

  become(state: ClientConnectionState): void {
    this.state = state;
    this.onState?.(state);
  }
}

/** An engine whose connections are the test's to drive. */
export class FakeEngine implements StreamEngine {
  readonly name = 'fake';
  readonly connections: FakeConnection[] = [];

  serve(): ServerConnection {
    throw new Error('this engine only connects');
  }

  connect(): ClientConnection {
    const connection = new FakeConnection();
    this.connections.push(connection);
    return connection;
  }

  /** The connection that was made last. */
  get connection(): FakeConnection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error('nobody has connected yet');
    return last;
  }
}
