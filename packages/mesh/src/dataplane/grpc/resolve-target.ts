import { assertNever, MeshError, type Namespace } from '@modelmesh/core';
import { type Resolution, resolveEndpointId, resolveModelId, resolveName } from '@modelmesh/core/identity';
import { type CallTarget, type HeaderReader, readTarget, requiresAll, targetOfPayloadId } from '@modelmesh/wire/headers';
import { errorMapping, GRPC_CODE } from '@modelmesh/wire/status';
import type { EndpointRoute, MethodRule } from '../../link/index.ts';
import type { NamedTarget } from '../picking/index.ts';
import type { RouteTable } from '../routes/index.ts';
import { noneFound } from './multi-call.ts';

/** What a call is for: one model, or several that all get the same message (spec `modelmesh.md` §2.4). */
export type ResolvedTargets =
  | { readonly kind: 'one'; readonly target: NamedTarget }
  /** In the order of the headers, without those that do not exist. */
  | { readonly kind: 'several'; readonly targets: readonly NamedTarget[] };

/** What the payload of a call names. */
export interface PayloadIds {
  readonly id: string | null;
  readonly version: string | null;
}

/**
 * The targets that headers name; `headers` say whether all of several must exist.
 *
 * @throws {MeshError} with ModelMesh's texts if they name none, or none that exists
 */
export function resolveFromHeaders(
  routes: RouteTable,
  namespace: Namespace,
  target: CallTarget | undefined,
  headers: HeaderReader,
): ResolvedTargets {
  if (target === undefined) throw new MeshError('invalid-argument', 'must include mm-model-id header');
  const [id = '', ...others] = target.ids;
  const resolve = (one: string): Resolution =>
    target.kind === 'model' ? resolveModelId(routes, namespace, one) : resolveEndpointId(routes, namespace, one);
  if (others.length === 0) return { kind: 'one', target: settled(routes, resolve(id)) };
  const all = requiresAll(headers);
  const targets = target.ids.map(resolve).flatMap((resolution) => {
    const absent = resolution.kind === 'unresolved' && errorMapping(resolution.error.kind).grpc === GRPC_CODE.NOT_FOUND;
    return absent && !all ? [] : [settled(routes, resolution)];
  });
  if (targets.length === 0) throw noneFound();
  return { kind: 'several', targets };
}

/** The target that a payload names, else its headers (spec `modelmesh.md` §2.1). @throws {MeshError} as {@link resolveFromHeaders}. */
export function resolveFromPayload(
  routes: RouteTable,
  namespace: Namespace,
  rule: MethodRule,
  ids: PayloadIds,
  headers: HeaderReader,
): ResolvedTargets {
  if (ids.id === null) return resolveFromHeaders(routes, namespace, readTarget(headers), headers);
  switch (rule.names) {
    case 'model':
      return resolveFromHeaders(routes, namespace, targetOfPayloadId(ids.id, 'model'), headers);
    case 'endpoint':
      return resolveFromHeaders(routes, namespace, targetOfPayloadId(ids.id, 'vmodel'), headers);
    case 'name': {
      return { kind: 'one', target: resolveUrlName(routes, namespace, ids.id, ids.version ?? undefined) };
    }
    default:
      return assertNever(rule.names);
  }
}

/** The target that an OIP or V1 name names, in a URL or a payload. @throws {MeshError} if it names nothing. */
export function resolveUrlName(routes: RouteTable, namespace: Namespace, name: string, version: string | undefined): NamedTarget {
  const resolution = resolveName(routes, { namespace, name, version });
  if (resolution.kind === 'model' && resolution.by === 'version') checkVersion(routes.endpoint(name), version ?? '');
  return settled(routes, resolution, resolution.kind === 'model' && resolution.by === 'version' ? undefined : name);
}

/** The names that headers or a payload gave, for a look at the registry itself: with its version a name may be a key of its own. */
export const namesAsked = (ids: readonly string[], version: string | null = null): readonly string[] =>
  version === null ? ids : [...ids, ...ids.map((id) => `${id}@${version}`)];

/** Whether an error says that a name is unknown, so that it is worth asking the registry itself. */
export const isUnknownName = ({ kind }: MeshError): boolean => errorMapping(kind).grpc === GRPC_CODE.NOT_FOUND;

/** @throws {MeshError} `model-not-found` for a version that the policy of the endpoint with the family's name does not keep */
function checkVersion(endpoint: EndpointRoute | undefined, version: string): void {
  const kept = endpoint?.versions;
  if (endpoint === undefined || kept === undefined || kept.includes(version)) return;
  const sentence = `endpoint ${JSON.stringify(endpoint.id)} does not keep version ${JSON.stringify(version)}; it keeps ${kept.join(', ') || 'none'}`;
  throw new MeshError('model-not-found', sentence);
}

function settled(routes: RouteTable, resolution: Resolution, family?: string): NamedTarget {
  switch (resolution.kind) {
    case 'endpoint':
      return { model: resolution.model, endpoint: routes.endpoint(resolution.id) ?? null, family };
    case 'model':
      return { model: resolution.key, endpoint: null, family };
    case 'unresolved':
      throw resolution.error;
    default:
      return assertNever(resolution);
  }
}
