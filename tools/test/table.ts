/** What is printed after the last suite. */
import type { Outcome, SuiteOutcome } from './outcome.ts';
import type { Stage } from './tiers.ts';

/** A stage and what became of it. */
export interface StageResult {
  readonly stage: Stage;
  readonly outcome: Outcome;
}

interface Row {
  readonly suite: string;
  readonly tests: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
}

/** The table of suites, the reasons of what was skipped, what failed, and the closing line. */
export function summary(results: readonly StageResult[]): string {
  const rows = results.flatMap(({ stage, outcome }) => rowsOf(stage, outcome));
  const suites = results.flatMap(({ outcome }) => [...outcome.suites]);
  return [
    table(rows),
    list(
      'skipped',
      suites.flatMap(([file, suite]) => suite.skips.map((skip) => `${file} › ${skip.name}: ${skip.reason}`)),
    ),
    list(
      'failed',
      suites.flatMap(([file, suite]) => suite.failures.map((failure) => `${file} › ${failure.name}`)),
    ),
    closingLine(results),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** `N passed, N failed, N skipped`. */
export function closingLine(results: readonly StageResult[]): string {
  const sum = (of: (outcome: Outcome) => number): number => results.reduce((total, { outcome }) => total + of(outcome), 0);
  return `${sum((one) => one.passed)} passed, ${sum((one) => one.failed)} failed, ${sum((one) => one.skipped)} skipped`;
}

/** Pure suites are many and short: one row for each room. The others have a row each. */
function rowsOf(stage: Stage, outcome: Outcome): readonly Row[] {
  const groups = new Map<string, SuiteOutcome[]>();
  for (const [file, suite] of outcome.suites) {
    const name = stage.word === '' ? roomOf(file) : file.replace(/^packages\//, '');
    groups.set(name, [...(groups.get(name) ?? []), suite]);
  }
  return [...groups].map(([suite, all]) => ({
    suite: stage.word === '' ? `${suite} (${all.length})` : suite,
    tests: all.reduce((sum, one) => sum + one.passed + one.failures.length, 0),
    failed: all.reduce((sum, one) => sum + one.failures.length, 0),
    skipped: all.reduce((sum, one) => sum + one.skips.length, 0),
    seconds: all.reduce((sum, one) => sum + one.durationMs, 0) / 1000,
  }));
}

/** `packages/core/src/cache/lru/x.test.ts` → `core/cache`. */
const roomOf = (file: string): string => {
  const parts = file.replace(/^packages\/([^/]+)\/src\//, '$1/').split('/');
  return parts.slice(0, Math.min(2, parts.length - 1)).join('/');
};

function table(rows: readonly Row[]): string {
  const cells = [
    ['suite', 'tests', 'failed', 'skipped', 'seconds'],
    ...rows.map((row) => [row.suite, `${row.tests}`, `${row.failed}`, `${row.skipped}`, row.seconds.toFixed(2)]),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells
    .map((line) => line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  '))
    .join('\n');
}

const list = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `${title}:\n  ${lines.join('\n  ')}`;
