/** The door of the room: every operation of the API. */
import type { Control } from '../../../node/index.ts';
import { openApiDocument } from '../openapi.ts';
import type { AnyRoute } from '../route.ts';
import { endpointRoutes } from './endpoints.ts';
import { explainRoutes } from './explain.ts';
import { inferenceServiceRoutes } from './inference-services.ts';
import { modelRoutes } from './models.ts';
import { nodeRoutes } from './node.ts';

/** The operations in the order of the reference; the one that describes them describes itself too. */
export function managementRoutes(
  control: Control,
  server: { readonly name: string; readonly version: string },
): readonly AnyRoute[] {
  const routes: AnyRoute[] = [
    ...modelRoutes(control),
    ...endpointRoutes(control),
    ...inferenceServiceRoutes(control),
    ...explainRoutes(control),
  ];
  routes.push(...nodeRoutes(control, server, () => openApiDocument(routes, server.version)));
  return routes;
}
