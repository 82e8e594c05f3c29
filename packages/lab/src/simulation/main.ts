import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type RunResult, run } from './run.ts';
import { generate, parseScenario, type Scenario } from './scenario/index.ts';

/** Lines of what happened before a violation that are printed. */
const TRACE_LINES = 60;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    scenario: { type: 'string' },
    trace: { type: 'string' },
    print: { type: 'boolean', default: false },
  },
});

const traceLines = values.trace === undefined ? TRACE_LINES : Number(values.trace);

function tell(scenario: Scenario, result: RunResult): void {
  const { hash, events, virtualMs, calls, violation } = result;
  const verdict = violation === undefined ? 'holds' : 'FAILS';
  const facts = `${events} events in ${(virtualMs / 1000).toFixed(1)} s, ${calls.answered} of ${calls.total} calls answered`;
  console.log(`seed ${scenario.seed} ${hash} ${verdict}: ${facts}`);
  if (violation === undefined && values.trace === undefined) return;
  for (const line of result.trace) console.log(line);
  if (violation !== undefined) console.log(`${violation.checker}\n  ${violation.message} (at ${violation.atMs.toFixed(1)} ms)`);
}

async function scenarios(): Promise<readonly Scenario[]> {
  if (values.scenario !== undefined) return [parseScenario(await readFile(values.scenario, 'utf8'))];
  const from = Number(values.seed);
  return Array.from({ length: Number(values.seeds) }, (_, at) => generate(from + at));
}

let failed = 0;
for (const scenario of await scenarios()) {
  if (values.print) console.log(JSON.stringify(scenario, null, 2));
  const result = await run(scenario, { traceLines });
  if (result.violation !== undefined) failed += 1;
  tell(scenario, result);
}
process.exitCode = failed === 0 ? 0 : 1;
