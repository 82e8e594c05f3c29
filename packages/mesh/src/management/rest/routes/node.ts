import type { Control } from '../../../node/index.ts';
import { applyOptions } from '../query.ts';
import { type AnyRoute, route } from '../route.ts';
import { appliedView, instanceView } from '../views.ts';

const WHOLE = { query: 'none', takesManifest: false, status: 200 } as const;

/** Operations on the node and on anything that has a manifest. */
export const nodeRoutes = (
  control: Control,
  server: { readonly name: string; readonly version: string },
  openApi: () => unknown,
): readonly AnyRoute[] => [
  route({
    ...WHOLE,
    id: 'apply',
    method: 'POST',
    path: '/api/v1/apply',
    summary:
      'Applies one manifest of any kind: creates what it describes, or changes what may change. An edit of an endpoint waits until all nodes run it.',
    verb: 'write',
    query: 'edit',
    resource: 'apply',
    takesManifest: true,
    answer: 'Applied',
    run: async ({ body, query, signal }) => ({ value: appliedView(await control.apply(body, signal, applyOptions(query))) }),
  }),
  route({
    ...WHOLE,
    id: 'listInstances',
    method: 'GET',
    path: '/api/v1/instances',
    summary: 'The nodes of the mesh, the one that answers first.',
    verb: 'read',
    resource: 'instances',
    answer: 'Instances',
    run: () => ({ value: { items: control.instances().map(instanceView) } }),
  }),
  route({
    ...WHOLE,
    id: 'getStatus',
    method: 'GET',
    path: '/api/v1/status',
    summary: 'The node that answers.',
    verb: 'read',
    resource: 'status',
    answer: 'Status',
    run: () => ({ value: { ...server, ready: control.ready, instances: control.instances().length } }),
  }),
  route({
    ...WHOLE,
    id: 'getOpenApi',
    method: 'GET',
    path: '/api/v1/openapi.json',
    summary: 'This description.',
    verb: 'read',
    resource: 'openapi',
    answer: 'OpenApi',
    run: () => ({ value: openApi() }),
  }),
];
