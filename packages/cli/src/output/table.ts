import Table from 'cli-table3';
import type { TextSink } from '../world.ts';

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
}

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Rows below their titles, in columns as wide as their widest cell, without lines: made for eyes and for `awk`. */
export function tableText<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const table = new Table({
    head: columns.map(({ title }) => title),
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) table.push(columns.map(({ cell }) => oneLine(cell(row))));
  return `${table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}

const oneLine = (text: string): string => (text === '' ? '-' : text.replace(/\s*\n\s*/g, ' '));

/** Writes a table; a sentence on the error output where there is nothing, so that pipes stay empty. */
export function printTable<Row>(
  world: { readonly out: TextSink; readonly err: TextSink },
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  nothing: string,
): void {
  if (rows.length === 0) world.err.write(`${nothing}\n`);
  else world.out.write(tableText(columns, rows));
}
