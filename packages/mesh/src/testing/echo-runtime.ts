import { createServer, type Server, type Socket } from 'node:net';
import { durationMs, sleep } from '@modelmesh/core';
import { GrpcRouter, GrpcStatusError } from '@modelmesh/grpc/call';
import {
  type AcceptStream,
  type ByteStream,
  type ConnectionInfo,
  createFrameEngine,
  DEFAULT_STREAM_LIMITS,
  type HeaderBlock,
  headerBlock,
  type ServerConnection,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { ModelRuntime, RuntimeStatusResponse_Status } from '@modelmesh/wire/mmesh';
import { encodeGrpcMessage, GRPC_CODE, type GrpcCodeName } from '@modelmesh/wire/status';
import { systemClock } from '../node/index.ts';
import { serveStreams } from './echo-streams.ts';

const MIB = 1024 * 1024;

/** How the runtime behaves beyond what requests ask of it. */
export interface EchoRuntimeOptions {
  readonly path: string;
  readonly capacityBytes?: number;
  readonly modelBytes?: number;
  readonly methods?: Readonly<Record<string, readonly number[]>>;
  readonly streamsMax?: number;
}

/**
 * A runtime that loads anything and answers every call with the request's own bytes, as the one behind the recordings did: the path `fail
 * CODE message` fails a load, `slow MS` delays it; the header `null-fail: CODE message` fails a call, `null-trailer` comes back as a
 * trailer, and `null-details-bin` as the details of its status. Calls for a model that is not loaded get NOT_FOUND. Beside that it serves
 * `Gather` and `Spread` of {@link serveStreams}.
 */
export class EchoRuntime {
  readonly loaded = new Set<string>();
  readonly loads: string[] = [];
  readonly unloads: string[] = [];
  readonly seen: HeaderBlock[] = [];
  /** Calls of `Spread` that were given up before their end. */
  spreadsCancelled = 0;
  statusCalls = 0;
  readonly #server: Server;
  readonly #connections = new Set<ServerConnection>();
  readonly #options: EchoRuntimeOptions;

  constructor(options: EchoRuntimeOptions) {
    this.#options = options;
    const router = serveStreams(this.#router(), this);
    const engine = createFrameEngine({ clock: systemClock, poison: true });
    const limits = {
      ...DEFAULT_STREAM_LIMITS,
      streamsPerConnectionMax: options.streamsMax ?? DEFAULT_STREAM_LIMITS.streamsPerConnectionMax,
    };
    const info: ConnectionInfo = { remoteAddress: '', encrypted: false, clientCertificate: undefined };
    this.#server = createServer((socket: Socket) => {
      const connection = engine.serve(socket, info, limits, router.accept);
      this.#connections.add(connection);
      connection.onClose = () => this.#connections.delete(connection);
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.#options.path, resolve));
  }

  /** Ends as a process that is killed: connections break, models are gone. */
  kill(): Promise<void> {
    this.loaded.clear();
    for (const connection of this.#connections) connection.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #router(): GrpcRouter {
    const { capacityBytes = 8192 * MIB, modelBytes = MIB, methods = {} } = this.#options;
    const timers = new TimerWheel(systemClock);
    const router = new GrpcRouter({ clock: systemClock, timers, messageBytesMax: 64 * MIB, fallback: this.#echo });
    return router.service(ModelRuntime, {
      runtimeStatus: () => {
        this.statusCalls += 1;
        this.loaded.clear();
        return {
          status: RuntimeStatusResponse_Status.READY,
          capacityInBytes: BigInt(capacityBytes),
          maxLoadingConcurrency: 8,
          modelLoadingTimeoutMs: 90_000,
          defaultModelSizeInBytes: BigInt(modelBytes),
          runtimeVersion: 'echo',
          methodInfos: Object.fromEntries(Object.entries(methods).map(([name, path]) => [name, { idInjectionPath: [...path] }])),
          allowAnyMethod: true,
        };
      },
      loadModel: async ({ modelId, modelPath }, { signal }) => {
        this.loads.push(modelId);
        const [verb, argument = '', ...rest] = modelPath.split(' ');
        if (verb === 'fail') throw new GrpcStatusError(GRPC_CODE[argument as GrpcCodeName], rest.join(' '));
        if (verb === 'slow') await sleep(systemClock, durationMs(Number(argument) || 300), signal);
        this.loaded.add(modelId);
        return { sizeInBytes: BigInt(modelBytes) };
      },
      unloadModel: ({ modelId }) => {
        this.unloads.push(modelId);
        this.loaded.delete(modelId);
        return {};
      },
      modelSize: () => ({ sizeInBytes: BigInt(modelBytes) }),
      predictModelSize: () => ({ sizeInBytes: BigInt(modelBytes) }),
    });
  }

  readonly #echo: AcceptStream = (stream, headers, end) => {
    this.seen.push(headers);
    const model = Buffer.from(headers.get('mm-model-id-bin') ?? '', 'base64').toString();
    const [code, ...rest] = (headers.get('null-fail') ?? '').split(' ');
    const failure: readonly [number, string] | undefined =
      code !== undefined && code !== ''
        ? [GRPC_CODE[code as GrpcCodeName], rest.join(' ')]
        : this.loaded.has(model)
          ? undefined
          : [GRPC_CODE.NOT_FOUND, `model ${model} is not loaded`];
    const handler = new EchoHandler(ownTrailers(headers), failure);
    handler.begin(stream, end);
    return handler;
  };
}

/** What the caller wants to see behind the status. */
function ownTrailers(headers: HeaderBlock): readonly string[] {
  const trailer = headers.get('null-trailer');
  const details = headers.get('null-details-bin');
  return [
    ...(trailer === undefined ? [] : ['null-trailer', trailer]),
    ...(details === undefined ? [] : ['grpc-status-details-bin', details]),
  ];
}

class EchoHandler implements StreamHandler {
  readonly #trailers: readonly string[];
  readonly #failure: readonly [number, string] | undefined;
  #unconsumed = 0;

  constructor(trailers: readonly string[], failure: readonly [number, string] | undefined) {
    this.#trailers = trailers;
    this.#failure = failure;
  }

  begin(stream: ByteStream, end: boolean): void {
    if (this.#failure === undefined)
      stream.sendHeaders(headerBlock([':status', '200', 'content-type', 'application/grpc']), false);
    if (end) this.#finish(stream);
  }

  onHeaders(): void {}

  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (this.#failure !== undefined) stream.consume(bytes.length);
    else if (stream.sendData(bytes, false)) stream.consume(bytes.length);
    else this.#unconsumed += bytes.length;
    if (end) this.#finish(stream);
  }

  onTrailers(stream: ByteStream): void {
    this.#finish(stream);
  }

  onReset(): void {}

  onWritable(stream: ByteStream): void {
    stream.consume(this.#unconsumed);
    this.#unconsumed = 0;
  }

  onClosed(): void {}

  #finish(stream: ByteStream): void {
    const [code, message] = this.#failure ?? [0, ''];
    const trailers = ['grpc-status', String(code)];
    if (message !== '') trailers.push('grpc-message', encodeGrpcMessage(message));
    trailers.push(...this.#trailers);
    if (this.#failure === undefined) stream.sendTrailers(headerBlock(trailers));
    else stream.sendHeaders(headerBlock([':status', '200', 'content-type', 'application/grpc', ...trailers]), true);
  }
}
