import { type Field, field } from './field.ts';
import { STATIC_ENTRIES } from './static-entries.ts';

/** Entries of the static table; the first of the dynamic table has the index after them (RFC 7541 §2.3.3). */
export const STATIC_COUNT: number = STATIC_ENTRIES.length;

/** The fields of the static table, at their index less one. */
export const STATIC_FIELDS: readonly Field[] = STATIC_ENTRIES.map(([name, value]) => field(name, value));
