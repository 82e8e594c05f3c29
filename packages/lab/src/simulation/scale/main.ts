/** `npm run lab:scale`: prints the figures and keeps them; exit code 1 when the claim does not hold. */
import { digits, judged, renderTable, writeResults } from '../../figures/index.ts';
import { measureScale } from './scale.ts';

const [NODES, MODELS, QUESTIONS] = [200, 200_000, 5000];
/** A decision of placement, at the ninety-ninth percentile. */
const P99_US_MAX = 100;

const figures = await measureScale(NODES, MODELS, QUESTIONS, () => performance.now());
const holds = figures.locateP99Us <= P99_US_MAX;
const table = {
  title: `one node among ${NODES} with ${MODELS} models, asked where ${QUESTIONS} of them are to be loaded`,
  columns: ['', 'time'],
  rows: [
    ['it takes the picture over', `${digits(figures.startMs, 0)} ms`],
    ['a question until its answer, median', `${digits(figures.locateMedianUs, 0)} µs`],
    [`at most ${P99_US_MAX} µs at the 99th percentile`, judged(`${digits(figures.locateP99Us, 0)} µs`, holds)],
  ],
};
console.log(renderTable(table, process.stdout.isTTY === true));
console.log(`\nkept in ${writeResults('scale', figures).path}`);
process.exitCode = holds ? 0 : 1;
