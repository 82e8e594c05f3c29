import type { EpochMs, ModelKey } from '../units.ts';

/** What decides which of two versions is the newer one. */
export interface RankedVersion {
  readonly key: ModelKey;
  readonly version: string;
  readonly createdAtMs: EpochMs;
}

const ALL_DIGITS = /^[0-9]+$/;

/** Whether a version is a number. */
export const isNumericVersion = (version: string): boolean => ALL_DIGITS.test(version);

/**
 * Sorts the versions of one family, newest first: as numbers when all of them are digits, else by creation.
 *
 * The rule is one for the family, not one for each pair: mixing both orders would make circles (2 above 1 as a number, `beta` above 2 and 1
 * above `beta` by creation). Ties end with the key, so that every node sees the same order.
 */
export function newestFirst<V extends RankedVersion>(versions: readonly V[]): V[] {
  const numeric = versions.every(({ version }) => isNumericVersion(version));
  return versions.toSorted((a, b) => {
    const byNumber = numeric ? compareDigits(b.version, a.version) : 0;
    return byNumber || b.createdAtMs - a.createdAtMs || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  });
}

/** Compares two strings of digits as numbers of any length. */
function compareDigits(a: string, b: string): number {
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return x.length - y.length || (x < y ? -1 : x > y ? 1 : 0);
}
