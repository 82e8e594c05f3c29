import { MeshError } from '@modelmesh/core';
import type { Kv } from './port.ts';

/**
 * The record `<root>/schema` says which version of the records' meaning was `written` last, and the oldest program that can still read
 * it (`readableFrom`). A node that is older than that refuses to touch the registry.
 */
export interface RegistrySchema {
  readonly written: number;
  readonly readableFrom: number;
}

/** What this program writes. */
export const REGISTRY_SCHEMA: RegistrySchema = { written: 1, readableFrom: 1 };

/** How often the record is read anew when another node writes it at the same time. */
const TRIES_MAX = 5;

/**
 * Reads the schema record at `key`, or writes it into a registry that has none.
 *
 * @throws {MeshError} `failed-precondition` where this program is too old for the registry, or the record cannot be understood;
 *   `registry-unavailable` as the store says
 */
export async function checkSchema(kv: Kv, key: string): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { entry } = await kv.get(key);
    if (entry !== null) {
      checkReadable(entry.value, key);
      return;
    }
    const outcome = await kv.txn({
      conditions: [{ kind: 'absent', key }],
      operations: [{ kind: 'put', key, value: JSON.stringify(REGISTRY_SCHEMA) }],
    });
    if (outcome.kind === 'committed') return;
  }
  throw new MeshError('registry-unavailable', `the registry's schema record ${key} could neither be read nor written`);
}

/** What a schema record says. @throws {MeshError} `failed-precondition` as {@link checkSchema} does */
export function checkReadable(value: string, key: string): RegistrySchema {
  const found = parse(value);
  if (found === undefined) {
    throw new MeshError(
      'failed-precondition',
      `the registry's schema record ${key} cannot be understood: ${value.slice(0, 200)}`,
    );
  }
  if (found.readableFrom <= REGISTRY_SCHEMA.written) return found;
  throw new MeshError(
    'failed-precondition',
    `the registry was written by a newer version of Model Mesh (${key}: schema ${found.written}, readable from ${found.readableFrom}; ` +
      `this version has ${REGISTRY_SCHEMA.written}); run that version, or give this node another registry`,
  );
}

function parse(value: string): RegistrySchema | undefined {
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed !== 'object' || parsed === null || !('written' in parsed) || !('readableFrom' in parsed)) return undefined;
    const { written, readableFrom } = parsed;
    return typeof written === 'number' && typeof readableFrom === 'number' ? { written, readableFrom } : undefined;
  } catch {
    // Not JSON: told to the caller with the text itself.
    return undefined;
  }
}
