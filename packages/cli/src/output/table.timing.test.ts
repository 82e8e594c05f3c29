import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Column, tableText } from './table.ts';

/** What ten thousand rows may take; a layout of them all at once takes ten times as long. */
const CPU_MS_MAX = 3000;

it('the time of a table grows with its rows, not with their square', () => {
  const columns: readonly Column<number>[] = ['KEY', 'STATUS', 'COPIES', 'MEMORY'].map((title) => ({
    title,
    cell: (row) => `${title}-${row}`,
  }));
  const rows = Array.from({ length: 10_000 }, (_, at) => at);
  const before = process.cpuUsage();
  assert.equal(tableText(columns, rows).split('\n').length, 10_002);
  const { user } = process.cpuUsage(before);
  assert.ok(user / 1000 < CPU_MS_MAX, `${user / 1000} ms of CPU`);
});
