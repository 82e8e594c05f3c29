import { type ByteStream, type HeaderBlock, RESET_CODE, type ResetCause, type StreamHandler } from '@modelmesh/grpc/stream';
import type { Pipe } from './pipe.ts';

/** One side of a stream over a simulated connection. Never full: what a seed sends is small. */
export class StreamEnd implements ByteStream {
  owner: unknown = undefined;
  readonly #name: string;
  readonly #onOver: () => void;
  #handler: StreamHandler | undefined;
  #pipe: Pipe | undefined;
  #other: StreamEnd | undefined;
  /** What was said before there was a connection to say it on. */
  #early: (() => void)[] = [];
  #sentEnd = false;
  #gotEnd = false;
  #over = false;

  constructor(name: string, onOver: () => void, handler?: StreamHandler) {
    this.#name = name;
    this.#onOver = onOver;
    this.#handler = handler;
  }

  get over(): boolean {
    return this.#over;
  }

  handledBy(handler: StreamHandler): void {
    this.#handler = handler;
  }

  /** There is a way to the other end. */
  joined(pipe: Pipe, other: StreamEnd): void {
    this.#pipe = pipe;
    this.#other = other;
    for (const send of this.#early.splice(0)) send();
  }

  sendHeaders(headers: HeaderBlock, end: boolean): void {
    this.#send('headers', end, (other) => other.#gotHeaders(headers, end));
  }

  sendData(bytes: Uint8Array, end: boolean): boolean {
    this.#send(`data ${bytes.length}`, end, (other) => other.#gotData(bytes, end));
    return true;
  }

  sendTrailers(trailers: HeaderBlock): void {
    this.#send('trailers', true, (other) => other.#gotTrailers(trailers));
  }

  reset(code: number): void {
    if (this.#over) return;
    this.#transmit(`reset ${code}`, (other) => other.#gotReset(code));
    this.#end();
    queueMicrotask(() => this.#handler?.onReset(this, { kind: 'local-reset', code }));
  }

  consume(): void {}

  /** The headers were all there was of the request: this direction of the stream is over, on either side of it. */
  requestHasNoBody(side: 'client' | 'server'): void {
    if (side === 'client') this.#sentEnd = true;
    else this.#gotEnd = true;
  }

  /** The stream is over for a reason that is not of its own. */
  finish(cause: ResetCause): void {
    if (this.#over) return;
    this.#end();
    this.#handler?.onReset(this, cause);
  }

  #gotHeaders(headers: HeaderBlock, end: boolean): void {
    if (this.#over) return;
    if (end) this.#gotEnd = true;
    this.#handler?.onHeaders(this, headers, end);
    this.#closeIfDone();
  }

  #gotData(bytes: Uint8Array, end: boolean): void {
    if (this.#over) return;
    if (end) this.#gotEnd = true;
    this.#handler?.onData(this, bytes, end);
    this.#closeIfDone();
  }

  #gotTrailers(trailers: HeaderBlock): void {
    if (this.#over) return;
    this.#gotEnd = true;
    this.#handler?.onTrailers(this, trailers);
    this.#closeIfDone();
  }

  #gotReset(code: number): void {
    if (this.#over) return;
    if (code === RESET_CODE.noError && this.#gotEnd) {
      // A server that has answered needs no more of the request (RFC 9113 §8.1).
      this.#sentEnd = true;
      this.#closeIfDone();
      return;
    }
    if (code === RESET_CODE.refusedStream) this.finish({ kind: 'unprocessed', why: 'refused-stream' });
    else this.finish({ kind: 'peer-reset', code });
  }

  #send(what: string, end: boolean, arrive: (other: StreamEnd) => void): void {
    if (this.#over || this.#sentEnd) return;
    if (end) this.#sentEnd = true;
    this.#transmit(what, arrive);
    if (end && this.#gotEnd) queueMicrotask(() => this.#closeIfDone());
  }

  #transmit(what: string, arrive: (other: StreamEnd) => void): void {
    const send = (): void => {
      const other = this.#other;
      if (other !== undefined) this.#pipe?.send(`${this.#name} ${what}`, () => arrive(other));
    };
    if (this.#pipe === undefined) this.#early.push(send);
    else send();
  }

  #closeIfDone(): void {
    if (this.#over || !this.#sentEnd || !this.#gotEnd) return;
    this.#end();
    this.#handler?.onClosed(this);
  }

  #end(): void {
    this.#over = true;
    this.#onOver();
  }
}
