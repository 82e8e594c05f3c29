import { type InstanceId, MeshError } from '@modelmesh/core';
import { isJavaInstance } from '@modelmesh/core/records';
import type { RegistryView } from '@modelmesh/core/view';

/** Ids that a message names; how many there are it says anyway. */
const NAMED_MAX = 5;

/**
 * Refuses a registry in which instances of the Java mesh live. Ours and theirs know nothing of how the others are reached, and each would remove
 * what the other claims; a node that may not change the registry can start beside them, to be ready when they are gone.
 *
 * @throws {MeshError} `failed-precondition` that names them and says what to do
 */
export function refuseBesideJava(view: RegistryView, readOnly: boolean): void {
  if (readOnly) return;
  const ids: InstanceId[] = [];
  for (const { record } of view.instances()) if (isJavaInstance(record)) ids.push(record.id);
  if (ids.length === 0) return;
  const named =
    ids.length > NAMED_MAX ? `${ids.slice(0, NAMED_MAX).join(', ')} and ${ids.length - NAMED_MAX} more` : ids.join(', ');
  throw new MeshError(
    'failed-precondition',
    `instances of the Java ModelMesh live in this registry: ${named}; stop them first (20 s after their end they are gone from it), or start ` +
      'this node beside them with registry.readOnly: true; "mmesh migrate plan" tells the steps of a move',
  );
}
