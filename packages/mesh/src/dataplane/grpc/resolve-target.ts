import { assertNever, MeshError, type ModelKey, type Namespace } from '@modelmesh/core';
import { type Resolution, resolveEndpointId, resolveModelId, resolveName } from '@modelmesh/core/identity';
import { type CallTarget, type HeaderReader, readTarget, targetOfPayloadId } from '@modelmesh/wire/headers';
import type { EndpointRoute, MethodRule } from '../../link/index.ts';
import type { RouteTable } from '../routes/index.ts';

/** The model that a call goes to, and the endpoint it came through. */
export interface ResolvedTarget {
  readonly model: ModelKey;
  readonly endpoint: EndpointRoute | null;
}

/** What the payload of a call names. */
export interface PayloadIds {
  readonly id: string | null;
  readonly version: string | null;
}

/**
 * The target that headers name.
 *
 * @throws {MeshError} with ModelMesh's texts if they name none, or none that exists
 */
export function resolveFromHeaders(routes: RouteTable, namespace: Namespace, target: CallTarget | undefined): ResolvedTarget {
  if (target === undefined) throw new MeshError('invalid-argument', 'must include mm-model-id header');
  const [id = '', ...others] = target.ids;
  if (others.length > 0)
    throw new MeshError('unsupported-method', 'requests to several models at once are not supported by this version');
  const resolution = target.kind === 'model' ? resolveModelId(routes, namespace, id) : resolveEndpointId(routes, namespace, id);
  return settled(routes, resolution);
}

/** The target that a payload names, else its headers (spec `modelmesh.md` §2.1). @throws {MeshError} as {@link resolveFromHeaders}. */
export function resolveFromPayload(
  routes: RouteTable,
  namespace: Namespace,
  rule: MethodRule,
  ids: PayloadIds,
  headers: HeaderReader,
): ResolvedTarget {
  if (ids.id === null) return resolveFromHeaders(routes, namespace, readTarget(headers));
  switch (rule.names) {
    case 'model':
      return resolveFromHeaders(routes, namespace, targetOfPayloadId(ids.id, 'model'));
    case 'endpoint':
      return resolveFromHeaders(routes, namespace, targetOfPayloadId(ids.id, 'vmodel'));
    case 'name':
      return settled(routes, resolveName(routes, { namespace, name: ids.id, version: ids.version ?? undefined }));
    default:
      return assertNever(rule.names);
  }
}

/** The target that an OIP or V1 name in a URL names. @throws {MeshError} if it names nothing. */
export function resolveUrlName(
  routes: RouteTable,
  namespace: Namespace,
  name: string,
  version: string | undefined,
): ResolvedTarget {
  return settled(routes, resolveName(routes, { namespace, name, version }));
}

function settled(routes: RouteTable, resolution: Resolution): ResolvedTarget {
  switch (resolution.kind) {
    case 'endpoint':
      return { model: resolution.model, endpoint: routes.endpoint(resolution.id) ?? null };
    case 'model':
      return { model: resolution.key, endpoint: null };
    case 'unresolved':
      throw resolution.error;
    default:
      return assertNever(resolution);
  }
}
