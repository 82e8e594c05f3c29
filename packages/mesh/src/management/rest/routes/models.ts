import { epochMs, MeshError, type ModelKey, modelKey } from '@modelmesh/core';
import { parseManifest, problemText } from '@modelmesh/core/manifest';
import { type Control, loadModel, type ModelDetail } from '../../../node/index.ts';
import { type AnyRoute, type RouteAnswer, type RouteCall, route } from '../route.ts';
import { appliedView, copyViews, decisionsView, modelView } from '../views.ts';

/** Operations on models. */
export const modelRoutes = (control: Control): readonly AnyRoute[] => [...readingRoutes(control), ...changingRoutes(control)];

const ONE = { path: '/api/v1/models/{key}', resource: 'models/', query: 'none', takesManifest: false } as const;

const readingRoutes = (control: Control): readonly AnyRoute[] => [
  route({
    id: 'listModels',
    method: 'GET',
    path: '/api/v1/models',
    summary: 'Registered models in the order of their keys, a page at a time.',
    verb: 'read',
    resource: 'models',
    query: 'page',
    takesManifest: false,
    status: 200,
    answer: 'Models',
    run: ({ query }) => {
      const { items, next } = control.models({ after: query.after ?? null, limit: query.limit });
      return { value: { items: items.map(modelView), next } };
    },
  }),
  route({
    ...ONE,
    id: 'getModel',
    method: 'GET',
    summary: 'One model by its key.',
    verb: 'read',
    status: 200,
    answer: 'Model',
    run: ({ name }) => ({ value: modelView(known(control, name)) }),
  }),
  route({
    ...ONE,
    id: 'listCopies',
    method: 'GET',
    path: '/api/v1/models/{key}/copies',
    summary: 'The copies of a model, and the instances where its load failed.',
    verb: 'read',
    status: 200,
    answer: 'Copies',
    run: ({ name }) => ({ value: { items: copyViews(known(control, name)) } }),
  }),
  route({
    ...ONE,
    id: 'explainModel',
    method: 'GET',
    path: '/api/v1/explain/models/{key}',
    summary: 'What was decided lately about a model, or touched it, and what became of failed calls for it, newest first.',
    verb: 'read',
    status: 200,
    answer: 'Explanation',
    run: async ({ name, signal }) => {
      const model = known(control, name).record.key;
      return { value: { model, ...decisionsView(await control.explainMesh({ model }, signal)) } };
    },
  }),
];

const changingRoutes = (control: Control): readonly AnyRoute[] => [
  route({
    ...ONE,
    id: 'putModel',
    method: 'PUT',
    summary: 'Applies the manifest of this model.',
    verb: 'write',
    takesManifest: true,
    status: 200,
    answer: 'Applied',
    run: async ({ name, body, signal }) => {
      refuseOtherModel(body, name);
      return { value: appliedView(await control.apply(body, signal)) };
    },
  }),
  route({
    ...ONE,
    id: 'deleteModel',
    method: 'DELETE',
    summary: 'Removes a model and its copies; refused while an endpoint refers to it.',
    verb: 'write',
    status: 204,
    answer: null,
    run: async ({ name }) => {
      await control.deleteResource('Model', name);
      return { value: undefined };
    },
  }),
  route({
    ...ONE,
    id: 'loadModel',
    method: 'POST',
    path: '/api/v1/models/{key}:load',
    summary: 'Loads a model unless it is loaded. 202 where the answer does not wait.',
    verb: 'write',
    query: 'load',
    status: 200,
    answer: 'Model',
    run: (call) => load(control, call),
  }),
  route({
    ...ONE,
    id: 'unloadModel',
    method: 'POST',
    path: '/api/v1/models/{key}:unload',
    summary: 'Drops the copies of a model and keeps its registration.',
    verb: 'write',
    status: 200,
    answer: 'Model',
    run: async ({ name }) => {
      await control.unloadCopies(known(control, name).record.key);
      return { value: modelView(known(control, name)) };
    },
  }),
];

async function load(
  control: Control,
  { name, query, signal }: RouteCall<{ readonly wait: 'true' | 'false' }>,
): Promise<RouteAnswer> {
  const key: ModelKey = known(control, name).record.key;
  if (query.wait === 'true') await loadModel(control, key, signal);
  else await control.ensureLoaded(key, epochMs(0), false, signal);
  return { value: modelView(known(control, name)), status: query.wait === 'true' ? 200 : 202 };
}

function known(control: Control, name: string): ModelDetail {
  const detail = name === '' ? null : control.model(modelKey(name));
  if (detail === null) throw new MeshError('model-not-found', `model ${JSON.stringify(name)} not found`);
  return detail;
}

/** The manifest must be of the model that the path names, else a typing error would change another one. */
function refuseOtherModel(manifest: unknown, name: string): void {
  const parsed = parseManifest(manifest);
  if (!parsed.ok) throw new MeshError('invalid-argument', parsed.problems.map(problemText).join('\n'));
  const { resource } = parsed;
  if (resource.kind === 'Model' && resource.key === name) return;
  const is = resource.kind === 'Model' ? `model ${JSON.stringify(resource.key)}` : `of kind ${resource.kind}`;
  throw new MeshError('invalid-argument', `the manifest is ${is}, the path names model ${JSON.stringify(name)}`);
}
