import type { EpochMs, InstanceId } from '@modelmesh/core';
import type { FillLoad } from '@modelmesh/core/filling';
import type { DecisionBody } from '@modelmesh/core/journal';
import { type ChosenBy, type PlacementDecision, placementRecord } from '@modelmesh/core/placement';
import type { ScaleDownDecision, ScaleUpDecision } from '@modelmesh/core/scaling';

const CHOSEN_BY: Readonly<Record<ChosenBy, string>> = {
  'only-one': 'no other is as good',
  self: 'the call entered there, and no other is better',
  affinity: 'of those that are equally good, by the affinity of model and instance',
};

/** A placement as it is kept for explanations. */
export function placementDecision(decision: PlacementDecision): DecisionBody {
  const because =
    decision.kind === 'placed' ? `${decision.chosen.id} takes it: ${CHOSEN_BY[decision.chosenBy]}` : decision.because;
  const instance = decision.kind === 'placed' ? decision.chosen.id : null;
  return {
    kind: 'placement',
    atMs: decision.atMs,
    model: decision.model,
    instance,
    because,
    details: { ...placementRecord(decision) },
  };
}

/** A decision about the number of copies, made by the instance `self`. */
export function scaleDecision(decision: ScaleUpDecision | ScaleDownDecision, self: InstanceId, atMs: EpochMs): DecisionBody {
  const { because, model, ...details } = decision;
  return { kind: 'scale', atMs, model, instance: self, because: `${decision.kind}: ${because}`, details: { ...details } };
}

/** A load that nobody waits for. */
export function fillDecision({ model, to, because, ...details }: FillLoad, atMs: EpochMs): DecisionBody {
  return { kind: 'scale', atMs, model, instance: to, because: `fill: ${because}`, details: { ...details } };
}
