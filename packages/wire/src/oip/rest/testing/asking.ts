/** Asks and answers in short words, for the tests of this room. */
import assert from 'node:assert/strict';
import { MeshError } from '@modelmesh/core';
import type { InferResponse } from '../../proto/index.ts';
import type { Datatype, Tensor } from '../../tensor/index.ts';
import {
  decodeRestInferRequest,
  encodeRestInferResponse,
  PLAIN_ANSWER,
  type RestBody,
  type RestInferRequest,
  type RestInferRequestOptions,
  type RestInferResponseOptions,
} from '../index.ts';

/** What stands beside the body, but the name. */
export type Asked = Omit<RestInferRequestOptions, 'modelName'>;

/** Reads a request from bytes, text or an object. */
export const ask = (body: string | Uint8Array | object, options: Asked = {}): RestInferRequest => {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return decodeRestInferRequest(bytes, { modelName: 'm', ...options });
};

/** Kind and sentence of the refusal, or `accepted`. */
export const refusal = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof MeshError, String(error));
    return `${error.kind}: ${error.message}`;
  }
  return 'accepted';
};
/** Kind and sentence with which a request is refused. */
export const refused = (body: string | object, options?: Asked): string => refusal(() => ask(body, options));

/** JSON, then tensors, and the header that tells them apart. */
export const withBinary = (json: object, ...tensors: readonly Uint8Array[]): [Uint8Array, Asked] => {
  const head = Buffer.from(JSON.stringify(json));
  return [Buffer.concat([head, ...tensors]), { headerLength: String(head.length) }];
};

/** A sound input. */
export const x = { name: 'x', datatype: 'INT8', shape: [2], data: [1, 2] };
/** Raw bytes of one input. */
export const dataOf = (asked: RestInferRequest, index = 0): number[] => [...(asked.request.inputs[index]?.data ?? [])];

/** A tensor from raw bytes. */
export const tensor = (name: string, datatype: Datatype, shape: number[], data: ArrayBufferView | number[]): Tensor => ({
  name,
  datatype,
  shape,
  parameters: new Map(),
  data: Array.isArray(data) ? Uint8Array.from(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});
/** A runtime's answer. */
export const response = (outputs: Tensor[], more: Partial<InferResponse> = {}): InferResponse => ({
  modelName: 'key@1',
  modelVersion: '',
  id: '',
  parameters: new Map(),
  outputs,
  ...more,
});
/** The body of an answer. */
export const tell = (outputs: Tensor[], more: Partial<RestInferResponseOptions> = {}): RestBody =>
  encodeRestInferResponse(response(outputs), { modelName: 'm', answer: PLAIN_ANSWER, ...more });
/** A body as text. */
export const textOf = (body: RestBody): string => Buffer.concat(body.chunks).toString();
