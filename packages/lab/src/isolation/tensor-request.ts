import { encodeInferRequest, NO_PARAMETERS } from '@modelmesh/wire/oip';
import { type GrpcRequest, grpcRequest } from '../load/index.ts';

/** `ModelInfer` with one tensor of floats named `x`. */
export function floatRequest(model: string, shape: readonly number[], values: readonly number[]): GrpcRequest {
  const data = new Uint8Array(Float32Array.from(values).buffer);
  const input = { name: 'x', datatype: 'FP32', shape, parameters: NO_PARAMETERS, data } as const;
  const named = { modelName: model, modelVersion: '', id: '', parameters: NO_PARAMETERS };
  const message = encodeInferRequest({ ...named, inputs: [input], outputs: [] });
  return grpcRequest('/inference.GRPCInferenceService/ModelInfer', Buffer.concat(message));
}
