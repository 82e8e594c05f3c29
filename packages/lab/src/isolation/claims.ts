import { digits, judged, type Table } from '../figures/index.ts';
import { CORES_NEEDED, type IsolationFigures } from './isolation.ts';

/** How much slower the slowest hundredth of the tiny models' calls may be. */
export const BESIDE_P99_MAX = 2;

/** What a run says about the claim, and against what it was held. */
export interface IsolationClaim {
  readonly sentence: string;
  readonly ratio: number;
  readonly holds: boolean;
}

/**
 * Tiny models keep their p99 while another model computes in the same runtime. Held against quiet times where the machine has cores for everyone;
 * with fewer cores against the same computation in a foreign process, which takes the core away in the same manner.
 */
export function isolationClaim(figures: IsolationFigures): IsolationClaim {
  const enough = figures.cores >= CORES_NEEDED;
  const ratio = figures.besideP99Ms / (enough ? figures.quietP99Ms : Math.max(figures.foreignP99Ms, figures.quietP99Ms));
  return {
    sentence: enough
      ? 'tiny models keep p99 within 2 × beside a model that computes'
      : `with ${figures.cores} cores for ${CORES_NEEDED} computing threads: p99 within 2 × of what a foreign process costs`,
    ratio,
    holds: ratio <= BESIDE_P99_MAX,
  };
}

/** The figures and the claim. */
export function isolationTable(figures: IsolationFigures): Table {
  const { quietP50Ms, quietP99Ms } = figures;
  const row = (name: string, p50: number, p99: number): readonly string[] => [
    name,
    `${digits(p50)} ms`,
    `${digits(p99)} ms`,
    digits(p50 / quietP50Ms),
    digits(p99 / quietP99Ms),
  ];
  const { sentence, ratio, holds } = isolationClaim(figures);
  return {
    title: `${figures.calls} calls of tiny models beside runs of ${digits(figures.heavyRunMs, 0)} ms, ${figures.cores} cores`,
    columns: ['', 'p50', 'p99', 'p50 / quiet', 'p99 / quiet'],
    rows: [
      row('quiet', quietP50Ms, quietP99Ms),
      row('heavy model in the same runtime', figures.besideP50Ms, figures.besideP99Ms),
      row('heavy model in a foreign process', figures.foreignP50Ms, figures.foreignP99Ms),
      [sentence, '', '', '', judged(digits(ratio), holds)],
    ],
  };
}
