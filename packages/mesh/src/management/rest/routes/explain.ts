import { instanceId, modelKey } from '@modelmesh/core';
import type { DecisionQuery } from '@modelmesh/core/journal';
import type { Control } from '../../../node/index.ts';
import { type AnyRoute, type RouteAnswer, route } from '../route.ts';
import { decisionView } from '../views.ts';

const ONE = { method: 'GET', verb: 'read', query: 'none', takesManifest: false, status: 200, answer: 'Decisions' } as const;

/** Decisions of the node that answers, by what they are about. Those about one model are among the operations on models. */
export function explainRoutes(control: Control): readonly AnyRoute[] {
  const told = (query: DecisionQuery): RouteAnswer => ({ value: { records: control.explain(query).map(decisionView) } });
  return [
    route({
      ...ONE,
      id: 'explainEvictions',
      path: '/api/v1/explain/evictions',
      summary:
        'The last evictions on the node that answers: who went for whom, by which scores, and who was spared; newest first.',
      resource: 'explain/evictions',
      run: () => told({ kind: 'eviction' }),
    }),
    route({
      ...ONE,
      id: 'explainEviction',
      path: '/api/v1/explain/evictions/{key}',
      summary:
        'The last evictions that a model fell to, or that were made for it, newest first. It need not be registered any more.',
      resource: 'explain/evictions/',
      run: ({ name }) => told({ kind: 'eviction', model: modelKey(name) }),
    }),
    route({
      ...ONE,
      id: 'explainRequest',
      path: '/api/v1/explain/requests/{id}',
      summary: 'What became of a call by its request id, if it failed or was repeated.',
      resource: 'explain/requests/',
      run: ({ name }) => told({ requestId: name }),
    }),
    route({
      ...ONE,
      id: 'explainInstance',
      path: '/api/v1/explain/instances/{id}',
      summary: 'What the node that answers decided lately about an instance, itself or another, newest first.',
      resource: 'explain/instances/',
      run: ({ name }) => told({ instance: instanceId(name) }),
    }),
  ];
}
