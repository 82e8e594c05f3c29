import { MeshError } from '@modelmesh/core';
import type { InferenceCall } from '../port.ts';

/** The model that a call is for: as its payload says, else as the mesh's header says. @throws {MeshError} `invalid-argument` without either. */
export function requestedModel(name: string, call: InferenceCall): string {
  const modelId = name === '' ? call.headers.get('mm-model-id') : name;
  if (modelId !== undefined && modelId !== '') return modelId;
  throw new MeshError('invalid-argument', 'the request names no model, and there is no mm-model-id header');
}
