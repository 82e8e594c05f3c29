import type { MeshError } from '../errors.ts';
import type { ModelRecord, RegistryWrite, Versioned } from '../records/index.ts';
import type { EpochMs, ModelKey, Namespace } from '../units.ts';

/** Where decisions read models; the registry view is one. */
export interface ModelReader {
  model(namespace: Namespace, key: ModelKey): Versioned<ModelRecord> | undefined;
}

/** What a decision knows beside the records. */
export interface RegistrationEnv {
  readonly nowMs: EpochMs;
  /** The node must not write. */
  readonly readOnly?: boolean;
}

/** What is done after the decision was carried out. */
export type FollowUp =
  | { readonly kind: 'none' }
  /** Load the model unless it is there; with `sync` the answer waits for the outcome. */
  | { readonly kind: 'ensure-loaded'; readonly model: ModelKey; readonly lastUsedMs: EpochMs; readonly sync: boolean };

/** What a decision about a model came to. A `write` that loses its compare-and-set is decided again on the fresh records. */
export type ModelDecision =
  | {
      readonly kind: 'write';
      readonly writes: readonly RegistryWrite[];
      /** The record as it will be; `undefined` = it will be gone. */
      readonly record: ModelRecord | undefined;
      readonly created: boolean;
      readonly next: FollowUp;
    }
  | { readonly kind: 'no-change'; readonly record: ModelRecord | undefined; readonly next: FollowUp }
  | { readonly kind: 'error'; readonly error: MeshError };
