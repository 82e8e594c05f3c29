import { MeshError } from '@modelmesh/core';
import type { ByteStream } from '../stream/index.ts';
import type { BidiHandler, ClientStreamHandler, ServerStreamHandler, UnaryHandler } from './context.ts';
import { MessageQueue } from './message-queue.ts';
import type { Codec, Method } from './method.ts';
import { pump } from './outbound.ts';
import { type CallSetup, ServerCall } from './server-call.ts';

/** What a call needs of its method: how to read requests and write responses. */
export type ServedMethod<Request, ResponseInit> = Pick<Method<Request, never, unknown, ResponseInit>, 'path'> & {
  readonly request: Pick<Codec<Request>, 'decode'>;
  readonly response: Pick<Codec<unknown, ResponseInit>, 'encode'>;
};

/** A call whose request is exactly one message. */
abstract class SingleRequestCall<Request, ResponseInit> extends ServerCall {
  protected readonly method: ServedMethod<Request, ResponseInit>;
  #bytes: Uint8Array | undefined = undefined;

  constructor(stream: ByteStream, setup: CallSetup, method: ServedMethod<Request, ResponseInit>) {
    super(stream, setup);
    this.method = method;
  }

  protected abstract answer(request: Request): Promise<void>;

  override onMessage(bytes: Uint8Array): void {
    if (this.#bytes === undefined) this.#bytes = bytes;
    else this.fail(new MeshError('invalid-argument', `${this.path} takes one request message, a second one came`));
  }

  override onInboundEnd(): void {
    const bytes = this.#bytes;
    if (bytes === undefined) {
      this.fail(new MeshError('invalid-argument', `${this.path} takes one request message, none came`));
      return;
    }
    void this.#run(bytes);
  }

  async #run(bytes: Uint8Array): Promise<void> {
    try {
      await this.answer(this.method.request.decode(bytes));
      this.succeed();
    } catch (error) {
      this.fail(error);
    }
  }

  // The one message is bounded by its limit, so its bytes are credited as they come.
  protected override get holdsMessages(): boolean {
    return false;
  }
  protected override stopReading(): void {}
}

/** A call whose requests are read one by one. */
abstract class StreamedRequestCall<Request, ResponseInit> extends ServerCall {
  protected readonly method: ServedMethod<Request, ResponseInit>;
  protected readonly requests: MessageQueue<Request>;

  constructor(stream: ByteStream, setup: CallSetup, method: ServedMethod<Request, ResponseInit>) {
    super(stream, setup);
    this.method = method;
    this.requests = new MessageQueue(
      () => this.payCredit(),
      () => this.payCredit(),
    );
  }

  protected abstract answer(): Promise<void>;

  override begin(requestEnded: boolean): void {
    super.begin(requestEnded);
    void this.#run();
  }

  override onMessage(bytes: Uint8Array): void {
    try {
      this.requests.push(this.method.request.decode(bytes));
    } catch (error) {
      this.fail(error);
    }
  }

  override onInboundEnd(): void {
    this.requests.end();
  }

  async #run(): Promise<void> {
    try {
      await this.answer();
      this.succeed();
    } catch (error) {
      this.fail(error);
    }
  }

  protected override get holdsMessages(): boolean {
    return !this.requests.isEmpty;
  }
  protected override stopReading(error: MeshError): void {
    this.requests.fail(error);
  }
}

/** One request, one response. */
export class UnaryCall<Request, ResponseInit> extends SingleRequestCall<Request, ResponseInit> {
  readonly #handler: UnaryHandler<Request, ResponseInit>;

  constructor(
    stream: ByteStream,
    setup: CallSetup,
    method: ServedMethod<Request, ResponseInit>,
    handler: UnaryHandler<Request, ResponseInit>,
  ) {
    super(stream, setup, method);
    this.#handler = handler;
  }

  protected override async answer(request: Request): Promise<void> {
    const slices = this.method.response.encode(await this.#handler(request, this));
    this.openResponse();
    if (this.outbound.compresses(slices)) await this.outbound.sendWhenRoom(slices);
    else this.outbound.send(slices);
  }
}

/** One request, many responses. */
export class ServerStreamCall<Request, ResponseInit> extends SingleRequestCall<Request, ResponseInit> {
  readonly #handler: ServerStreamHandler<Request, ResponseInit>;

  constructor(
    stream: ByteStream,
    setup: CallSetup,
    method: ServedMethod<Request, ResponseInit>,
    handler: ServerStreamHandler<Request, ResponseInit>,
  ) {
    super(stream, setup, method);
    this.#handler = handler;
  }

  protected override answer(request: Request): Promise<void> {
    return pump(
      this.#handler(request, this),
      (response) => this.#encode(response),
      this.outbound,
      () => this.isOver,
    );
  }

  #encode(response: ResponseInit): readonly Uint8Array[] {
    this.openResponse();
    return this.method.response.encode(response);
  }
}

/** Many requests, one response. */
export class ClientStreamCall<Request, ResponseInit> extends StreamedRequestCall<Request, ResponseInit> {
  readonly #handler: ClientStreamHandler<Request, ResponseInit>;

  constructor(
    stream: ByteStream,
    setup: CallSetup,
    method: ServedMethod<Request, ResponseInit>,
    handler: ClientStreamHandler<Request, ResponseInit>,
  ) {
    super(stream, setup, method);
    this.#handler = handler;
  }

  protected override async answer(): Promise<void> {
    const slices = this.method.response.encode(await this.#handler(this.requests, this));
    this.openResponse();
    await this.outbound.sendWhenRoom(slices);
  }
}

/** Many requests, many responses. */
export class BidiCall<Request, ResponseInit> extends StreamedRequestCall<Request, ResponseInit> {
  readonly #handler: BidiHandler<Request, ResponseInit>;

  constructor(
    stream: ByteStream,
    setup: CallSetup,
    method: ServedMethod<Request, ResponseInit>,
    handler: BidiHandler<Request, ResponseInit>,
  ) {
    super(stream, setup, method);
    this.#handler = handler;
  }

  protected override answer(): Promise<void> {
    return pump(
      this.#handler(this.requests, this),
      (response) => this.#encode(response),
      this.outbound,
      () => this.isOver,
    );
  }

  #encode(response: ResponseInit): readonly Uint8Array[] {
    this.openResponse();
    return this.method.response.encode(response);
  }
}
