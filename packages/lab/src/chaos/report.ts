import { type Cell, digits, judged, readFigures, type Table, writeResults } from '../figures/index.ts';
import { type ScenarioFigures, scenarioHolds } from './scenario.ts';

/** A line for each scenario. */
export const chaosTable = (figures: readonly ScenarioFigures[]): Table => ({
  title: 'Calls of grpc-js and REST, round robin over all nodes, while something goes',
  columns: ['', 'calls', 'wrong', 'unexpected', 'excepted', 'reconnected', 'calls/s', 'p50 ms', 'p99 ms', 'max ms', 'load'],
  rows: figures.map((each) => [
    each.scenario,
    String(each.calls),
    judged(String(each.wrong), each.wrong === 0),
    judged(String(total(each.unexpected)), total(each.unexpected) === 0),
    Object.entries(each.excepted)
      .map(([why, count]) => `${count} × ${why}`)
      .join(', ') || '0',
    String(each.reconnected),
    digits(each.perSecond, 0),
    digits(each.p50Ms, 1),
    digits(each.p99Ms, 0),
    digits(each.maxMs, 0),
    digits(each.loadAverage, 1),
  ]),
});

/** What else was seen: a line for each finding and each failure that must not be. */
export const findingsTable = (figures: readonly ScenarioFigures[]): Table => ({
  title: 'What was seen',
  columns: ['', 'what', 'shown'],
  rows: figures.flatMap(({ scenario, findings, unexpected }) => [
    ...findings.map(({ what, shown, holds }): Cell[] => [scenario, what, holds === undefined ? shown : judged(shown, holds)]),
    ...Object.entries(unexpected).map(([what, count]): Cell[] => [scenario, what.slice(0, 300), judged(String(count), false)]),
  ]),
});

/** Whether all hold. */
export const allHold = (figures: readonly ScenarioFigures[]): boolean => figures.every(scenarioHolds);

const total = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((sum, each) => sum + each, 0);

/** Keeps figures in `results/chaos.json`; of scenarios that were not run what is kept there stays. @returns where */
export function keepFigures(figures: readonly ScenarioFigures[]): string {
  const kept = (readFigures('chaos') ?? []) as readonly ScenarioFigures[];
  const others = kept.filter(({ scenario }) => figures.every((figure) => figure.scenario !== scenario));
  return writeResults('chaos', [...others, ...figures]).path;
}
