import type { DurationMs } from '../../units.ts';
import type { LearningConfig } from './strategy.ts';

/** What a call says of its variant. `none`: nothing, since its caller gave it up or asked for what nobody can answer. */
export type CallWorth = 'reward' | 'failure' | 'none';

/**
 * gRPC codes by which a variant fails: UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. The others
 * are the caller's fault or wish.
 */
const FAILURES: ReadonlySet<number> = new Set([2, 4, 8, 12, 13, 14, 15]);

/** What a call that ended with a gRPC code after some time says of its variant. */
export function worthOf(
  code: number,
  tookMs: DurationMs,
  { latencyTargetMs }: Pick<LearningConfig, 'latencyTargetMs'>,
): CallWorth {
  if (code === 0) return latencyTargetMs !== null && tookMs > latencyTargetMs ? 'failure' : 'reward';
  return FAILURES.has(code) ? 'failure' : 'none';
}
