import { coldSaved, hitRate, type ReplayFigures, type Trace, totalBytes } from '@modelmesh/core/replay';
import { bytesText, type Column, durationText, printTable, styled } from '../output/index.ts';
import type { CliWorld } from '../world.ts';

/** What a simulation came to, for programs. Times in seconds; `coldSaved` is the share of the first policy's cold seconds. */
export function simulationValue(trace: Trace, figures: readonly ReplayFigures[]): unknown {
  return {
    trace: {
      models: trace.models.length,
      calls: trace.called.length,
      seconds: lengthMs(trace) / 1000,
      modelBytes: totalBytes(trace.models),
      capacityBytes: trace.cache.capacity,
    },
    policies: figures.map((one) => ({
      policy: one.policy,
      hitRate: hitRate(one),
      coldSeconds: one.coldMs / 1000,
      coldSaved: savedBeside(figures, one),
      waitedSeconds: one.waitedMs / 1000,
      loads: one.loads,
      evictions: one.evictions,
      bytesLoaded: one.bytesLoaded,
      hits: one.hits,
      failures: one.failures,
      coldSecondsOverTime: one.coldMsOverTime.map((ms) => ms / 1000),
    })),
  };
}

/** The same for people: a table, and the cold seconds of each policy over the time of the trace. */
export function printSimulation({ out, err }: CliWorld, trace: Trace, figures: readonly ReplayFigures[]): void {
  const { models, called, cache } = trace;
  const memory = `${bytesText(totalBytes(models))} with room for ${bytesText(cache.capacity)}`;
  out.write(`${called.length} calls of ${models.length} models in ${durationOf(lengthMs(trace))}, ${memory}\n\n`);
  printTable({ out, err }, columns(figures), figures, 'no policy was asked for');
  const most = Math.max(...figures.flatMap(({ coldMsOverTime }) => coldMsOverTime));
  const width = Math.max(...figures.map(({ policy }) => policy.length));
  out.write('\nCold seconds over the time of the trace:\n');
  for (const { policy, coldMsOverTime } of figures) {
    const bars = coldMsOverTime.map((ms) => barOf(ms, most)).join('');
    out.write(`${policy.padEnd(width)}  ${styled(out, 'cyan', bars)}  at most ${durationText(Math.max(...coldMsOverTime))}\n`);
  }
}

const columns = (figures: readonly ReplayFigures[]): readonly Column<ReplayFigures>[] => [
  { title: 'POLICY', cell: ({ policy }) => policy },
  { title: 'HIT RATE', cell: (one) => percent(hitRate(one)) },
  { title: 'COLD SECONDS', cell: ({ coldMs }) => seconds(coldMs) },
  { title: 'SAVED', cell: (one) => (one === figures[0] ? '' : percent(savedBeside(figures, one))) },
  { title: 'WAITED', cell: ({ waitedMs }) => seconds(waitedMs) },
  { title: 'LOADS', cell: ({ loads }) => String(loads) },
  { title: 'EVICTIONS', cell: ({ evictions }) => String(evictions) },
  { title: 'LOADED', cell: ({ bytesLoaded }) => bytesText(bytesLoaded) },
  { title: 'FAILED CALLS', cell: ({ failures }) => String(failures) },
];

function savedBeside(figures: readonly ReplayFigures[], one: ReplayFigures): number {
  const [first] = figures;
  return first === undefined ? 0 : coldSaved(first, one);
}

const lengthMs = ({ atMs }: Trace): number => atMs.at(-1) ?? 0;
const seconds = (ms: number): string => (ms / 1000).toFixed(1);
const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
const durationOf = (ms: number): string => (ms < 7_200_000 ? durationText(ms) : `${(ms / 3_600_000).toFixed(1)} h`);

const BARS = ' ▁▂▃▄▅▆▇█';

/** A bar for a part of the most; what is there at all is seen. */
function barOf(value: number, most: number): string {
  if (value === 0 || most === 0) return BARS.charAt(0);
  return BARS.charAt(Math.max(1, Math.round((value / most) * (BARS.length - 1))));
}
