import { type DurationMs, durationMs, type EpochMs, epochMs } from '../units.ts';

/** How old a model's last use is taken to be when it is registered to be loaded at once (spec `modelmesh.md` §1.1). */
export const LAST_USED_AGE_ON_LOAD_MS: DurationMs = durationMs(3_600_000);

/** How old it is taken to be when it is registered for later. A flood of new models must not evict those used within the last hour. */
export const LAST_USED_AGE_ON_ADD_MS: DurationMs = durationMs(6 * 3_600_000);

/** A registration that is repeated moves the stored last use only if it would move so far: not every repetition is worth a write. */
export const LAST_USED_BUMP_MIN_MS: DurationMs = durationMs(3_600_000);

/** The last use that a registration starts with: what the client says, never later than now; else one or six hours ago. */
export function initialLastUsed(nowMs: EpochMs, loadNow: boolean, givenMs: EpochMs): EpochMs {
  if (givenMs > 0) return epochMs(Math.min(givenMs, nowMs));
  return epochMs(nowMs - (loadNow ? LAST_USED_AGE_ON_LOAD_MS : LAST_USED_AGE_ON_ADD_MS));
}

/** The last use that an explicit load stands for: what the client says, never later than now; else now. */
export const lastUsedForEnsure = (nowMs: EpochMs, givenMs: EpochMs): EpochMs =>
  givenMs > 0 ? epochMs(Math.min(givenMs, nowMs)) : nowMs;
