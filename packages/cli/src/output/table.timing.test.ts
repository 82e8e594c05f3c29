import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Column, tableText } from './table.ts';

/** Rows of the smaller and the larger table. */
const FEW = 1000;
const MANY = 8000;
/** How much more a row of the larger table may cost: eight times as much where the time grows with the square. */
const GROWTH_MAX = 3;

it('the time of a table grows with its rows, not with their square', (context) => {
  const columns: readonly Column<number>[] = ['KEY', 'STATUS', 'COPIES', 'MEMORY'].map((title) => ({
    title,
    cell: (row) => `${title}-${row}`,
  }));
  const microsecondsPerRow = (count: number): number => {
    const rows = Array.from({ length: count }, (_, at) => at);
    const before = process.cpuUsage();
    assert.equal(tableText(columns, rows).split('\n').length, count + 2);
    return process.cpuUsage(before).user / count;
  };
  microsecondsPerRow(FEW);
  const few = microsecondsPerRow(FEW);
  const many = microsecondsPerRow(MANY);
  context.diagnostic(`${few.toFixed(0)} µs of CPU a row among ${FEW}, ${many.toFixed(0)} among ${MANY}`);
  assert.ok(many <= few * GROWTH_MAX, `${few} and ${many} µs of CPU a row`);
});
