import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Column, tableText } from './table.ts';
import { rowsTaken } from './text.ts';

interface Row {
  readonly key: string;
  readonly note: string;
}
const COLUMNS: readonly Column<Row>[] = [
  { title: 'KEY', cell: ({ key }) => key },
  { title: 'NOTE', cell: ({ note }) => note },
];

it('a table is as wide as its widest cell, has a dash for nothing and one line for each row', () => {
  const rows = [
    { key: 'wine', note: '' },
    { key: 'breast-cancer', note: 'two\n  lines' },
  ];
  assert.equal(tableText(COLUMNS, rows), 'KEY            NOTE\nwine           -\nbreast-cancer  two lines\n');
});

it('letters that are two columns wide keep what stands beside them in its column', () => {
  const rows = [
    { key: '模型', note: 'a' },
    { key: 'model', note: 'b' },
  ];
  assert.equal(tableText(COLUMNS, rows), 'KEY    NOTE\n模型   a\nmodel  b\n');
});

it('rows that are laid out apart stand in the same columns', () => {
  const rows = Array.from({ length: 200 }, (_, at) => ({ key: `m${at}`, note: at === 199 ? 'the widest is the last' : 'short' }));
  const lines = tableText(COLUMNS, rows).split('\n');
  assert.equal(lines.length, 202);
  assert.deepEqual([lines[0], lines[1], lines[200]], ['KEY   NOTE', 'm0    short', 'm199  the widest is the last']);
});

it('a text takes the rows of a terminal that its lines go on in, colours not counted', () => {
  assert.equal(rowsTaken('', 10), 0);
  assert.equal(rowsTaken('\n', 10), 1);
  assert.equal(rowsTaken(`${'x'.repeat(10)}\n${'x'.repeat(11)}\n`, 10), 3);
  assert.equal(rowsTaken(`\u001b[31m${'x'.repeat(10)}\u001b[39m\n`, 10), 1);
});
