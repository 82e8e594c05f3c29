import type { ByteStream, HeaderBlock, ResetCause, StreamHandler } from '../port.ts';

/** What a recorder does with delivered bytes. */
export type Consumption = 'at once' | 'never';

interface Waiter {
  readonly holds: () => boolean;
  readonly resolve: () => void;
}

/** Writes down what it hears, and lets a test wait for it. Breaks of the port's laws are kept in `violations`. */
export class Recorder implements StreamHandler {
  readonly events: string[] = [];
  readonly violations: string[] = [];
  headers: HeaderBlock | undefined = undefined;
  trailers: HeaderBlock | undefined = undefined;
  cause: ResetCause | undefined = undefined;
  receivedBytes = 0;
  /** Copies of what was delivered, joined by {@link text}. */
  readonly #copies: Uint8Array[] = [];
  #waiters: Waiter[] = [];
  #receiveEnded = false;
  #over = false;
  consumption: Consumption;

  constructor(consumption: Consumption = 'at once') {
    this.consumption = consumption;
  }

  get text(): string {
    return Buffer.concat(this.#copies).toString('latin1');
  }
  get receiveEnded(): boolean {
    return this.#receiveEnded;
  }
  get over(): boolean {
    return this.#over;
  }

  /** Resolves once `holds`; looked at after every callback. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push({ holds, resolve });
    });
  }

  untilOver(): Promise<void> {
    return this.until(() => this.#over);
  }
  untilEnd(): Promise<void> {
    return this.until(() => this.#receiveEnded);
  }

  onHeaders(_stream: ByteStream, headers: HeaderBlock, end: boolean): void {
    if (this.headers !== undefined) this.violations.push('headers came twice');
    this.headers = headers;
    this.#note(end ? 'headers end' : 'headers', end);
  }

  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    this.receivedBytes += bytes.byteLength;
    this.#copies.push(new Uint8Array(bytes));
    if (this.consumption === 'at once' && bytes.byteLength > 0) stream.consume(bytes.byteLength);
    if (bytes.byteLength > 0 && this.events.at(-1) !== 'data') this.#note('data', false);
    else this.#note(undefined, false);
    if (end) this.#note('end', true);
  }

  onTrailers(_stream: ByteStream, trailers: HeaderBlock): void {
    this.trailers = trailers;
    this.#note('trailers', true);
  }

  onReset(_stream: ByteStream, cause: ResetCause): void {
    this.cause = cause;
    this.#finish(`reset ${cause.kind}`);
  }

  onWritable(): void {
    if (this.events.at(-1) !== 'writable') this.#note('writable', false);
    else this.#note(undefined, false);
  }

  onClosed(): void {
    this.#finish('closed');
  }

  #finish(event: string): void {
    if (this.#over) this.violations.push(`a second end came: ${event}`);
    this.#over = true;
    this.events.push(event);
    this.#look();
  }

  #note(event: string | undefined, end: boolean): void {
    if (this.#over) this.violations.push(`${event} came after the end`);
    if (this.#receiveEnded && event !== 'writable') this.violations.push(`${event} came after the other direction ended`);
    if (end) this.#receiveEnded = true;
    if (event !== undefined) this.events.push(event);
    this.#look();
  }

  #look(): void {
    const held = this.#waiters.filter((waiter) => waiter.holds());
    this.#waiters = this.#waiters.filter((waiter) => !held.includes(waiter));
    for (const waiter of held) waiter.resolve();
  }
}
