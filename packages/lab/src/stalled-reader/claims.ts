import { digits, judged, mebibytes, percent, type Table } from '../figures/index.ts';
import type { StalledReaderFigures } from './stalled-reader.ts';

/** The part of their throughput that the others may lose. */
export const LOSS_MAX = 0.1;

/** The part that they lost in a run; negative where they had more. */
export const lossOf = ({ ratio }: StalledReaderFigures): number => 1 - ratio;

/** The figures and the claim. */
export function stalledReaderTable(figures: StalledReaderFigures): Table {
  const { streams, messageBytes, rounds, allReadMiBps, oneStalledMiBps, unreadBytesMax } = figures;
  const loss = lossOf(figures);
  return {
    title: `${streams} streams of ${messageBytes} bytes on one connection to a node and one to its runtime, two nodes side by side, ${rounds} rounds`,
    columns: ['', `${streams - 1} others`],
    rows: [
      ['all read', `${digits(allReadMiBps)} MiB/s`],
      ['one reads nothing', `${digits(oneStalledMiBps)} MiB/s`],
      ['what it was given meanwhile', mebibytes(unreadBytesMax)],
      [`the others lose less than ${percent(LOSS_MAX)}, paired`, judged(percent(loss), loss < LOSS_MAX)],
    ],
  };
}
