import { type DurationMs, durationMs } from '@modelmesh/core';
import { type CallOptions, GrpcClient, type Method, methodPath, protobufCodec } from '@modelmesh/grpc/call';
import { type ClientConnection, type ClientTls, createFrameEngine, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { GRPCInferenceService, ModelMetadataRequestSchema } from '@modelmesh/wire/inference';
import {
  decodeInferResponse,
  decodeModelMetadata,
  decodeRestInferRequest,
  encodeInferRequest,
  encodeRestInferResponse,
  type InferRequest,
  type InferResponse,
  type ModelMetadata,
  NO_PARAMETERS,
  type Parameters,
  type Tensor,
} from '@modelmesh/wire/oip';
import { ModelMeshClient } from './model-mesh-client.ts';
import { RestClient } from './rest-client.ts';
import { connectTargetOf, parseServer } from './server-address.ts';
import { systemClock } from './system-clock.ts';

/** The largest answer of a call. */
const MESSAGE_BYTES_MAX = 256 * 1024 * 1024;
/** How long a connection may take to come up. */
const CONNECT_TIMEOUT_MS: DurationMs = durationMs(10_000);

/** Where a client connects to, and how. */
export interface MeshClientOptions {
  /** `http://host:port`, `https://host:port` or `host:port`; the port is 8033 unless given. */
  readonly server: string;
  /** Certificates for https; without any the system's trust is used. */
  readonly tls?: ClientTls;
}

/** One inference. */
export interface InferCall {
  /** An endpoint, a key, or a family. */
  readonly model: string;
  /** A version of the family; without one the endpoint's policy or the newest version decides. */
  readonly version?: string;
  readonly inputs: readonly Tensor[];
  /** Names of the outputs wanted; all unless given. */
  readonly outputs?: readonly string[];
  readonly id?: string;
  readonly parameters?: Parameters;
}

const unread = (): never => {
  throw new TypeError('a client sends this message and never reads it');
};

type OipMethod<Sent, Received> = Method<never, Sent, Received, never>;

const INFER: OipMethod<InferRequest, InferResponse> = {
  path: methodPath(GRPCInferenceService.method.modelInfer),
  request: { decode: unread, encode: encodeInferRequest },
  response: { decode: decodeInferResponse, encode: unread },
};

const METADATA: OipMethod<{ readonly name: string; readonly version: string }, ModelMetadata> = {
  path: methodPath(GRPCInferenceService.method.modelMetadata),
  request: { decode: unread, encode: protobufCodec(ModelMetadataRequestSchema).encode },
  response: { decode: decodeModelMetadata, encode: unread },
};

/**
 * A client of a mesh: inference and ModelMesh's management over gRPC on one HTTP/2 connection, everything of `/api/v1` over {@link rest}.
 *
 * Every call fails with a `MeshError`; nothing is tried again here. Close it when it is no longer needed.
 */
export class MeshClient implements Disposable {
  /** The management API and inference over REST. */
  readonly rest: RestClient;
  /** `mmesh.ModelMesh` over gRPC. */
  readonly modelMesh: ModelMeshClient;
  /** Calls of any other gRPC service behind the mesh; name the model with the header `mm-model-id`. */
  readonly grpc: GrpcClient;
  readonly #connection: ClientConnection;

  /** @throws {MeshError} `invalid-argument` for a server that is none */
  constructor({ server, tls = {} }: MeshClientOptions) {
    const address = parseServer(server);
    const engine = createFrameEngine({ clock: systemClock, connectTimeoutMs: CONNECT_TIMEOUT_MS });
    this.#connection = engine.connect(connectTargetOf(address, tls), DEFAULT_STREAM_LIMITS);
    this.grpc = new GrpcClient(this.#connection, {
      clock: systemClock,
      timers: new TimerWheel(systemClock),
      authority: address.authority,
      scheme: address.scheme,
      messageBytesMax: MESSAGE_BYTES_MAX,
    });
    this.modelMesh = new ModelMeshClient(this.grpc);
    this.rest = new RestClient(server, tls);
  }

  /** Asks a model, over gRPC. The tensors of the answer are slices of one message. */
  infer(call: InferCall, options?: CallOptions): Promise<InferResponse> {
    const { model, version = '', inputs, outputs = [], id = '', parameters = NO_PARAMETERS } = call;
    const wanted = outputs.map((name) => ({ name, parameters: NO_PARAMETERS }));
    return this.grpc.call(INFER, { modelName: model, modelVersion: version, id, parameters, inputs, outputs: wanted }, options);
  }

  /** The same from and to the JSON of the protocol's REST side, every number exact. */
  async inferJson(model: string, body: Uint8Array, options: CallOptions & { readonly version?: string } = {}): Promise<string> {
    const { version = '', ...callOptions } = options;
    const { request, answer } = decodeRestInferRequest(body, { modelName: model, modelVersion: version });
    const response = await this.grpc.call(INFER, request, callOptions);
    const { chunks } = encodeRestInferResponse(response, { modelName: model, answer });
    return Buffer.concat(chunks).toString();
  }

  /** Inputs and outputs of a model, as its runtime tells them. */
  modelMetadata(model: string, version = '', options?: CallOptions): Promise<ModelMetadata> {
    return this.grpc.call(METADATA, { name: model, version }, options);
  }

  /** Ends all connections; calls in flight fail. */
  close(): void {
    this.#connection.close();
    this.rest.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
