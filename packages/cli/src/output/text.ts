import { stripVTControlCharacters, styleText } from 'node:util';
import type { DurationMs } from '@modelmesh/core';
import type { TextSink } from '../world.ts';

/** Colours that mean something here. */
export type Style = 'bold' | 'green' | 'red' | 'yellow' | 'dim' | 'cyan';

/** A text in a style, where a person looks at it. */
export const styled = (sink: TextSink, style: Style, text: string): string =>
  sink.isTerminal ? styleText(style, text, { validateStream: false }) : text;

const STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A number of bytes as people say it: `1.5 MiB`. */
export function bytesText(count: number | null): string {
  if (count === null) return '';
  let [value, step] = [count, 0];
  while (value >= 1024 && step < STEPS.length - 1) [value, step] = [value / 1024, step + 1];
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${STEPS[step]}`;
}

/** How long ago an instant was, roughly: `5s`, `3m`, `2h`, `4d`. */
export function ageText(instant: string | null, nowMs: number): string {
  if (instant === null) return '';
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(instant)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** A length of time: `340 ms`, `2.1 s`. */
export const durationText = (ms: DurationMs | number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

/** Rows of a terminal with so many columns that a text takes, which ends with a line's end: long lines go on in the next row. */
export const rowsTaken = (text: string, columns: number): number =>
  text
    .split('\n')
    .slice(0, -1)
    .reduce((rows, line) => rows + Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns)), 0);
