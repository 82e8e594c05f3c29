import { type ByteStream, type HeaderBlock, headerBlock, type ResetCause, type StreamHandler } from '../../stream/index.ts';

/** What lies below a translated call in a test: writes down what is sent. */
export class FakeBelow implements ByteStream {
  owner: unknown = undefined;
  headers: HeaderBlock | undefined = undefined;
  readonly sent: Uint8Array[] = [];
  ended = false;
  resetCode: number | undefined = undefined;
  consumedBytes = 0;

  sendHeaders(headers: HeaderBlock, end: boolean): void {
    this.headers = headers;
    this.ended = end;
  }
  sendData(bytes: Uint8Array, end: boolean): boolean {
    this.sent.push(bytes);
    this.ended = end;
    return true;
  }
  sendTrailers(): void {
    throw new Error('gRPC-Web has no trailers but those in its body');
  }
  reset(code: number): void {
    this.resetCode = code;
  }
  consume(byteCount: number): void {
    this.consumedBytes += byteCount;
  }

  get body(): Uint8Array {
    return Buffer.concat(this.sent);
  }
}

/** The call above: keeps what it hears, and consumes it when told. */
export class FakeCall implements StreamHandler {
  stream: ByteStream | undefined = undefined;
  headers: HeaderBlock | undefined = undefined;
  readonly heard: Uint8Array[] = [];
  ended = false;
  cause: ResetCause | undefined = undefined;

  onHeaders(): void {}
  onData(_stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    this.heard.push(bytes);
    this.ended ||= end;
  }
  onTrailers(): void {
    this.ended = true;
  }
  onReset(_stream: ByteStream, cause: ResetCause): void {
    this.cause = cause;
  }
  onWritable(): void {}
  onClosed(): void {}

  get body(): Uint8Array {
    return Buffer.concat(this.heard);
  }
}

/** The headers of a request. */
export const webRequest = (contentType: string, more: readonly string[] = []): HeaderBlock =>
  headerBlock([':method', 'POST', ':scheme', 'http', ':path', '/test.Echo/Unary', 'content-type', contentType, ...more]);
