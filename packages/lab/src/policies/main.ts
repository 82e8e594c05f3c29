/** `npm run lab:policies`: judges the order by cost beside the default, prints the figures and keeps them; exit code 1 if it may not be shipped. */
import type { Recipe } from '@modelmesh/core/replay';
import { digits, judged, percent, renderTable, writeResults } from '../figures/index.ts';
import { type FamilyVerdict, judgeFamilies, mayShip, RULE } from './index.ts';

/** None of the seeds with which the constants of the policy were chosen. */
const SEEDS = Array.from({ length: 20 }, (_, at) => 101 + at);
/** Other situations, told for honesty and not judged by the rule. */
const VARIATIONS: readonly { readonly name: string; readonly recipe: Partial<Recipe> }[] = [
  { name: 'room for 7 %', recipe: { roomShare: 0.07 } },
  { name: 'room for 50 %', recipe: { roomShare: 0.5 } },
  { name: 'a fifth of the calls', recipe: { calls: 12_000 } },
  { name: 'a thousand models', recipe: { models: 1000 } },
];
const VARIATION_SEEDS = SEEDS.slice(0, 5);
const isTerminal = process.stdout.isTTY === true;

const verdicts = judgeFamilies('cost-aware', SEEDS);
const holds = mayShip(verdicts);
const rowOf = ({ family, coldSeconds, savedMean, savedLeast, savedMost, hitRates, evictions, failures }: FamilyVerdict) => [
  family,
  digits(coldSeconds[0], 0),
  digits(coldSeconds[1], 0),
  judged(percent(savedMean), savedMean >= -RULE.lostMax),
  `${percent(savedLeast)} … ${percent(savedMost)}`,
  `${percent(hitRates[0])} → ${percent(hitRates[1])}`,
  `${digits(evictions[0], 0)} → ${digits(evictions[1], 0)}`,
  `${failures[0]} / ${failures[1]}`,
];
const table = {
  title: `cost-aware beside lru, ${SEEDS.length} seeds a family`,
  columns: ['', 'cold s, lru', 'cold s, cost', 'saved', 'least … most', 'hit rate', 'evictions', 'failed'],
  rows: [
    ...verdicts.map(rowOf),
    [`at least ${percent(RULE.savedMin, 0)} on ${RULE.familiesMin}, worse by over ${percent(RULE.lostMax, 0)} on none`],
    ['may be shipped', judged(holds ? 'yes' : 'no', holds)],
  ],
};
console.log(renderTable(table, isTerminal));

const variations = VARIATIONS.map(({ name, recipe }) => ({
  name,
  families: judgeFamilies('cost-aware', VARIATION_SEEDS, recipe),
}));
const others = {
  title: `saved in other situations, ${VARIATION_SEEDS.length} seeds each`,
  columns: ['', ...verdicts.map(({ family }) => family)],
  rows: variations.map(({ name, families }) => [name, ...families.map(({ savedMean }) => percent(savedMean))]),
};
console.log(`\n${renderTable(others, isTerminal)}`);
console.log(`\nkept in ${writeResults('policies', { rule: RULE, mayShip: holds, families: verdicts, variations }).path}`);
process.exitCode = holds ? 0 : 1;
