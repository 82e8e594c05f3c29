import {
  create,
  type DescMessage,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { methodPath, type TypedDesc } from '@modelmesh/grpc/call';

/** What a unary call of grpc-js ended with. */
export interface GrpcJsOutcome<Response> {
  readonly response: Response | undefined;
  readonly headers: grpc.Metadata | undefined;
  readonly status: grpc.StatusObject;
}

/** What one call asks for. */
export interface GrpcJsOptions extends grpc.CallOptions {
  readonly metadata?: Readonly<Record<string, string | Buffer>>;
}

type Kind = 'unary' | 'bidi_streaming';

/** grpc-js as its users have it, on a connection of its own; only messages are written and read by our generated code. */
export class GrpcJsClient implements Disposable {
  readonly #client: grpc.Client;

  /** @param address host:port, in plaintext unless credentials say otherwise */
  constructor(address: string, options: grpc.ClientOptions = {}, credentials = grpc.credentials.createInsecure()) {
    const own = { 'grpc.use_local_subchannel_pool': 1, ...options };
    this.#client = new grpc.Client(address, credentials, own);
  }

  /** A unary call under way, and what it will end with. */
  start<I extends DescMessage, O extends DescMessage>(
    desc: TypedDesc<I, O, 'unary'>,
    request: MessageInitShape<I>,
    { metadata = {}, ...options }: GrpcJsOptions = {},
  ): { readonly call: grpc.ClientUnaryCall; readonly outcome: Promise<GrpcJsOutcome<MessageShape<O>>> } {
    const { promise, resolve } = Promise.withResolvers<GrpcJsOutcome<MessageShape<O>>>();
    let response: MessageShape<O> | undefined;
    let headers: grpc.Metadata | undefined;
    const { path, write, read } = definition(desc);
    const call = this.#client.makeUnaryRequest(path, write, read, request, metadataOf(metadata), options, (_error, value) => {
      response = value;
    });
    call.on('metadata', (received) => {
      headers = received;
    });
    call.on('status', (status) => resolve({ response, headers, status }));
    return { call, outcome: promise };
  }

  /** A unary call with everything that came back. */
  unary<I extends DescMessage, O extends DescMessage>(
    desc: TypedDesc<I, O, 'unary'>,
    request: MessageInitShape<I>,
    options: GrpcJsOptions = {},
  ): Promise<GrpcJsOutcome<MessageShape<O>>> {
    return this.start(desc, request, options).outcome;
  }

  /** A conversation. */
  bidi<I extends DescMessage, O extends DescMessage>(
    desc: TypedDesc<I, O, 'bidi_streaming'>,
    { metadata = {}, ...options }: GrpcJsOptions = {},
  ): grpc.ClientDuplexStream<MessageInitShape<I>, MessageShape<O>> {
    const { path, write, read } = definition(desc);
    return this.#client.makeBidiStreamRequest(path, write, read, metadataOf(metadata), options);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function definition<I extends DescMessage, O extends DescMessage>(desc: TypedDesc<I, O, Kind> & { parent: DescService }) {
  return {
    path: methodPath(desc),
    write: (message: MessageInitShape<I>): Buffer => Buffer.from(toBinary(desc.input, create(desc.input, message))),
    read: (bytes: Buffer): MessageShape<O> => fromBinary(desc.output, bytes),
  };
}

function metadataOf(fields: Readonly<Record<string, string | Buffer>>): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
  return metadata;
}
