import type { MeshErrorKind } from '@modelmesh/core';
import type { Transferred } from './transfer.ts';

/** One line that the program writes: a JSON object. The last one is `done` or `failed`. */
export type Report =
  /** `total` is unknown while a store is read. */
  | { readonly event: 'progress'; readonly what: string; readonly done: number; readonly total: number | null }
  | { readonly event: 'done'; readonly result: Transferred }
  | { readonly event: 'failed'; readonly kind: MeshErrorKind; readonly message: string };

/** Tells how far something is. `total` is `null` while it is not known. */
export type TellProgress = (what: string, done: number, total: number | null) => void;
