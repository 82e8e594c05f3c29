import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { writeResults } from '../figures/index.ts';
import { type RunResult, run } from './run.ts';
import { generate, parseScenario, type Scenario } from './scenario/index.ts';
import { shrink } from './shrink/index.ts';

/** Lines of what happened before a violation that are printed. */
const TRACE_LINES = 40;
/** A failure is shortened for so long. */
const SHRINK_MS = 30_000;
/** What a seed may cost on average. */
const CPU_MS_PER_SEED_MAX = 200;
/** After so many failures a sweep says no more. */
const FAILURES_MAX = 5;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    scenario: { type: 'string' },
    trace: { type: 'string' },
    print: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

const traceLines = values.trace === undefined ? TRACE_LINES : Number(values.trace);

function tell(scenario: Scenario, result: RunResult): void {
  const { hash, events, virtualMs, calls, violation } = result;
  const verdict = violation === undefined ? 'holds' : 'FAILS';
  const facts = `${events} events in ${(virtualMs / 1000).toFixed(1)} s, ${calls.answered} of ${calls.total} calls answered`;
  if (!values.quiet || violation !== undefined) console.log(`seed ${scenario.seed} ${hash} ${verdict}: ${facts}`);
  if (violation === undefined && values.trace === undefined) return;
  for (const line of result.trace) console.log(line);
  if (violation !== undefined) console.log(`${violation.checker}\n  ${violation.message} (at ${violation.atMs.toFixed(1)} ms)`);
}

async function tellShortest(scenario: Scenario, checker: string): Promise<void> {
  const untilMs = Date.now() + SHRINK_MS;
  const shortest = await shrink(scenario, checker, { goOn: () => Date.now() < untilMs });
  console.log(`the shortest scenario found that fails alike; write it to a file and run it with --scenario FILE:`);
  console.log(JSON.stringify(shortest));
}

async function* scenarios(): AsyncGenerator<Scenario> {
  if (values.scenario !== undefined) {
    yield parseScenario(await readFile(values.scenario, 'utf8'));
    return;
  }
  const from = Number(values.seed);
  for (let at = 0; at < Number(values.seeds); at++) yield generate(from + at);
}

let [seeds, failed] = [0, 0];
const calls = { total: 0, answered: 0 };
const before = process.cpuUsage();
for await (const scenario of scenarios()) {
  if (values.print) console.log(JSON.stringify(scenario, null, 2));
  const result = await run(scenario, { traceLines });
  seeds += 1;
  calls.total += result.calls.total;
  calls.answered += result.calls.answered;
  tell(scenario, result);
  if (result.violation === undefined) continue;
  failed += 1;
  if (values.scenario === undefined) await tellShortest(scenario, result.violation.checker);
  if (failed === FAILURES_MAX) break;
}
const { user, system } = process.cpuUsage(before);
const cpuMsPerSeed = (user + system) / 1000 / seeds;
console.log(`${seeds} seeds, ${failed} failed, ${cpuMsPerSeed.toFixed(0)} ms CPU a seed`);
if (values.keep) {
  const figures = { from: Number(values.seed), seeds, failed, cpuMsPerSeed, cpuMsPerSeedMax: CPU_MS_PER_SEED_MAX, calls };
  console.log(`kept in ${writeResults('simulation', figures).path}`);
}
// What is not kept is no measurement: a single seed costs its start besides.
const isDear = values.keep && cpuMsPerSeed > CPU_MS_PER_SEED_MAX;
process.exitCode = failed === 0 && !isDear ? 0 : 1;
