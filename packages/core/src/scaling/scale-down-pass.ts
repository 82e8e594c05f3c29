/** The pass over all local copies that the janitor ends with (spec `modelmesh.md` §4.10.4). */

import type { ModelRecord } from '../records/index.ts';
import { type InstanceId, type SizeUnits, sizeUnits } from '../units.ts';
import { byKey } from './cluster-facts.ts';
import { copiesKept, type RemoveCopy, type ScaleDownDecision } from './decision.ts';
import { decideScaleDown, type IdleCopy, type ScaleDownView } from './scale-down.ts';

/** Of the capacity that copies can fill, this share goes in one pass, the first copy whatever its size (spec §4.10.4). */
export const REMOVED_SHARE_MAX = 0.05;

/** Decisions about the copies that have others beside them, least recently used first. */
export interface ScaleDownPass {
  readonly decisions: readonly ScaleDownDecision[];
  readonly removedUnits: SizeUnits;
}

/**
 * Decides about every local copy. `capacityUnits`: what copies can fill here. Copies that were used at the same instant are told apart by
 * their key, where ModelMesh lost all but one (spec §9.4, 6).
 */
export function scaleDownPass(copies: readonly IdleCopy[], capacityUnits: SizeUnits, view: ScaleDownView): ScaleDownPass {
  const boundUnits = capacityUnits * REMOVED_SHARE_MAX;
  const ordered = copies
    .filter(({ record }) => record.copies.size > 1)
    .toSorted((a, b) => a.lastUsedMs - b.lastUsedMs || byKey(a.record.key, b.record.key));
  const decisions: ScaleDownDecision[] = [];
  let removed = 0;
  for (const copy of ordered) {
    const decision = decideScaleDown(copy, view);
    if (decision === undefined) continue;
    if (decision.kind === 'remove-copy' && removed > 0 && removed + decision.units > boundUnits) {
      decisions.push(putOff(decision));
      continue;
    }
    decisions.push(decision);
    if (decision.kind === 'remove-copy') removed += decision.units;
  }
  return { decisions, removedUnits: sizeUnits(removed) };
}

const putOff = ({ model, because }: RemoveCopy): ScaleDownDecision => ({
  kind: 'keep-copy',
  model,
  rule: 'enough-removed',
  because: `${because}; left for the next run, enough goes in this one`,
});

/**
 * Whether a removal still holds for the record as it is when it is written: enough live copies remain, and one of those that the decision
 * rests on is among them. Asked again after every lost compare-and-set.
 */
export function mayRemove(
  record: ModelRecord,
  decision: Pick<RemoveCopy, 'others'>,
  self: InstanceId,
  isLive: (instance: InstanceId) => boolean,
): boolean {
  if (!record.copies.has(self)) return false;
  const remaining = [...record.copies.keys()].filter((instance) => instance !== self && isLive(instance));
  return remaining.length >= copiesKept(record.copiesPolicy) && remaining.some((instance) => decision.others.includes(instance));
}
