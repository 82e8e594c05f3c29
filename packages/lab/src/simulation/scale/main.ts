/** `npm run lab:scale`: prints the figures and keeps them; exit code 1 when a claim does not hold. */
import { digits, judged, renderTable, writeResults } from '../../figures/index.ts';
import { measureScale } from './scale.ts';

const [NODES, MODELS, FEW_MODELS, QUESTIONS] = [200, 200_000, 1000, 5000];
/** A decision of placement, at the ninety-ninth percentile. */
const PLACEMENT_P99_US_MAX = 100;
/** Routing among all models against routing among few. The same work for each call; what is left is noise. */
const ROUTING_GROWTH_MAX = 1.5;

const nowMs = (): number => performance.now();
const figures = await measureScale({ nodes: NODES, models: MODELS, fewModels: FEW_MODELS, questions: QUESTIONS, nowMs });
const growth = figures.routingNs / figures.routingAmongFewNs;
const holds = { placement: figures.placementP99Us <= PLACEMENT_P99_US_MAX, routing: growth <= ROUTING_GROWTH_MAX };
const table = {
  title: `one node among ${NODES} with ${MODELS} models, asked where ${QUESTIONS} of them are to be loaded`,
  columns: ['', 'measured'],
  rows: [
    ['a placement, median', `${digits(figures.placementMedianUs, 0)} µs`],
    [
      `a placement, at most ${PLACEMENT_P99_US_MAX} µs at the 99th percentile`,
      judged(`${digits(figures.placementP99Us, 0)} µs`, holds.placement),
    ],
    [`a route among ${FEW_MODELS} models`, `${digits(figures.routingAmongFewNs, 0)} ns`],
    [`a route among ${MODELS} models`, `${digits(figures.routingNs, 0)} ns`],
    [`which is at most ${ROUTING_GROWTH_MAX} times as much`, judged(`${digits(growth, 2)} times`, holds.routing)],
    ['a question to control until its answer, median', `${digits(figures.locateMedianUs, 0)} µs`],
    ['it takes the picture over', `${digits(figures.startMs, 0)} ms`],
  ],
};
console.log(renderTable(table, process.stdout.isTTY === true));
console.log(`\nkept in ${writeResults('scale', figures).path}`);
process.exitCode = holds.placement && holds.routing ? 0 : 1;
