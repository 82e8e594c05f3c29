import { styleText } from 'node:util';

/** How a cell is judged, shown as its colour in a terminal and as its mark elsewhere. */
export type Verdict = 'good' | 'bad' | 'plain';

/** A cell: its text, judged or not. */
export type Cell = string | { readonly text: string; readonly verdict: Verdict };

/** A table of text with a headline. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

const COLOURS = { good: 'green', bad: 'red', plain: 'reset' } as const;

/** Lines of a table: the first column to the left, the others to the right. `colours`: for a terminal. */
export function renderTable(table: Table, colours: boolean): string {
  const paint = (style: 'bold' | 'dim' | 'green' | 'red' | 'reset', text: string): string =>
    colours ? styleText(style, text, { validateStream: false }) : text;
  const widths = table.columns.map((column, at) =>
    Math.max(column.length, ...table.rows.map((row) => textOf(row[at] ?? '', colours).length)),
  );
  const pad = (text: string, at: number): string => (at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0));
  const head = table.columns.map((column, at) => paint('dim', pad(column, at))).join('  ');
  const lines = table.rows.map((row) =>
    row.map((cell, at) => paint(COLOURS[verdictOf(cell)], pad(textOf(cell, colours), at))).join('  '),
  );
  return [paint('bold', table.title), head, ...lines].map((line) => line.trimEnd()).join('\n');
}

const verdictOf = (cell: Cell): Verdict => (typeof cell === 'string' ? 'plain' : cell.verdict);

function textOf(cell: Cell, colours: boolean): string {
  if (typeof cell === 'string') return cell;
  return colours || cell.verdict === 'plain' ? cell.text : `${cell.verdict === 'good' ? '✔' : '✘'} ${cell.text}`;
}

/** A cell that is good or bad. */
export const judged = (text: string, isGood: boolean): Cell => ({ text, verdict: isGood ? 'good' : 'bad' });

/** `n` with so many digits after the point. */
export const digits = (n: number, places = 2): string => n.toFixed(places);

/** Bytes in MiB. */
export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** A share as per cent. */
export const percent = (share: number, places = 1): string => `${(100 * share).toFixed(places)} %`;
