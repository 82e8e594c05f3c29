import { createServer, type Server, type Socket } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { durationMs, MeshError, sleep } from '@modelmesh/core';
import { type CallContext, GrpcRouter, GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import {
  type ConnectionInfo,
  type ConnectTarget,
  createFrameEngine,
  DEFAULT_STREAM_LIMITS,
  type HeaderBlock,
  type ServerConnection,
} from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { ModelMetadataResponseSchema, ModelStreamInferResponseSchema } from '@modelmesh/wire/inference';
import {
  decodeInferRequest,
  encodeInferResponse,
  type InferRequest,
  type InferResponse,
  NO_PARAMETERS,
  type Tensor,
  type TensorMetadata,
} from '@modelmesh/wire/oip';
import { GRPC_CODE, type GrpcCodeName } from '@modelmesh/wire/status';
import { systemClock } from '../../../node/index.ts';

const SERVICE = '/inference.GRPCInferenceService';
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

/** How a model behaves. */
export interface TestModel {
  readonly inputs: readonly TensorMetadata[];
  readonly outputs?: readonly TensorMetadata[];
  /** Absent: the runtime says that it knows no metadata. */
  readonly platform?: string;
  /** Keeps the question for its metadata waiting. */
  readonly holdsMetadata?: Promise<void>;
  infer?(request: InferRequest, context: CallContext): InferResponse | Promise<InferResponse>;
  /** The bytes of the answer, for runtimes that break the rules. */
  raw?(): Uint8Array;
  stream?(request: InferRequest, context: CallContext): AsyncIterable<InferResponse | string>;
}

/** A tensor of UTF-8 strings. */
export function textTensor(name: string, ...texts: readonly string[]): Tensor {
  const parts = texts.flatMap((text) => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return [length, bytes];
  });
  return { name, datatype: 'BYTES', shape: [texts.length], parameters: NO_PARAMETERS, data: Buffer.concat(parts) };
}

/** The first string of a BYTES tensor. */
export const textOf = (tensor: Tensor | undefined): string => Buffer.from(tensor?.data ?? []).toString('utf8', 4);

/** An answer with these outputs. */
export const answerOf = (...outputs: readonly Tensor[]): InferResponse => ({
  modelName: 'as the runtime knows it',
  modelVersion: '',
  id: '',
  parameters: NO_PARAMETERS,
  outputs,
});

/** Answers with the inputs under the names of outputs: `x` → `x`. */
export const echo = (request: InferRequest): InferResponse => ({
  ...answerOf(...request.inputs),
  id: request.id,
  parameters: request.parameters,
});

/** What a call brought with it. */
export interface SeenCall {
  readonly method: string;
  readonly headers: HeaderBlock;
  readonly request: InferRequest | undefined;
  /** Ends when the caller has gone. */
  readonly signal: AbortSignal;
}

/** A runtime of the Open Inference Protocol on a real socket, whose models are functions. */
export class OipRuntime {
  readonly models = new Map<string, TestModel>();
  readonly seen: SeenCall[] = [];
  /** Called with each call as it is seen. */
  onSeen: (call: SeenCall) => void = () => undefined;
  readonly #server: Server;
  readonly #connections = new Set<ServerConnection>();

  /** Takes at most `streamsMax` calls at a time on one connection. */
  constructor(streamsMax = DEFAULT_STREAM_LIMITS.streamsPerConnectionMax) {
    const timers = new TimerWheel(systemClock);
    const router = new GrpcRouter({ clock: systemClock, timers, messageBytesMax: MESSAGE_BYTES_MAX });
    router.unary(rawMethod(`${SERVICE}/ModelInfer`), (bytes, context) => this.#infer(bytes, context));
    router.unary(rawMethod(`${SERVICE}/ModelMetadata`), (_bytes, context) => this.#metadata(context));
    router.bidi(rawMethod(`${SERVICE}/ModelStreamInfer`), (requests, context) => this.#stream(requests, context));
    const engine = createFrameEngine({ clock: systemClock, poison: true });
    const info: ConnectionInfo = { remoteAddress: '', encrypted: false, clientCertificate: undefined };
    this.#server = createServer((socket: Socket) => {
      const connection = engine.serve(
        socket,
        info,
        { ...DEFAULT_STREAM_LIMITS, streamsPerConnectionMax: streamsMax },
        router.accept,
      );
      this.#connections.add(connection);
      connection.onClose = () => this.#connections.delete(connection);
    });
  }

  /** Listens on a free port. */
  async listen(): Promise<ConnectTarget> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return { kind: 'tcp', host: '127.0.0.1', port };
  }

  /** Breaks all connections; new ones are taken. */
  dropConnections(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  close(): Promise<void> {
    this.dropConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #see(method: string, context: CallContext, request: InferRequest | undefined): TestModel {
    const call = { method, headers: context.headers, request, signal: context.signal };
    this.seen.push(call);
    this.onSeen(call);
    const name = Buffer.from(context.headers.get('mm-model-id-bin') ?? '', 'base64').toString();
    const model = this.models.get(name);
    if (model === undefined) throw new GrpcStatusError(GRPC_CODE.NOT_FOUND, `model ${name} is not loaded`);
    const [code = '', ...message] = (context.headers.get('null-fail') ?? '').split(' ');
    if (code !== '') throw new GrpcStatusError(GRPC_CODE[code as GrpcCodeName], message.join(' '));
    return model;
  }

  async #infer(bytes: Uint8Array, context: CallContext): Promise<readonly Uint8Array[]> {
    const request = decodeInferRequest(bytes);
    const model = this.#see('ModelInfer', context, request);
    const delayMs = Number(context.headers.get('null-delay') ?? 0);
    if (delayMs > 0) await sleep(systemClock, durationMs(delayMs), context.signal);
    if (model.raw !== undefined) return [model.raw()];
    if (model.infer === undefined) throw new GrpcStatusError(GRPC_CODE.UNIMPLEMENTED, 'this model answers in streams only');
    return encodeInferResponse(await model.infer(request, context));
  }

  async #metadata(context: CallContext): Promise<readonly Uint8Array[]> {
    const { platform, inputs, outputs = [], holdsMetadata } = this.#see('ModelMetadata', context, undefined);
    await holdsMetadata;
    if (platform === undefined) throw new GrpcStatusError(GRPC_CODE.UNIMPLEMENTED, 'no metadata here');
    const tensors = (list: readonly TensorMetadata[]) =>
      list.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(BigInt) }));
    const message = create(ModelMetadataResponseSchema, {
      name: 'as the runtime knows it',
      platform,
      inputs: tensors(inputs),
      outputs: tensors(outputs),
    });
    return [toBinary(ModelMetadataResponseSchema, message)];
  }

  async *#stream(requests: AsyncIterable<Uint8Array>, context: CallContext): AsyncGenerator<readonly Uint8Array[]> {
    for await (const bytes of requests) {
      const request = decodeInferRequest(bytes);
      const model = this.#see('ModelStreamInfer', context, request);
      if (model.stream === undefined) throw new MeshError('unsupported-method', 'this model does not stream');
      for await (const item of model.stream(request, context)) yield streamMessage(item);
    }
  }
}

/** A `ModelStreamInferResponse`: an answer, or the sentence of an error. */
function streamMessage(item: InferResponse | string): readonly Uint8Array[] {
  if (typeof item === 'string')
    return [toBinary(ModelStreamInferResponseSchema, create(ModelStreamInferResponseSchema, { errorMessage: item }))];
  const answer = encodeInferResponse(item);
  const length = answer.reduce((sum, chunk) => sum + chunk.length, 0);
  return [Uint8Array.from([0x12, ...varint(length)]), ...answer];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 128);
  }
}
