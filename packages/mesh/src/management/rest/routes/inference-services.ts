import { MeshError } from '@modelmesh/core';
import { INFERENCE_SERVICE_OWNER } from '@modelmesh/core/endpoints';
import { inferenceServiceStatus } from '@modelmesh/core/manifest';
import { MODEL_NOT_FOUND } from '@modelmesh/core/registration';
import type { Control } from '../../../node/index.ts';
import { type AnyRoute, route } from '../route.ts';

const ONE = {
  path: '/api/v1/inference-services/{name}',
  resource: 'inference-services/',
  query: 'none',
  takesManifest: false,
} as const;

/** Operations on InferenceServices; they are applied like every other manifest. */
export const inferenceServiceRoutes = (control: Control): readonly AnyRoute[] => [
  route({
    ...ONE,
    id: 'getInferenceService',
    method: 'GET',
    summary: 'How an InferenceService stands, in the words of KServe’s status; revisions are keys of models.',
    verb: 'read',
    status: 200,
    answer: 'InferenceService',
    run: ({ name }) => {
      const found = name === '' ? null : control.endpoint(name);
      if (found === null || found.record.owner !== INFERENCE_SERVICE_OWNER)
        throw new MeshError('not-found', `InferenceService ${JSON.stringify(name)} not found`);
      return { value: { name, ...inferenceServiceStatus(found, (key) => control.model(key)?.status ?? MODEL_NOT_FOUND) } };
    },
  }),
  route({
    ...ONE,
    id: 'deleteInferenceService',
    method: 'DELETE',
    summary: 'Removes what an InferenceService made: its endpoint and its model.',
    verb: 'write',
    status: 204,
    answer: null,
    run: async ({ name }) => {
      await control.deleteResource('InferenceService', name);
      return { value: undefined };
    },
  }),
];
