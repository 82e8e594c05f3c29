import { parseArgs } from 'node:util';
import { PLANTED_BUGS, PLANTED_SEEDS_MAX } from './bugs.ts';
import { plant } from './plant.ts';

const { values } = parseArgs({ options: { bug: { type: 'string' }, seeds: { type: 'string' } } });
const bug = PLANTED_BUGS.find(({ name }) => name === values.bug);
if (bug === undefined) throw new Error(`--bug is one of ${PLANTED_BUGS.map(({ name }) => name).join(', ')}`);

const wasLoaded = plant(bug);
// Only now, so that what it imports is loaded with the bug.
const { generate, run } = await import('../index.ts');
const seedsMax = Number(values.seeds ?? PLANTED_SEEDS_MAX);
let verdict = `${bug.name} survived ${seedsMax} seeds`;
process.exitCode = 1;
for (let seed = 1; seed <= seedsMax; seed++) {
  const { violation } = await run(generate(seed)).catch((error: unknown) => ({
    violation: { checker: 'no error comes out of a run', message: String(error) },
  }));
  if (violation === undefined) continue;
  verdict = `${bug.name} caught at seed ${seed} by ${violation.checker}: ${violation.message}`;
  process.exitCode = 0;
  break;
}
if (!wasLoaded()) {
  verdict = `${bug.name}: ${bug.file} was never loaded`;
  process.exitCode = 1;
}
console.log(verdict);
