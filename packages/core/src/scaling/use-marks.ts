/**
 * Regular use told from a burst (spec `modelmesh.md` §4.7.3): a model is used regularly if it is used now and was used between `minAgeMs`
 * and `maxAgeMs` ago. Two marks a copy are enough to find the first step at which that holds; a law compares them with the whole history.
 */

import { type DurationMs, durationMs, type MonotonicMs } from '../units.ts';

/** Which earlier use makes a use a regular one: one of an age between these, both included. */
export interface RegularUse {
  readonly minAgeMs: DurationMs;
  readonly maxAgeMs: DurationMs;
}

/** The first and the last use of late; null: none. */
export type UseMarks = { readonly firstMs: MonotonicMs; readonly lastMs: MonotonicMs } | null;

/** The marks after a use now. A first use that is too old to count gives its place to the last one. */
export function withUse(marks: UseMarks, now: MonotonicMs, { maxAgeMs }: RegularUse): UseMarks {
  if (marks === null) return { firstMs: now, lastMs: now };
  if (now - marks.firstMs <= maxAgeMs) return { firstMs: marks.firstMs, lastMs: now };
  return { firstMs: now - marks.lastMs <= maxAgeMs ? marks.lastMs : now, lastMs: now };
}

/** The age of the earlier use that makes a use now a regular one; null: it is none. `marks` are those before this use. */
export function regularUseAge(marks: UseMarks, now: MonotonicMs, { minAgeMs, maxAgeMs }: RegularUse): DurationMs | null {
  if (marks === null) return null;
  for (const markMs of [marks.firstMs, marks.lastMs]) {
    const ageMs = now - markMs;
    if (ageMs >= minAgeMs && ageMs <= maxAgeMs) return durationMs(ageMs);
  }
  return null;
}
