import { MeshError } from '@modelmesh/core';
import { parseManifest, problemText } from '@modelmesh/core/manifest';
import type { Control } from '../../../node/index.ts';
import { diffsView } from '../diff-view.ts';
import { applyOptions, readPreviewedCall } from '../query.ts';
import { type AnyRoute, route } from '../route.ts';
import { appliedView, endpointView, previewView, revisionView } from '../views.ts';

const ONE = { path: '/api/v1/endpoints/{name}', resource: 'endpoints/', query: 'none', takesManifest: false } as const;

/** Operations on endpoints and on the InferenceServices that make some. */
export const endpointRoutes = (control: Control): readonly AnyRoute[] => [
  ...readingRoutes(control),
  ...historyRoutes(control),
  ...changingRoutes(control),
];

const readingRoutes = (control: Control): readonly AnyRoute[] => [
  route({
    id: 'listEndpoints',
    method: 'GET',
    path: '/api/v1/endpoints',
    summary: 'Endpoints in the order of their names, a page at a time.',
    verb: 'read',
    resource: 'endpoints',
    query: 'page',
    takesManifest: false,
    status: 200,
    answer: 'Endpoints',
    run: ({ query }) => {
      const { items, next } = control.endpoints({ after: query.after ?? null, limit: query.limit });
      return { value: { items: items.map(endpointView), next } };
    },
  }),
  route({
    ...ONE,
    id: 'getEndpoint',
    method: 'GET',
    summary: 'One endpoint by its name.',
    verb: 'read',
    status: 200,
    answer: 'Endpoint',
    run: ({ name }) => {
      return { value: endpointView(known(control, name)) };
    },
  }),
  route({
    ...ONE,
    id: 'diffEndpoint',
    method: 'GET',
    path: '/api/v1/endpoints/{name}/diff',
    summary:
      "How the answers of the endpoint's shadows compare with those of its live calls, over all nodes, since they started.",
    verb: 'read',
    status: 200,
    answer: 'Diffs',
    run: async ({ name, signal }) => {
      known(control, name);
      return { value: diffsView(name, await control.diffMesh(name, signal)) };
    },
  }),
];

const historyRoutes = (control: Control): readonly AnyRoute[] => [
  route({
    ...ONE,
    id: 'listRevisions',
    method: 'GET',
    path: '/api/v1/endpoints/{name}/revisions',
    summary: 'The policies of an endpoint that are kept, newest first, with what each changed.',
    verb: 'read',
    status: 200,
    answer: 'Revisions',
    run: async ({ name }) => {
      const items = await control.policyHistory(name);
      return { value: { items: items.map((past) => revisionView(past, items[0]?.record.revision ?? 0)) } };
    },
  }),
  route({
    ...ONE,
    id: 'previewCall',
    method: 'POST',
    path: '/api/v1/endpoints/{name}/route',
    summary: 'Where a call would go, and why, by the policy in force. Nothing is sent, loaded or counted.',
    verb: 'read',
    body: 'PreviewedCall',
    status: 200,
    answer: 'Preview',
    run: ({ name, body }) => ({ value: previewView(control.previewCall(name, readPreviewedCall(body))) }),
  }),
  route({
    ...ONE,
    id: 'undoEndpoint',
    method: 'POST',
    path: '/api/v1/endpoints/{name}/undo',
    summary: 'Puts an earlier policy in force again, as a new revision, unless it was edited meanwhile.',
    verb: 'write',
    query: 'undo',
    status: 200,
    answer: 'Applied',
    run: async ({ name, query, signal }) => ({
      value: appliedView(await control.undo(name, query.to ?? null, applyOptions(query), signal)),
    }),
  }),
];

const changingRoutes = (control: Control): readonly AnyRoute[] => [
  route({
    ...ONE,
    id: 'putEndpoint',
    method: 'PUT',
    summary: 'Applies the manifest of this endpoint, and waits until all nodes run it or names those that do not.',
    verb: 'write',
    query: 'edit',
    takesManifest: true,
    status: 200,
    answer: 'Applied',
    run: async ({ name, body, query, signal }) => {
      refuseOtherEndpoint(body, name);
      return { value: appliedView(await control.apply(body, signal, applyOptions(query))) };
    },
  }),
  route({
    ...ONE,
    id: 'deleteEndpoint',
    method: 'DELETE',
    summary: 'Removes an endpoint that a manifest made, or with owner a vmodel; models that were made for it alone go with it.',
    verb: 'write',
    query: 'deleteEndpoint',
    status: 204,
    answer: null,
    run: async ({ name, query }) => {
      if (query.owner === undefined) await control.deleteResource('Endpoint', name);
      else await deleteOwned(control, name, query.owner);
      return { value: undefined };
    },
  }),
];

function known(control: Control, name: string) {
  const found = name === '' ? null : control.endpoint(name);
  if (found === null) throw new MeshError('endpoint-not-found', `endpoint ${JSON.stringify(name)} not found`);
  return found;
}

/** ModelMesh lets a deletion by the wrong owner succeed and do nothing; here a person asks and is told. */
async function deleteOwned(control: Control, name: string, owner: string): Promise<void> {
  known(control, name);
  await control.deleteEndpoint(name, owner);
  const left = control.endpoint(name);
  if (left === null) return;
  throw new MeshError('failed-precondition', `endpoint ${JSON.stringify(name)} belongs to "${left.record.owner}"`);
}

function refuseOtherEndpoint(manifest: unknown, name: string): void {
  const parsed = parseManifest(manifest);
  if (!parsed.ok) throw new MeshError('invalid-argument', parsed.problems.map(problemText).join('\n'));
  const { resource } = parsed;
  if (resource.kind === 'Endpoint' && resource.id === name) return;
  const is = `${resource.kind} ${JSON.stringify(resource.metadata.name)}`;
  throw new MeshError('invalid-argument', `the manifest is of ${is}, the path names endpoint ${JSON.stringify(name)}`);
}
