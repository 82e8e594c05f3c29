import { toMeshError } from '@modelmesh/core';
import { type CallOptions, type GrpcClient, GrpcStatusError, type Method, methodPath } from '@modelmesh/grpc/call';
import { elementsOf, tensor } from '@modelmesh/sdk/client';
import { GRPCInferenceService } from '@modelmesh/wire/inference';
import {
  decodeInferResponse,
  encodeInferRequest,
  type InferRequest,
  type InferResponse,
  NO_PARAMETERS,
} from '@modelmesh/wire/oip';
import { grpcCodeName } from '@modelmesh/wire/status';
import type { NodeProcess } from '../node-process/index.ts';
import { ROW } from './generated-models.ts';

/** What came of a call: the numbers of the answer, or the code and the sentence of a refusal. */
export type Outcome =
  | { readonly kind: 'answer'; readonly values: readonly number[] }
  | { readonly kind: 'refusal'; readonly code: string; readonly message: string };

const unread = (): never => {
  throw new TypeError('a client sends this message and never reads it');
};

/** `ModelInfer` as a client speaks it. */
export const MODEL_INFER: Method<never, InferRequest, InferResponse, never> = {
  path: methodPath(GRPCInferenceService.method.modelInfer),
  request: { decode: unread, encode: encodeInferRequest },
  response: { decode: decodeInferResponse, encode: unread },
};

/** A request for one row of a generated model. */
export function rowRequest(model: string, row: readonly number[] = ROW): InferRequest {
  const inputs = [tensor('x', 'FP32', [1, row.length], Float32Array.from(row))];
  return { modelName: model, modelVersion: '', id: '', parameters: NO_PARAMETERS, inputs, outputs: [] };
}

/** The same as the JSON of REST. */
export const rowBody = (row: readonly number[] = ROW): string =>
  JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, row.length], data: row }] });

/** How a call is made: of a gRPC call's options REST knows deadline, headers and signal. */
export interface AskOptions extends Pick<CallOptions, 'timeoutMs' | 'headers' | 'signal'> {
  readonly client?: GrpcClient;
}

/** Asks a generated model for one row over gRPC. */
export async function askGrpc(node: NodeProcess, model: string, options: AskOptions = {}): Promise<Outcome> {
  const { client = node.client, ...callOptions } = options;
  try {
    return { kind: 'answer', values: valuesOf(await client.call(MODEL_INFER, rowRequest(model), callOptions)) };
  } catch (error) {
    return refusalOf(error);
  }
}

/** The one output of a generated model. */
export function valuesOf({ outputs }: InferResponse): readonly number[] {
  const [output] = outputs;
  return output === undefined ? [] : [...elementsOf(output, 'FP32')];
}

/** A failed gRPC call as an outcome: the status that came, or the kind of the client's own error in lower case. */
export function refusalOf(error: unknown): Outcome {
  if (error instanceof GrpcStatusError) return { kind: 'refusal', code: grpcCodeName(error.code), message: error.message };
  const { kind, message } = toMeshError(error);
  return { kind: 'refusal', code: kind, message };
}

/** Asks a generated model for one row over REST. */
export async function askRest(node: NodeProcess, model: string, options: AskOptions = {}): Promise<Outcome> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (options.timeoutMs !== undefined) headers['mm-timeout-ms'] = String(options.timeoutMs);
  const own = options.headers ?? [];
  for (let i = 0; i < own.length; i += 2) headers[own[i] ?? ''] = own[i + 1] ?? '';
  const response = await fetch(`${node.url}/v2/models/${encodeURIComponent(model)}/infer`, {
    method: 'POST',
    headers,
    body: rowBody(),
    signal: options.signal ?? null,
  });
  const body = (await response.json()) as { error?: string; outputs?: { data: number[] }[] };
  if (response.ok) return { kind: 'answer', values: body.outputs?.[0]?.data ?? [] };
  return { kind: 'refusal', code: String(response.status), message: body.error ?? '' };
}
