import type { ValueKind } from './value-kind.ts';

/** One setting: everything that parsing and the reference need to know of it. */
export interface Setting<Value> {
  /** Where it stands in YAML; variable and flag are made from it. */
  readonly path: string;
  readonly kind: ValueKind<Value>;
  readonly default: Value;
  /** The default as the reference shows it, where it is derived from something else. */
  readonly defaultText?: string;
  /** The default under `MM_COMPAT=modelmesh`, where it differs. */
  readonly modelMeshDefault?: Value;
  /** ModelMesh's variables, the first one set counts, with their own syntax where it differs. */
  readonly modelMesh?: { readonly names: readonly string[]; readonly kind?: ValueKind<Value> };
  /** Whether a reload may change it. */
  readonly live: boolean;
  /** Never shown, not even in a problem. */
  readonly secret?: boolean;
  /** A sentence for the reference. */
  readonly doc: string;
}

/** Checks the types of one row of the table. */
export const setting = <Value>(row: Setting<Value>): Setting<Value> => row;

/** Our variable: `limits.messageBytesMax` is `MESH_LIMITS_MESSAGE_BYTES_MAX`. */
export const variableOf = (path: string): string =>
  `MESH_${path
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`;

/** Our flag: `limits.messageBytesMax` is `--limits-message-bytes-max`. */
export const flagOf = (path: string): string => `--${variableOf(path).slice('MESH_'.length).toLowerCase().replaceAll('_', '-')}`;
