import { bytesForUnits } from '../units.ts';
import { admit } from './candidates.ts';
import type { Candidate, ChosenBy, PlacementDecision, Rejection } from './decision.ts';
import { nowhereText } from './explain.ts';
import { BALANCING, type Narrowed, type Narrowing, SHORTLISTING } from './narrowing.ts';
import { affinity } from './rendezvous.ts';
import type { PlacementRequest, PlacementSituation } from './request.ts';

/**
 * Decides where a copy is loaded, or that it can be nowhere (spec `modelmesh.md` §4.5). Equal inputs give equal decisions: the last choice,
 * between equally good instances, is by the {@link affinity} of model and instance where ModelMesh throws a die, so that nodes that see
 * the same cluster send the same model to the same place and no claim is lost to another node's choice.
 */
export function place(request: PlacementRequest, situation: PlacementSituation): PlacementDecision {
  const { candidates, rejections } = admit(request, situation);
  const { namespace, model, units } = request;
  const facts = { namespace, model, atMs: situation.nowMs, units, bytes: bytesForUnits(units), candidates, rejections };
  const [best] = candidates;
  if (best === undefined) {
    const required = situation.cluster.constraints.required(request.type);
    return { ...facts, kind: 'nowhere', because: nowhereText(request.type, required, rejections) };
  }
  const { nowMs } = situation;
  const start: Narrowed = { best, candidates, request, nowMs, replacement: situation.upgrades.replacement(nowMs) };
  const equals = narrow(SHORTLISTING, start, rejections);
  const own = request.favourSelf ? equals.candidates.find(({ id }) => id === situation.self) : undefined;
  if (own !== undefined) return { ...facts, kind: 'placed', shortlist: equals.candidates, chosen: own, chosenBy: 'self' };
  const left = narrow(BALANCING, equals, rejections);
  return { ...facts, kind: 'placed', shortlist: left.candidates, ...choose(left) };
}

/** Takes the steps one after the other. A step that would leave nothing is not taken. */
function narrow(steps: readonly Narrowing[], start: Narrowed, rejections: Rejection[]): Narrowed {
  let left = start;
  for (const step of steps) {
    if (left.candidates.length === 1) break;
    const judge = step.judge(left);
    if (judge === null) continue;
    const kept: Candidate[] = [];
    const gone: Rejection[] = [];
    for (const candidate of left.candidates) {
      const reason = judge(candidate);
      if (reason === null) kept.push(candidate);
      else gone.push({ id: candidate.id, reason });
    }
    const [best] = kept;
    if (best === undefined) continue;
    rejections.push(...gone);
    left = { ...left, best, candidates: kept };
  }
  return left;
}

function choose({ best, candidates, request }: Narrowed): { readonly chosen: Candidate; readonly chosenBy: ChosenBy } {
  if (candidates.length === 1) return { chosen: best, chosenBy: 'only-one' };
  const affinityOf = affinity(request.namespace, request.model);
  let [chosen, highest] = [best, affinityOf(best.id)];
  for (const candidate of candidates) {
    const strength = affinityOf(candidate.id);
    if (strength > highest || (strength === highest && candidate.id < chosen.id)) [chosen, highest] = [candidate, strength];
  }
  return { chosen, chosenBy: 'affinity' };
}
