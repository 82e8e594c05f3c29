import * as grpc from '@grpc/grpc-js';

const identity = (bytes: Buffer): Buffer => bytes;

function method(name: string, requestStream: boolean, responseStream: boolean): grpc.MethodDefinition<Buffer, Buffer> {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
}

/** A service with a method of each kind whose messages are bytes, as grpc-js describes it. */
export const ECHO_SERVICE = {
  Unary: method('Unary', false, false),
  Client: method('Client', true, false),
  Server: method('Server', false, true),
  Bidi: method('Bidi', true, true),
};

/** Serves the echo service with grpc-js on a free port of the loopback. */
export async function serveWithGrpcJs(
  handlers: grpc.UntypedServiceImplementation,
  options: grpc.ServerOptions = {},
): Promise<{ readonly port: number; readonly server: grpc.Server } & Disposable> {
  const server = new grpc.Server(options);
  server.addService(ECHO_SERVICE, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { port, server, [Symbol.dispose]: () => server.forceShutdown() };
}

/** A grpc-js client of `address`. */
export function grpcJsClient(address: string, options: grpc.ClientOptions = {}): grpc.Client & Disposable {
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1, ...options });
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

/** What a unary call of grpc-js ended with. */
export interface GrpcJsOutcome {
  readonly response: Buffer | undefined;
  readonly headers: grpc.Metadata | undefined;
  readonly status: grpc.StatusObject;
}

/** A unary call of grpc-js with everything that came back. */
export function grpcJsUnary(
  client: grpc.Client,
  request: Buffer,
  metadata: grpc.Metadata = new grpc.Metadata(),
  options: grpc.CallOptions = {},
): { readonly call: grpc.ClientUnaryCall; readonly outcome: Promise<GrpcJsOutcome> } {
  const { promise, resolve } = Promise.withResolvers<GrpcJsOutcome>();
  let response: Buffer | undefined;
  let headers: grpc.Metadata | undefined;
  const call = client.makeUnaryRequest(
    ECHO_SERVICE.Unary.path,
    identity,
    identity,
    request,
    metadata,
    options,
    (_error, value) => {
      response = value;
    },
  );
  call.on('metadata', (received) => {
    headers = received;
  });
  call.on('status', (status) => resolve({ response, headers, status }));
  return { call, outcome: promise };
}
