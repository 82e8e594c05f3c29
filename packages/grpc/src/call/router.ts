import type { DescMessage, DescMethod, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { assertNever, Bug, type Clock, MeshError, type MonotonicMs, monotonicMs, toMeshError } from '@modelmesh/core';
import { parseGrpcTimeout } from '@modelmesh/wire/headers';
import { accepts, type MessageEncoding, parseEncoding } from '../compression/index.ts';
import type { AcceptStream, ByteStream, ConnectionInfo, HeaderBlock, StreamHandler } from '../stream/index.ts';
import type { TimerWheel } from '../timer-wheel/index.ts';
import { isGrpcContentType } from './content-type.ts';
import type { BidiHandler, ClientStreamHandler, ServerStreamHandler, UnaryHandler } from './context.ts';
import { protobufMethod } from './method.ts';
import { refuseCall, refuseHttp } from './refuse.ts';
import type { CallSetup, ServerCall } from './server-call.ts';
import { BidiCall, ClientStreamCall, type ServedMethod, ServerStreamCall, UnaryCall } from './server-kinds.ts';
import type { ServiceHandlers } from './service.ts';

/** What a router needs, and where calls go that none of its methods takes. */
export interface GrpcRouterOptions {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  /** The largest request message, before and after decompression. */
  readonly messageBytesMax: number;
  /** How responses are compressed for callers that accept it; identity unless given. */
  readonly responseEncoding?: MessageEncoding;
  /** gRPC calls of methods that are not registered, as raw streams; UNIMPLEMENTED without one. */
  readonly fallback?: AcceptStream;
  /** Streams that are no gRPC: REST over HTTP/2; 415 without one. */
  readonly http?: AcceptStream;
  /** Who calls: the result becomes the context's principal. @throws {MeshError} to refuse. */
  readonly identify?: (headers: HeaderBlock, peer: ConnectionInfo, path: string) => unknown;
  /** Hears of errors that are faults of ours, with their stack; callers are told nothing of them. */
  readonly onFault?: (error: unknown, path: string) => void;
}

type AnyMessage = MessageShape<DescMessage>;
type AnyMessageInit = MessageInitShape<DescMessage>;
type CallFactory = (stream: ByteStream, setup: CallSetup) => ServerCall;

/** Sends each stream of a connection to the handler of its method, to the fallback, or to the door for HTTP. */
export class GrpcRouter {
  readonly #options: GrpcRouterOptions;
  readonly #methods = new Map<string, CallFactory>();
  #canonical: ((path: string) => string | undefined) | undefined;

  constructor(options: GrpcRouterOptions) {
    this.#options = options;
  }

  /** What an engine calls for every new stream. */
  readonly accept: AcceptStream = (stream, headers, end, connection): StreamHandler => {
    const { fallback, http } = this.#options;
    if (!isGrpcContentType(headers.get('content-type'))) {
      return http === undefined ? refuseHttp(stream, 415, end) : http(stream, headers, end, connection);
    }
    const path = headers.get(':path') ?? '';
    const factory = this.#methods.get(path) ?? this.#byOlderName(path);
    if (factory === undefined) {
      if (fallback !== undefined) return fallback(stream, headers, end, connection);
      return refuseCall(stream, new MeshError('unsupported-method', `${path} is not served here`), end);
    }
    let call: ServerCall;
    try {
      call = factory(stream, this.#setup(path, headers, connection.info));
    } catch (error) {
      return refuseCall(stream, toMeshError(error), end);
    }
    call.begin(end);
    return call;
  };

  /** The paths that are served. */
  paths(): string[] {
    return [...this.#methods.keys()];
  }

  /** Serves methods under older names too: `canonical` tells the path that one which is not registered stands for, if it is such a name. */
  olderNames(canonical: (path: string) => string | undefined): this {
    this.#canonical = canonical;
    return this;
  }

  /** Serves every method of `service` that has a handler. */
  service<Service extends DescService>(service: Service, handlers: ServiceHandlers<Service>): this {
    for (const method of service.methods) {
      const handler: unknown = Reflect.get(handlers, method.localName);
      if (typeof handler === 'function') this.#described(method, handler.bind(handlers));
    }
    return this;
  }

  unary<Request, ResponseInit>(method: ServedMethod<Request, ResponseInit>, handler: UnaryHandler<Request, ResponseInit>): this {
    return this.#add(method.path, (stream, setup) => new UnaryCall(stream, setup, method, handler));
  }

  clientStream<Request, ResponseInit>(
    method: ServedMethod<Request, ResponseInit>,
    handler: ClientStreamHandler<Request, ResponseInit>,
  ): this {
    return this.#add(method.path, (stream, setup) => new ClientStreamCall(stream, setup, method, handler));
  }

  serverStream<Request, ResponseInit>(
    method: ServedMethod<Request, ResponseInit>,
    handler: ServerStreamHandler<Request, ResponseInit>,
  ): this {
    return this.#add(method.path, (stream, setup) => new ServerStreamCall(stream, setup, method, handler));
  }

  bidi<Request, ResponseInit>(method: ServedMethod<Request, ResponseInit>, handler: BidiHandler<Request, ResponseInit>): this {
    return this.#add(method.path, (stream, setup) => new BidiCall(stream, setup, method, handler));
  }

  #byOlderName(path: string): CallFactory | undefined {
    const canonical = this.#canonical?.(path);
    return canonical === undefined ? undefined : this.#methods.get(canonical);
  }

  /** The types of a service's handlers were checked where they were given to `service`; here only the kind decides. */
  #described(desc: DescMethod, handler: unknown): void {
    const method = protobufMethod(desc);
    switch (desc.methodKind) {
      case 'unary':
        this.unary(method, handler as UnaryHandler<AnyMessage, AnyMessageInit>);
        return;
      case 'client_streaming':
        this.clientStream(method, handler as ClientStreamHandler<AnyMessage, AnyMessageInit>);
        return;
      case 'server_streaming':
        this.serverStream(method, handler as ServerStreamHandler<AnyMessage, AnyMessageInit>);
        return;
      case 'bidi_streaming':
        this.bidi(method, handler as BidiHandler<AnyMessage, AnyMessageInit>);
        return;
      default:
        assertNever(desc.methodKind);
    }
  }

  #add(path: string, factory: CallFactory): this {
    if (this.#methods.has(path)) throw new Bug(`${path} is registered twice`);
    this.#methods.set(path, factory);
    return this;
  }

  #setup(path: string, headers: HeaderBlock, peer: ConnectionInfo): CallSetup {
    const { timers, messageBytesMax, responseEncoding = 'identity', identify, onFault = () => undefined } = this.#options;
    const requestEncoding = parseEncoding(headers.get('grpc-encoding'));
    const answerEncoding = accepts(headers.get('grpc-accept-encoding'), responseEncoding) ? responseEncoding : 'identity';
    const deadline = this.#deadline(headers.get('grpc-timeout'));
    const principal = identify?.(headers, peer, path);
    return {
      path,
      headers,
      peer,
      principal,
      deadline,
      requestEncoding,
      responseEncoding: answerEncoding,
      messageBytesMax,
      timers,
      onFault,
    };
  }

  #deadline(timeout: string | undefined): MonotonicMs | undefined {
    return timeout === undefined ? undefined : monotonicMs(this.#options.clock.monotonicMs() + parseGrpcTimeout(timeout));
  }
}
