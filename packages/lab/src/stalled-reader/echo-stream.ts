import { frameMessage } from '@modelmesh/grpc/framing';
import { type ByteStream, type ClientConnection, headerBlock, type ResetCause, type StreamHandler } from '@modelmesh/grpc/stream';

/** What an echo stream says, and how much of it may be on its way. */
export interface EchoPlan {
  /** A method that answers each message with itself. */
  readonly path: string;
  readonly metadata: readonly string[];
  readonly messageBytes: number;
  readonly messagesUnderWay: number;
}

/** One stream whose messages come back: it keeps so many under way while it reads, and takes nothing while it stalls. */
export class EchoStream implements StreamHandler {
  /** Bytes that came back and were read, prefixes included. */
  readBytes = 0;
  /** Bytes that came back while it stalled. */
  unreadBytes = 0;
  /** Why it ended, if it has. */
  end: string | undefined = undefined;
  readonly #plan: EchoPlan;
  readonly #stream: ByteStream;
  readonly #frames: readonly Uint8Array[];
  readonly #frameBytes: number;
  readonly #over = Promise.withResolvers<void>();
  #isStalled = false;
  #isFinishing = false;
  /** Said, and not yet read back. */
  #underWayBytes = 0;

  constructor(connection: ClientConnection, plan: EchoPlan) {
    this.#plan = plan;
    const pseudo = [':method', 'POST', ':scheme', 'http', ':path', plan.path, ':authority', 'localhost'];
    const headers = headerBlock([...pseudo, 'content-type', 'application/grpc', 'te', 'trailers', ...plan.metadata]);
    this.#stream = connection.open(headers, false, this);
    this.#frames = frameMessage([new Uint8Array(plan.messageBytes)]);
    this.#frameBytes = this.#frames.reduce((total, { length }) => total + length, 0);
    this.#goOn();
  }

  /** Stops reading, having asked for `askedBytes` more. */
  stall(askedBytes: number): void {
    this.#isStalled = true;
    for (let asked = 0; asked < askedBytes; asked += this.#frameBytes) this.#say();
  }

  /** Reads what came and all that comes. */
  read(): void {
    this.#isStalled = false;
    const { unreadBytes } = this;
    this.unreadBytes = 0;
    this.#take(unreadBytes);
  }

  /** Gives it up in the middle. */
  close(): void {
    this.#stream.reset(8);
  }

  /** Says no more; resolves once everything has come back. */
  finish(): Promise<void> {
    this.#isFinishing = true;
    this.#stream.sendData(new Uint8Array(0), true);
    return this.#over.promise;
  }

  onHeaders(_stream: ByteStream, headers: { get(name: string): string | undefined }, end: boolean): void {
    if (end) this.end = `status ${headers.get('grpc-status')}: ${headers.get('grpc-message')}`;
  }

  onData(_stream: ByteStream, bytes: Uint8Array): void {
    if (this.#isStalled) {
      this.unreadBytes += bytes.length;
      return;
    }
    this.#take(bytes.length);
  }

  onTrailers(_stream: ByteStream, trailers: { get(name: string): string | undefined }): void {
    this.end = `status ${trailers.get('grpc-status')}: ${trailers.get('grpc-message')}`;
  }

  onReset(_stream: ByteStream, cause: ResetCause): void {
    this.end = JSON.stringify(cause);
    this.#over.resolve();
  }

  onWritable(): void {}

  onClosed(): void {
    this.#over.resolve();
  }

  #take(byteCount: number): void {
    this.readBytes += byteCount;
    this.#underWayBytes -= byteCount;
    this.#stream.consume(byteCount);
    this.#goOn();
  }

  #goOn(): void {
    while (!this.#isFinishing && this.#underWayBytes <= (this.#plan.messagesUnderWay - 1) * this.#frameBytes) this.#say();
  }

  #say(): void {
    // Who sends bytes gives them away.
    for (const piece of this.#frames) this.#stream.sendData(new Uint8Array(piece), false);
    this.#underWayBytes += this.#frameBytes;
  }
}
