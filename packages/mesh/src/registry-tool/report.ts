import type { MeshErrorKind } from '@modelmesh/core';
import type { MigrationPlan, StepOutcome } from './migration/index.ts';
import type { Transferred } from './transfer.ts';

/** One line that the program writes: a JSON object. The last one is `done`, `plan`, a `step` that waits, or `failed`. */
export type Report =
  /** `total` is unknown while a store is read. */
  | { readonly event: 'progress'; readonly what: string; readonly done: number; readonly total: number | null }
  | { readonly event: 'done'; readonly result: Transferred }
  | { readonly event: 'plan'; readonly plan: MigrationPlan }
  /** A step of a move: done, without anything to do, or waiting for the operator. */
  | { readonly event: 'step'; readonly step: StepOutcome }
  | { readonly event: 'failed'; readonly kind: MeshErrorKind; readonly message: string };
