/** The door of the room: what a command writes, for people and for programs. */
export { FORMATS, type Format, printValue } from './format.ts';
export { type ProgressLine, progressLine, withProgress } from './progress.ts';
export { type Column, printTable, tableText } from './table.ts';
export { ageText, bytesText, durationText, rowsTaken, type Style, styled } from './text.ts';
