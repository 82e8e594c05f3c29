import { instanceId, modelKey } from '@modelmesh/core';
import type { DecisionQuery } from '@modelmesh/core/journal';
import type { Control } from '../../../node/index.ts';
import { type AnyRoute, type RouteAnswer, route } from '../route.ts';
import { decisionsView } from '../views.ts';

const ONE = { method: 'GET', verb: 'read', query: 'none', takesManifest: false, status: 200, answer: 'Decisions' } as const;

/** Decisions of the nodes of the mesh, by what they are about. Those about one model are among the operations on models. */
export function explainRoutes(control: Control): readonly AnyRoute[] {
  const told = async (query: DecisionQuery, { signal }: { readonly signal: AbortSignal }): Promise<RouteAnswer> => ({
    value: decisionsView(await control.explainMesh(query, signal)),
  });
  return [
    route({
      ...ONE,
      id: 'explainEvictions',
      path: '/api/v1/explain/evictions',
      summary: 'The last evictions in the mesh: who went for whom, by which scores, and who was spared; newest first.',
      resource: 'explain/evictions',
      run: (call) => told({ kind: 'eviction' }, call),
    }),
    route({
      ...ONE,
      id: 'explainEviction',
      path: '/api/v1/explain/evictions/{key}',
      summary:
        'The last evictions that a model fell to, or that were made for it, newest first. It need not be registered any more.',
      resource: 'explain/evictions/',
      run: (call) => told({ kind: 'eviction', model: modelKey(call.name) }, call),
    }),
    route({
      ...ONE,
      id: 'explainRequest',
      path: '/api/v1/explain/requests/{id}',
      summary: 'What became of a call by its request id, if it failed or was repeated.',
      resource: 'explain/requests/',
      run: (call) => told({ requestId: call.name }, call),
    }),
    route({
      ...ONE,
      id: 'explainInstance',
      path: '/api/v1/explain/instances/{id}',
      summary: 'What the nodes decided lately about an instance, themselves or another, newest first.',
      resource: 'explain/instances/',
      run: (call) => told({ instance: instanceId(call.name) }, call),
    }),
  ];
}
