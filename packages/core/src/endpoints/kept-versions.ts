import type { PolicyRecord, Versioned, VersionKeeping } from '../records/index.ts';
import type { ModelReader } from '../registration/index.ts';
import type { EndpointId, ModelKey, Namespace } from '../units.ts';

/** One version of a family. */
interface FamilyVersion {
  readonly key: ModelKey;
  readonly version: string;
}

/** Which versions of the family can be asked for through an endpoint's name. */
export type KeptVersions = readonly FamilyVersion[];

/**
 * The versions of an endpoint's family that callers may name after the endpoint's name (`/versions/3`, `model_version`). Others are not found
 * there; by their own key they stay what they are.
 *
 * @param versions of the family that bears the endpoint's name, newest first
 */
export function keptVersions(keeping: VersionKeeping, versions: readonly FamilyVersion[]): KeptVersions {
  switch (keeping.kind) {
    case 'all':
      return versions;
    case 'latest':
      return versions.slice(0, keeping.count);
    case 'specific': {
      const kept = new Set(keeping.versions);
      return versions.filter(({ version }) => kept.has(version));
    }
  }
}

/** Where a model's endpoint and the other versions are read. */
export interface VersionsReader extends ModelReader {
  policy(namespace: Namespace, id: EndpointId): Versioned<PolicyRecord> | undefined;
  versionsOf(namespace: Namespace, family: string): readonly FamilyVersion[];
}

/**
 * The endpoint that keeps a model because its policy keeps the version; such a model cannot be unregistered. Whoever keeps all versions keeps
 * those that there are: it names none that must stay.
 */
export function keepingEndpoint(reader: VersionsReader, namespace: Namespace, model: ModelKey): EndpointId | undefined {
  const family = reader.model(namespace, model)?.record.family;
  if (family === undefined) return undefined;
  const id = family as EndpointId;
  const keeping = reader.policy(namespace, id)?.record.policy.versions;
  if (keeping === undefined || keeping.kind === 'all') return undefined;
  return keptVersions(keeping, reader.versionsOf(namespace, family)).some(({ key }) => key === model) ? id : undefined;
}
