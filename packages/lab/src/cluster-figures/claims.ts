import { BEYOND_COMMIT_MAX_MS, type ColdCallFigures } from '../bench/index.ts';
import { BEYOND_LOAD_MAX, type ColdBurstFigures } from '../burst/index.ts';
import { type Cell, digits, judged, mebibytes, percent, type Table } from '../figures/index.ts';
import type { CrowdingFigures } from './crowding.ts';
import { FAIR_SHARE_WITHIN_MS, type FreshNodeFigures } from './fresh-node.ts';
import type { HotModelFigures } from './hot-model.ts';
import type { RegistrationFigures } from './registration.ts';

/** One node alone registers so many models a second, and so many while three watch. */
export const ALONE_PER_SECOND_MIN = 5000;
export const WATCHED_PER_SECOND_MIN = 3000;
/** What a node with 20 000 models may have resident. */
export const RESIDENT_BYTES_MAX = 250e6;
/** How long after the last answer the nodes may still differ. */
export const EQUAL_WITHIN_MS = 2000;

/** One control tick: within it a hot model has its second copy. */
export const SECOND_COPY_WITHIN_MS = 10_000;
/** Of an even share of a hot model's calls, each node answers at least this part. */
export const EVEN_SHARE_MIN = 0.5;

/** One sentence that a run must make true, what is claimed and what was measured. */
export interface ClusterClaim {
  readonly sentence: string;
  readonly claim: string;
  readonly shown: string;
  readonly holds: boolean;
}

/** What registrations must show; figures of speed may miss their aim by `leeway`, memory may not. */
export function registrationClaims(figures: RegistrationFigures, leeway = 1): readonly ClusterClaim[] {
  const { models, callers, nodes, perSecond, residentBytes, listed, equal } = figures;
  const aim = nodes === 1 ? ALONE_PER_SECOND_MIN : WATCHED_PER_SECOND_MIN;
  const knownAfterMs = Math.max(...figures.knownAfterMs);
  const who = nodes === 1 ? 'one node' : `one of ${nodes} nodes`;
  return [
    {
      sentence: `${who} registers ${models} models of ${callers} callers`,
      claim: `≥ ${aim}/s`,
      shown: `${digits(perSecond, 0)}/s`,
      holds: perSecond * leeway >= aim,
    },
    {
      sentence: `${who} stays small meanwhile`,
      claim: `< ${mebibytes(RESIDENT_BYTES_MAX)}`,
      shown: `${mebibytes(residentBytes.peak)} at most, ${mebibytes(residentBytes.before)} before`,
      holds: residentBytes.peak < RESIDENT_BYTES_MAX,
    },
    {
      sentence: nodes === 1 ? 'its view has them all after the last answer' : 'all views are equal after the last answer',
      claim: `≤ ${EQUAL_WITHIN_MS} ms`,
      shown: `${digits(knownAfterMs, 0)} ms; the same list of ${listed.join(', ')} models after ${digits(figures.comparedAfterMs, 0)} ms`,
      holds: equal && knownAfterMs <= EQUAL_WITHIN_MS * leeway,
    },
  ];
}

/** What first calls must show. */
export function coldCallClaims(figures: ColdCallFigures, leeway = 1): readonly ClusterClaim[] {
  const { models, coldMs, runtimeLoadMs, commitMs, beyondLoadMs } = figures;
  const most = commitMs + BEYOND_COMMIT_MAX_MS * leeway;
  return [
    {
      sentence: `first calls of ${models} models, p50 above the runtime's load and one commit`,
      claim: `≤ ${BEYOND_COMMIT_MAX_MS} ms`,
      shown: `${digits(beyondLoadMs - commitMs)} ms = ${digits(coldMs)} − ${digits(runtimeLoadMs)} − ${digits(commitMs)}`,
      holds: beyondLoadMs <= most,
    },
  ];
}

/** What a burst through several nodes must show. */
export function burstClaims(figures: ColdBurstFigures, nodes: number, leeway = 1): readonly ClusterClaim[] {
  const { calls, loadMs, coldMs, warmMs, beyondLoad, loadsEach } = figures;
  return [
    {
      sentence: `${calls} first calls of one model through ${nodes} nodes`,
      claim: '1 load',
      shown: loadsEach.join(', '),
      holds: loadsEach.length > 0 && loadsEach.every((loads) => loads === 1),
    },
    {
      sentence: 'all are answered within the load and the same burst warm',
      claim: `≤ ${loadMs} ms + ${BEYOND_LOAD_MAX} × warm`,
      shown: `${digits(coldMs, 0)} ms = ${loadMs} + ${digits(beyondLoad)} × ${digits(warmMs, 0)}`,
      holds: beyondLoad <= BEYOND_LOAD_MAX * leeway,
    },
  ];
}

/** What more models than fit must show. */
export function crowdingClaims(figures: CrowdingFigures): readonly ClusterClaim[] {
  const { models, nodes, calls, wrongAnswers, capacityBytes, bookedBytesMax, loads, evictions, doubleLoads } = figures;
  const failed = failedOf(figures);
  const room = `${models} models on ${nodes} nodes with room for ${mebibytes(capacityBytes * nodes)}`;
  return [
    {
      sentence: `${room}: answers`,
      claim: 'all right',
      shown: `${calls} right, ${wrongAnswers} wrong, ${failed} failed`,
      holds: calls > 0 && wrongAnswers + failed === 0,
    },
    {
      sentence: 'booked by each node at most',
      claim: `≤ ${mebibytes(capacityBytes)}`,
      shown: bookedBytesMax.map(mebibytes).join(', '),
      holds: bookedBytesMax.every((bytes) => bytes > 0 && bytes <= capacityBytes),
    },
    {
      sentence: 'loads that failed, or of a model that was there',
      claim: 'none',
      shown: `${figures.failedLoads} and ${doubleLoads.length} of ${loads.join(' + ')} loads, ${evictions.join(' + ')} evictions`,
      holds: figures.failedLoads === 0 && doubleLoads.length === 0 && loads.every((count) => count > 0),
    },
  ];
}

/** What a model must show that everybody calls at once. */
export function hotModelClaims(figures: HotModelFigures): readonly ClusterClaim[] {
  const { nodes, clients, calls, secondCopyMs, everyCopyMs, shares } = figures;
  const failed = failedOf(figures);
  const shareMin = EVEN_SHARE_MIN / nodes;
  return [
    {
      sentence: `field §4.9 item 9: a model that ${clients} clients call at once has a second copy`,
      claim: `≤ ${SECOND_COPY_WITHIN_MS / 1000} s`,
      shown: `${digits(secondCopyMs / 1000)} s, one on each of ${nodes} nodes ${digits(everyCopyMs / 1000)} s`,
      holds: secondCopyMs <= SECOND_COPY_WITHIN_MS,
    },
    {
      sentence: 'each node answers its part of the calls then',
      claim: `≥ ${percent(shareMin, 0)}`,
      shown: shares.map((share) => percent(share, 0)).join(', '),
      holds: shares.every((share) => share >= shareMin),
    },
    { sentence: 'no call fails', claim: 'none', shown: `${failed} of ${calls + failed}`, holds: calls > 0 && failed === 0 },
  ];
}

/** What a node must show that joins full ones. */
export function freshNodeClaims(figures: FreshNodeFigures): readonly ClusterClaim[] {
  const { nodes, models, fairShareBytes, fairShareMs, calls } = figures;
  const failed = failedOf(figures);
  return [
    {
      sentence: `field §4.9 item 11: a node that joins ${nodes} with ${models} models has its fair share of ${mebibytes(fairShareBytes)}`,
      claim: `≤ ${FAIR_SHARE_WITHIN_MS / 1000} s`,
      shown: `${digits(fairShareMs / 1000)} s`,
      holds: fairShareMs <= FAIR_SHARE_WITHIN_MS,
    },
    {
      sentence: 'no call fails meanwhile',
      claim: 'none',
      shown: `${failed} of ${calls + failed}`,
      holds: calls > 0 && failed === 0,
    },
  ];
}

const failedOf = ({ failures }: { readonly failures: Readonly<Record<string, number>> }): number =>
  Object.values(failures).reduce((sum, count) => sum + count, 0);

/** Claims beside what was measured. */
export const clusterTable = (title: string, claims: readonly ClusterClaim[], more: readonly (readonly Cell[])[] = []): Table => ({
  title,
  columns: ['', 'claim', 'measured'],
  rows: [...claims.map(({ sentence, claim, shown, holds }) => [sentence, claim, judged(shown, holds)]), ...more],
});

/** What a registration costs, beside the claims. */
export const registrationRows = ({ p50Ms, p99Ms, cpuUs, residentBytes }: RegistrationFigures): readonly (readonly Cell[])[] => {
  const us = (value: number): string => `${digits(value, 0)} µs`;
  return [
    ['CPU a registration: node, etcd, callers', '', [cpuUs.node, cpuUs.etcd, cpuUs.callers].map(us).join(', ')],
    ...(cpuUs.watching.length === 0 ? [] : [['CPU a registration: nodes that watch', '', cpuUs.watching.map(us).join(', ')]]),
    ['p50, p99', '', `${digits(p50Ms, 1)}, ${digits(p99Ms, 1)} ms`],
    ['resident after the last answer', '', mebibytes(residentBytes.after)],
  ];
};
