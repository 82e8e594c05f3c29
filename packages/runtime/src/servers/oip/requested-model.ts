import { MeshError } from '@modelmesh/core';
import { decodeBinaryHeader, HEADER } from '@modelmesh/wire/headers';
import type { InferenceCall } from '../port.ts';

/**
 * The model that a call is for: as the mesh's header says, else as the payload does. The header is always there behind a mesh, so that the
 * mesh need not write the model's key into the message. @throws {MeshError} `invalid-argument` without either.
 */
export function requestedModel(name: string, call: InferenceCall): string {
  const modelId = idInHeaders(call) ?? name;
  if (modelId !== '') return modelId;
  throw new MeshError('invalid-argument', 'the request names no model, and there is no mm-model-id header');
}

function idInHeaders({ headers }: InferenceCall): string | undefined {
  const plain = headers.get(HEADER.modelId);
  if (plain !== undefined && plain !== '') return plain;
  const binary = headers.get(HEADER.modelIdBin);
  const bytes = binary === undefined ? undefined : decodeBinaryHeader(binary);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
}
