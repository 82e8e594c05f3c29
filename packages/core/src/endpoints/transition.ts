import {
  type EndpointRecord,
  inTransition,
  type ModelRecord,
  putOf,
  type RegistryWrite,
  withTransitionDone,
  withTransitionFailed,
} from '../records/index.ts';
import { type DurationMs, durationMs, type EndpointId, type EpochMs, epochMs, type ModelKey, type Namespace } from '../units.ts';
import { isServable } from '../view/index.ts';
import type { EndpointReader } from './decision.ts';
import { policyChecks } from './policies.ts';
import { referenceWrites } from './references.ts';

/** How long a transition waits for one load of its target (spec `modelmesh.md` §5.3). */
export const TRANSITION_LOAD_TIMEOUT_MS: DurationMs = durationMs(600_000);

/** How long a `setVModel` with `sync` waits for a transition; then it gets `deadline-exceeded` (spec §5.2). */
export const TRANSITION_WAIT_MAX_MS: DurationMs = durationMs(240_000);

/** What came of loading a target. */
export interface TargetEvidence {
  /** The target it was about; evidence about an earlier target counts for nothing. */
  readonly target: ModelKey;
  /** How many copies were asked for. */
  readonly copies: number;
  /** `loaded`: as many copies as were asked for, or as instances allow. */
  readonly outcome: 'loaded' | 'loading' | 'load-failed' | 'not-loaded';
}

/** What decisions about transitions know beside the records. */
export interface TransitionEnv {
  readonly nowMs: EpochMs;
  /** After this a failed load of the target counts for nothing, and it is tried again. */
  readonly failureExpiryMs: DurationMs;
}

/** What the driver of transitions does next for one endpoint. */
export type TransitionStep =
  /** There is no such endpoint, or its target answers already. */
  | { readonly kind: 'settled' }
  /** Load the target on behalf of this endpoint, then ask again with the outcome. */
  | {
      readonly kind: 'ensure-target';
      readonly model: ModelKey;
      /** As many as the active model has, so that the switch takes no capacity away; fewer if the target's owner allows fewer. */
      readonly copies: number;
      /** As warm as the active model, so that it is not the first to be evicted. */
      readonly lastUsedMs: EpochMs;
      readonly timeoutMs: DurationMs;
    }
  /** The target answers from now on. */
  | { readonly kind: 'switch'; readonly writes: readonly RegistryWrite[]; readonly endpoint: EndpointRecord }
  /** Say that the transition failed; the active model goes on. Ask again when the target's record changes. */
  | { readonly kind: 'mark-failed'; readonly writes: readonly RegistryWrite[]; readonly endpoint: EndpointRecord }
  /** Nothing to do before the target's or the active model's record changes, or until a failure expires; `null`: none does. */
  | { readonly kind: 'wait'; readonly untilMs: EpochMs | null };

/**
 * Decides the next step of a transition (spec `modelmesh.md` §5.3).
 *
 * Pure: asked again with the same records and evidence it says the same, so that a driver may die at any point and another go on.
 */
export function nextTransitionStep(
  reader: EndpointReader,
  namespace: Namespace,
  id: EndpointId,
  evidence: TargetEvidence | undefined,
  env: TransitionEnv,
): TransitionStep {
  const existing = reader.endpoint(namespace, id);
  if (existing === undefined || !inTransition(existing.record)) return { kind: 'settled' };
  const { record, revision } = existing;
  const policy = reader.policy(namespace, id);
  const [active, target] = [reader.model(namespace, record.active)?.record, reader.model(namespace, record.target)?.record];
  const switched = (): TransitionStep => {
    const endpoint = withTransitionDone(record);
    return {
      kind: 'switch',
      writes: [
        putOf(endpoint, revision),
        ...policyChecks(existing, policy),
        ...referenceWrites(
          reader,
          namespace,
          { record, policy: policy?.record.policy },
          { record: endpoint, policy: policy?.record.policy },
        ),
      ],
      endpoint,
    };
  };
  const failed = (): TransitionStep => {
    if (record.failed) return { kind: 'wait', untilMs: failuresExpireMs(target, env) };
    const endpoint = withTransitionFailed(record);
    return { kind: 'mark-failed', writes: [putOf(endpoint, revision)], endpoint };
  };
  if (target === undefined) return failed();
  if (active === undefined || active.copies.size === 0) return switched();
  const copies = Math.max(1, Math.min(active.copies.size, target.copiesPolicy.max ?? Number.POSITIVE_INFINITY));
  const ensured: TransitionStep = {
    kind: 'ensure-target',
    model: record.target,
    copies,
    lastUsedMs: active.lastUsedMs,
    timeoutMs: TRANSITION_LOAD_TIMEOUT_MS,
  };
  switch (evidence?.target === record.target ? evidence.outcome : undefined) {
    case 'loaded':
      // The active model may have been given more copies meanwhile.
      return (evidence?.copies ?? 0) >= copies ? switched() : ensured;
    case 'loading':
    case 'load-failed':
      return failed();
    case 'not-loaded':
      return { kind: 'wait', untilMs: null };
    case undefined:
      if (record.failed && !isServable(target, env.nowMs, env.failureExpiryMs)) return failed();
      return ensured;
  }
}

/** When the last failure of a model counts for nothing any more. */
function failuresExpireMs(target: ModelRecord | undefined, { failureExpiryMs }: TransitionEnv): EpochMs | null {
  const failures = [...(target?.failures.values() ?? [])].map(({ atMs }) => atMs);
  return failures.length === 0 ? null : epochMs(Math.max(...failures) + failureExpiryMs);
}
