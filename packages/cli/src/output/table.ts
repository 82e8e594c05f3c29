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

/** Rows that are laid out together: the time of the layout grows with their square. */
const ROWS_PER_LAYOUT = 32;

/** Rows below their titles, in columns as wide as their widest cell, without lines: made for eyes and for `awk`. */
export function tableText<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const titles = columns.map(({ title }) => title);
  const cells = rows.map((row) => columns.map(({ cell }) => oneLine(cell(row))));
  const parts = Array.from({ length: Math.ceil(cells.length / ROWS_PER_LAYOUT) }, (_, part) =>
    cells.slice(part * ROWS_PER_LAYOUT, (part + 1) * ROWS_PER_LAYOUT),
  );
  const widths = titles.map((title, column) => Math.max(...parts.map((part) => columnWidth(title, part, column))));
  const lines = parts.flatMap((part, at) => laidOut(at === 0 ? [titles, ...part] : part, widths));
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** What a title, which has nothing but ASCII, is padded to above cells of any script. */
function columnWidth(title: string, cells: readonly (readonly string[])[], column: number): number {
  const [titleLine = title] = laidOut([[title], ...cells.map((row) => [row[column] ?? ''])], []);
  return titleLine.length;
}

function laidOut(rows: readonly (readonly string[])[], widths: readonly number[]): readonly string[] {
  const style = { head: [], border: [], 'padding-left': 0, 'padding-right': 0 };
  const table = new Table({ chars: NO_LINES, style, colWidths: [...widths] });
  for (const row of rows) table.push([...row]);
  return table.toString().split('\n');
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
