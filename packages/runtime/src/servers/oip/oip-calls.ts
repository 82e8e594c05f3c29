import { create, type DescMessage, fromBinary, type MessageInitShape, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { MeshError, toMeshError } from '@modelmesh/core';
import {
  GRPCInferenceService,
  ModelMetadataRequestSchema,
  ModelMetadataResponseSchema,
  ModelReadyRequestSchema,
  ModelReadyResponseSchema,
  ServerLiveResponseSchema,
  ServerMetadataResponseSchema,
  ServerReadyResponseSchema,
} from '@modelmesh/wire/inference';
import type { CallHandler, InferenceCall } from '../port.ts';
import type { ModelMetadata, OipEngine } from './engine.ts';
import { InferCall } from './infer-call.ts';
import { requestedModel } from './requested-model.ts';
import { StreamInferCall } from './stream-infer-call.ts';

const SERVICE = GRPCInferenceService.typeName;

/** Methods of the protocol (spec `kserve.md` §4.4). None asks for injection: the mesh's header names the model, and messages pass untouched. */
export const OIP_METHODS: Readonly<Record<string, readonly number[]>> = {
  [`${SERVICE}/ModelInfer`]: [],
  [`${SERVICE}/ModelStreamInfer`]: [],
  [`${SERVICE}/ModelMetadata`]: [],
  [`${SERVICE}/ModelReady`]: [],
  [`${SERVICE}/ServerLive`]: [],
  [`${SERVICE}/ServerReady`]: [],
  [`${SERVICE}/ServerMetadata`]: [],
};

/** Takes a call of the Open Inference Protocol. @throws {MeshError} `unsupported-method` for any other. */
export function acceptOip(engine: OipEngine, call: InferenceCall): CallHandler {
  switch (call.path) {
    case `/${SERVICE}/ModelInfer`:
      return new InferCall(engine, call);
    case `/${SERVICE}/ModelStreamInfer`:
      return new StreamInferCall(engine, call);
    case `/${SERVICE}/ModelMetadata`:
      return unary(call, ModelMetadataRequestSchema, ModelMetadataResponseSchema, ({ name }) => metadataOf(engine, name, call));
    case `/${SERVICE}/ModelReady`:
      return unary(call, ModelReadyRequestSchema, ModelReadyResponseSchema, ({ name }) => ({
        ready: engine.metadata(requestedModel(name, call)) !== undefined,
      }));
    case `/${SERVICE}/ServerLive`:
      return answer(call, ServerLiveResponseSchema, { live: true });
    case `/${SERVICE}/ServerReady`:
      return answer(call, ServerReadyResponseSchema, { ready: true });
    case `/${SERVICE}/ServerMetadata`:
      return answer(call, ServerMetadataResponseSchema, { name: engine.name, version: engine.version });
    default:
      throw new MeshError('unsupported-method', `this runtime does not serve ${call.path}`);
  }
}

function metadataOf(engine: OipEngine, name: string, call: InferenceCall): MessageInitShape<typeof ModelMetadataResponseSchema> {
  const modelId = requestedModel(name, call);
  const metadata = engine.metadata(modelId);
  if (metadata === undefined) throw new MeshError('model-not-found', `the model ${modelId} is not loaded`);
  const { platform, inputs, outputs } = metadata;
  // As every answer does, it carries the name that the caller used, which may be an endpoint's or a family's.
  return { name: name === '' ? modelId : name, platform, inputs: tensors(inputs), outputs: tensors(outputs) };
}

function tensors(specs: ModelMetadata['inputs']): { name: string; datatype: string; shape: bigint[] }[] {
  return specs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(BigInt) }));
}

function answer<Schema extends DescMessage>(call: InferenceCall, schema: Schema, init: MessageInitShape<Schema>): CallHandler {
  return {
    onMessage: () => undefined,
    onCancel: () => undefined,
    onEnd: () => {
      call.send([toBinary(schema, create(schema, init))]);
      call.finish();
    },
  };
}

function unary<Request extends DescMessage, Response extends DescMessage>(
  call: InferenceCall,
  requestSchema: Request,
  responseSchema: Response,
  respond: (request: MessageShape<Request>) => MessageInitShape<Response>,
): CallHandler {
  let bytes: Uint8Array = new Uint8Array();
  return {
    onMessage: (message) => {
      bytes = Buffer.concat(message);
    },
    onCancel: () => undefined,
    onEnd: () => {
      try {
        call.send([toBinary(responseSchema, create(responseSchema, respond(decode(requestSchema, bytes))))]);
        call.finish();
      } catch (error) {
        call.fail(toMeshError(error));
      }
    },
  };
}

function decode<Schema extends DescMessage>(schema: Schema, bytes: Uint8Array): MessageShape<Schema> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw new MeshError('invalid-argument', `malformed ${schema.name}`, { cause: error });
  }
}
