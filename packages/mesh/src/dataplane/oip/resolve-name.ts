import { assertNever, DEFAULT_NAMESPACE, type DurationMs, type EpochMs, type ModelKey } from '@modelmesh/core';
import { type NameIndex, resolveName } from '@modelmesh/core/identity';
import { type CopyKnowledge, type ModelReadiness, modelReadiness } from '@modelmesh/core/registration';
import type { HeaderReader } from '@modelmesh/wire/headers';
import type { ModelDetail } from '../../node/index.ts';
import type { Plane } from '../call/index.ts';
import { resolveUrlName } from '../grpc/index.ts';
import { wantedBy } from '../picking/index.ts';

/** The model that an OIP name stands for: endpoint, key, family, or with a version that version. @throws {MeshError} if it names none. */
export function keyOfName(names: NameIndex, name: string, version: string): ModelKey {
  const resolution = resolveName(names, { namespace: DEFAULT_NAMESPACE, name, version });
  switch (resolution.kind) {
    case 'endpoint':
      return resolution.model;
    case 'model':
      return resolution.key;
    case 'unresolved':
      throw resolution.error;
    default:
      return assertNever(resolution);
  }
}

/**
 * The model of the variant that the fields of a question name; `undefined`: they name none.
 *
 * @throws {MeshError} for a name, a label or a variant that is not there, and for a variant that callers may not choose
 */
export function variantAsked(
  { routes, picker }: Pick<Plane, 'routes' | 'picker'>,
  name: string,
  version: string,
  headers: HeaderReader,
): ModelKey | undefined {
  const wanted = wantedBy(headers);
  if ((wanted.label ?? wanted.variant) === undefined) return undefined;
  return picker.about(resolveUrlName(routes, DEFAULT_NAMESPACE, name, version === '' ? undefined : version), wanted).model;
}

/** How ready a model is, by what its status says of each copy. */
export function readinessOf(
  { record, status }: Pick<ModelDetail, 'record' | 'status'>,
  nowMs: EpochMs,
  failureExpiryMs: DurationMs,
): ModelReadiness {
  const known = new Map(status.copies.map((copy) => [copy.location, copy.status]));
  return modelReadiness(record, (instance) => knowledgeOf(known.get(instance)), nowMs, failureExpiryMs);
}

function knowledgeOf(status: ModelDetail['status']['copies'][number]['status'] | undefined): CopyKnowledge {
  if (status === 'LOADED') return 'loaded';
  return status === 'LOADING' ? 'loading' : 'unknown';
}
