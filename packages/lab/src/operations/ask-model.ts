import assert from 'node:assert/strict';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { decodeInferResponse } from '@modelmesh/wire/oip';
import { MODEL_INFER, rowBody, rowRequest, valuesOf } from '../faults/index.ts';
import type { Http2Connection } from './http2-connection.ts';

/** The manifest of a model of one file. */
export const modelManifest = (name: string, uri: string): string =>
  JSON.stringify({
    apiVersion: 'modelmesh.io/v1alpha1',
    kind: 'Model',
    metadata: { name },
    spec: { format: { name: 'onnx' }, storage: { uri } },
  });

/** Asks a generated model for one row by gRPC. */
export async function inferGrpc(connection: Http2Connection, model: string): Promise<readonly number[]> {
  const { status, message } = await connection.call(MODEL_INFER.path, MODEL_INFER.request.encode(rowRequest(model)));
  assert.equal(status, '0');
  assert.ok(message !== undefined);
  return valuesOf(decodeInferResponse(message));
}

/** The status of a call of management by gRPC. */
export async function statusGrpc(connection: Http2Connection, model: string): Promise<string> {
  // `GetStatusRequest { modelId }`: field 1, a text of less than 128 bytes.
  const id = Buffer.from(model);
  const path = `/${ModelMesh.typeName}/${ModelMesh.method.getModelStatus.name}`;
  return (await connection.call(path, [Uint8Array.of(0x0a, id.length), id])).status;
}

/** Asks it by REST. */
export async function inferRest(connection: Http2Connection, model: string): Promise<readonly number[]> {
  const { status, body } = await connection.post(`/v2/models/${model}/infer`, rowBody());
  assert.equal(status, 200, body.toString());
  return valuesOfBody(body.toString());
}

/** The values in the body of REST. */
export const valuesOfBody = (body: string): readonly number[] =>
  (JSON.parse(body) as { readonly outputs: readonly { readonly data: readonly number[] }[] }).outputs[0]?.data ?? [];
