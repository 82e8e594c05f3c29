import { assertNever } from '../assert.ts';
import type { PlacementDecision, Rejection, RejectionReason } from './decision.ts';

/** Why an instance was not chosen, as a clause: `it holds a copy already`. */
export function reasonText(reason: RejectionReason): string {
  switch (reason.by) {
    case 'type-constraint':
      return `type ${reason.type} requires ${labelsText(reason.missingLabels)}, which it does not have`;
    case 'excluded':
      return 'the caller excluded it';
    case 'holds-copy':
      return 'it holds a copy already';
    case 'failed-there':
      return `loading failed there: ${reason.message}`;
    case 'tried':
      return 'it was tried for this call already';
    case 'leaving':
      return 'it is shutting down';
    case 'unreachable':
      return reason.because === 'no-answer' ? 'it does not answer' : 'it publishes no address for other nodes';
    case 'too-small':
      return `${reason.neededUnits} units do not fit in its capacity of ${reason.capacityUnits}`;
    case 'being-replaced':
      return `its replica set is being replaced by ${reason.replicaSet}`;
    case 'preference':
      return `the type prefers others, such as ${reason.than}`;
    case 'class':
      return `${reason.than} is wanted before it (${reason.criterion})`;
    case 'zone':
      return `zone ${nameText(reason.zone)} has ${reason.copies} copies, others have ${reason.fewest}`;
    case 'location':
      return `location ${nameText(reason.location)} has ${reason.copies} copies, others have ${reason.fewest}`;
    case 'oldest-use':
      return `it would evict a copy used ${reason.youngerByMs} ms later than that of the best, ${reason.allowedMs} ms are allowed`;
    case 'room':
      return `it has room for ${reason.remainingUnits} units, a quarter of the best has ${reason.requiredUnits}`;
    case 'count':
      return `it has ${reason.models} models, ${reason.allowed} are allowed beside the best`;
    case 'fit':
      return `it would have to evict: ${reason.neededUnits} units are needed and ${reason.remainingUnits} free`;
    case 'queue':
      return `${reason.loadsInProgress} loads are in progress there, ${reason.allowed} are allowed beside the shortest queue`;
    case 'busy':
      return `it is busy with ${reason.requestsPerMinute} requests a minute, ${reason.allowed} are allowed`;
    default:
      return assertNever(reason);
  }
}

const nameText = (name: string): string => (name === '' ? '(none)' : name);
const labelsText = (labels: readonly string[]): string => `label${labels.length === 1 ? '' : 's'} ${labels.join(', ')}`;

/** How many instances something forbids, as part of a sentence. */
const PROHIBITIONS: Partial<Record<RejectionReason['by'], string>> = {
  'type-constraint': 'lack labels',
  excluded: 'excluded',
  'holds-copy': 'hold a copy',
  'failed-there': 'failed to load it',
  tried: 'tried already',
  leaving: 'shutting down',
  unreachable: 'unreachable',
  'too-small': 'too small',
};

/** Why a copy can be nowhere. The labels that a type requires are named if they are a reason (spec §6.1). */
export function nowhereText(type: string, required: ReadonlySet<string>, rejections: readonly Rejection[]): string {
  if (rejections.length === 0) return 'there is no instance';
  const counts = new Map<RejectionReason['by'], number>();
  for (const { reason } of rejections) counts.set(reason.by, (counts.get(reason.by) ?? 0) + 1);
  const labels = `type ${type} requires ${labelsText([...required].sort())}`;
  if (counts.get('type-constraint') === rejections.length) return `${labels}, which no instance has`;
  const parts = [...counts].map(([by, count]) => `${count} ${PROHIBITIONS[by] ?? by}`).join(', ');
  const sentence = `none of ${rejections.length} instance${rejections.length === 1 ? '' : 's'} can take it: ${parts}`;
  return counts.has('type-constraint') ? `${sentence}; ${labels}` : sentence;
}

/** The decision as lines for a reader: what was chosen among whom, then why each other one was not. */
export function explainPlacement(decision: PlacementDecision): readonly string[] {
  const rejected = decision.rejections.map(({ id, reason }) => `${id}: ${reasonText(reason)}`);
  if (decision.kind === 'nowhere') return [`${decision.model}: nowhere, because ${decision.because}`, ...rejected];
  const { chosen, chosenBy, shortlist, units } = decision;
  const among = shortlist.map(({ id }) => id).join(', ');
  return [`${decision.model}: ${units} units to ${chosen.id} (${chosenBy}) among ${among}`, ...rejected];
}
