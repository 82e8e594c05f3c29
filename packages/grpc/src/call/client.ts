import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { type Clock, type DurationMs, MeshError, type MonotonicMs, monotonicMs } from '@modelmesh/core';
import type { MessageEncoding } from '../compression/index.ts';
import type { ClientConnection, HeaderBlock } from '../stream/index.ts';
import type { TimerWheel } from '../timer-wheel/index.ts';
import { ClientCall, type ResponseSink } from './client-call.ts';
import { MessageQueue } from './message-queue.ts';
import { type CallKind, type Method, protobufMethod, type TypedDesc } from './method.ts';

/** What a client needs. */
export interface GrpcClientOptions {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  /** The host that requests name (`:authority`). */
  readonly authority: string;
  /** `http` unless given; `https` on TLS. */
  readonly scheme?: 'http' | 'https';
  /** The largest response message, before and after decompression. */
  readonly messageBytesMax: number;
  readonly userAgent?: string;
  /** How requests are compressed; identity unless given. */
  readonly requestEncoding?: MessageEncoding;
}

/** What one call may ask for. */
export interface CallOptions {
  /** When the caller stops waiting, on the client's clock. */
  readonly deadline?: MonotonicMs;
  /** The same as a length of time from now; the earlier of both counts. */
  readonly timeoutMs?: DurationMs;
  /** Metadata as a flat list name, value, name, value. */
  readonly headers?: readonly string[];
  /** Hears of the response's headers. */
  readonly onHeaders?: (headers: HeaderBlock) => void;
  /** Hears of the block that ended the call, also when it ends with an error. */
  readonly onTrailers?: (trailers: HeaderBlock) => void;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

type Desc<I extends DescMessage, O extends DescMessage, Kind extends CallKind> = TypedDesc<I, O, Kind>;
type AnyMethod = Method<unknown, unknown, unknown, unknown>;

/** One message in an iterable, for the kinds of call that send one. */
async function* once<Message>(message: Message): AsyncGenerator<Message> {
  yield message;
}

const unaryBroken = (path: string, second: boolean): MeshError =>
  new MeshError('internal', `${path} answers with one message, ${second ? 'more than one' : 'none'} came`);

/** The only message of a response. */
async function single<Response>(responses: AsyncIterable<Response>): Promise<Response> {
  let answer: { readonly response: Response } | undefined;
  for await (const response of responses) {
    if (answer !== undefined) throw unaryBroken('a client-streaming method', true);
    answer = { response };
  }
  if (answer === undefined) throw unaryBroken('a client-streaming method', false);
  return answer.response;
}

/**
 * Calls methods over one connection. Nothing is tried again here.
 *
 * Every call ends with its responses or with a `MeshError`: a `GrpcStatusError` with code, message, details and trailers where the other
 * side answered, `unavailable` where the connection failed, `deadline-exceeded`, `cancelled`, or `overloaded` where too many calls wait.
 */
export class GrpcClient {
  readonly #connection: ClientConnection;
  readonly #options: GrpcClientOptions;
  readonly #methods = new WeakMap<object, AnyMethod>();

  constructor(connection: ClientConnection, options: GrpcClientOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** One request, one response, for a method of a generated service. */
  unary<I extends DescMessage, O extends DescMessage>(
    desc: Desc<I, O, 'unary'>,
    request: MessageInitShape<I>,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    return this.call(this.#described(desc), request, options);
  }

  /** Many requests, one response. */
  clientStream<I extends DescMessage, O extends DescMessage>(
    desc: Desc<I, O, 'client_streaming'>,
    requests: AsyncIterable<MessageInitShape<I>>,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    return single(this.exchange(this.#described(desc), requests, options));
  }

  /** One request, many responses. Leaving the loop early cancels the call. */
  serverStream<I extends DescMessage, O extends DescMessage>(
    desc: Desc<I, O, 'server_streaming'>,
    request: MessageInitShape<I>,
    options: CallOptions = {},
  ): AsyncIterableIterator<MessageShape<O>> {
    return this.exchange(this.#described(desc), once(request), options);
  }

  /** Many requests, many responses. Leaving the loop early cancels the call. */
  bidi<I extends DescMessage, O extends DescMessage>(
    desc: Desc<I, O, 'bidi_streaming'>,
    requests: AsyncIterable<MessageInitShape<I>>,
    options: CallOptions = {},
  ): AsyncIterableIterator<MessageShape<O>> {
    return this.exchange(this.#described(desc), requests, options);
  }

  /** One request, one response, for a method with codecs of its own. */
  call<Request, RequestInit, Response, ResponseInit>(
    method: Method<Request, RequestInit, Response, ResponseInit>,
    request: RequestInit,
    options: CallOptions = {},
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      let answer: { readonly response: Response } | undefined;
      let second = false;
      const sink: ResponseSink = {
        onMessage: (bytes) => {
          second = answer !== undefined;
          answer ??= { response: method.response.decode(bytes) };
        },
        onDone: (error) => {
          if (error !== undefined) reject(error);
          else if (answer === undefined || second) reject(unaryBroken(method.path, second));
          else resolve(answer.response);
        },
        holdsMessages: false,
      };
      this.#start(method.path, options, sink).sendOnly(method.request.encode(request));
    });
  }

  /** Any number of requests and responses, for a method with codecs of its own. */
  exchange<Request, RequestInit, Response, ResponseInit>(
    method: Method<Request, RequestInit, Response, ResponseInit>,
    requests: AsyncIterable<RequestInit>,
    options: CallOptions = {},
  ): AsyncIterableIterator<Response> {
    const queue: MessageQueue<Response> = new MessageQueue(
      () => call.payCredit(),
      () => call.cancel(),
    );
    const call = this.#start(method.path, options, {
      onMessage: (bytes) => queue.push(method.response.decode(bytes)),
      onDone: (error) => (error === undefined ? queue.end() : queue.fail(error)),
      get holdsMessages() {
        return !queue.isEmpty;
      },
    });
    call.sendAll(requests, method.request.encode);
    return queue;
  }

  #start(path: string, options: CallOptions, sink: ResponseSink): ClientCall {
    return new ClientCall(this.#connection, path, this.#options, { ...options, ...this.#deadline(options) }, sink);
  }

  #deadline({ deadline, timeoutMs }: CallOptions): { deadline?: MonotonicMs } {
    if (timeoutMs === undefined) return {};
    const byTimeout = this.#options.clock.monotonicMs() + timeoutMs;
    return { deadline: monotonicMs(Math.min(byTimeout, deadline ?? byTimeout)) };
  }

  #described<I extends DescMessage, O extends DescMessage, Kind extends CallKind>(desc: Desc<I, O, Kind>) {
    const known = this.#methods.get(desc);
    const method = known === undefined ? protobufMethod(desc) : (known as ReturnType<typeof protobufMethod<I, O>>);
    if (known === undefined) this.#methods.set(desc, method as unknown as AnyMethod);
    return method;
  }
}
