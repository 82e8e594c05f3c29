/** `npm run lab:fuzz -- [--minutes N] [--seed N] [--only CASE] [--keep]`: hunts until the time is over; exit code 1 when a law was broken. */
import { parseArgs } from 'node:util';
import { writeResults } from '../figures/index.ts';
import { FuzzFault, type HuntFigures, hunt } from './hunt.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const PROGRESS_EVERY_MS = 10_000;

let printedMs = performance.now();
function progress({ cases, streams, refusedConnections, seconds, mostBytes }: HuntFigures): void {
  if (performance.now() - printedMs < PROGRESS_EVERY_MS) return;
  printedMs = performance.now();
  console.log(
    `${seconds} s: ${cases} cases, ${streams} streams, ${refusedConnections} connections refused, ${mostBytes >> 20} MiB`,
  );
}

try {
  const only = values.only === undefined ? {} : { only: Number(values.only) };
  const figures = await hunt({
    seed: Number(values.seed),
    forMs: Number(values.minutes) * 60_000,
    onProgress: progress,
    ...only,
  });
  console.log(figures);
  if (values.keep) console.log(`kept in ${writeResults('fuzz', figures).path}`);
} catch (error) {
  if (!(error instanceof FuzzFault)) throw error;
  console.error(error.message, error.cause);
  process.exitCode = 1;
}
