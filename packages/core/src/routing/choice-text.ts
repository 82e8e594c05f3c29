import type { CopyChoice, ScoredCopy } from './choose-copy.ts';

/** A copy that was chosen among several. */
export type MadeChoice = Pick<Exclude<CopyChoice, { readonly kind: 'none' }>, 'because' | 'considered'>;

/** A choice in words, for people: not cheap, so never while a call waits for it. */
export const choiceText = ({ because, considered }: MadeChoice): string =>
  `${considered.length === 0 ? 'took the copy that there is' : `chose ${considered.map(shown).join(' before ')}`}: ${because}`;

function shown({ instance, inFlight, latencyMs, cost }: ScoredCopy): string {
  const latency = latencyMs === null ? '?' : latencyMs.toFixed(1);
  return `${instance} (${inFlight} in flight, ${latency} ms, cost ${cost.toFixed(1)})`;
}
