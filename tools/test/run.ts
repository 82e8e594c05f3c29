/** `npm test`, `npm run test:real`, `npm run proof`: runs the suites of a tier stage by stage. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../run-steps.ts';
import { refusedSkips } from './allowed-skips.ts';
import type { Outcome } from './outcome.ts';
import { prepare } from './prerequisites.ts';
import { runStage } from './run-stage.ts';
import { type StageResult, summary } from './table.ts';
import { belongsTo, type Stage, TIERS, type Tier } from './tiers.ts';

const USAGE = `usage: run.ts ${TIERS.map((tier) => tier.name).join('|')} [--only TEXT] [--seeds N] [--install] [--verbose]`;
/** Without a terminal, a line about the progress is printed at most so often. */
const PROGRESS_EVERY_MS = 5000;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    seeds: { type: 'string' },
    install: { type: 'boolean', default: process.env.CI === 'true' },
    verbose: { type: 'boolean', default: false },
  },
});

async function runTier(wanted: Tier): Promise<number> {
  const began = performance.now();
  const env = environmentOf(wanted);
  const results: StageResult[] = [];
  for (const [stage, files] of wanted.stages.flatMap(partsOf)) {
    if (files.length === 0) continue;
    console.log(`${wanted.name}, ${stage.word === '' ? 'pure' : stage.word}: ${files.length} suites`);
    const timeoutMs = wanted.minutesMax * 60_000 - (performance.now() - began);
    const progress = progressLine();
    const outcome = await runStage(stage, { root: ROOT, files, env, timeoutMs, verbose: flags.verbose, ...progress });
    progress.end();
    results.push({ stage, outcome });
  }
  console.log(`\n${summary(results)}`);
  if (results.length === 0) console.log('no suite matches');
  const refused = process.env.CI === 'true' ? refusedSkips(results) : [];
  if (refused.length > 0) console.log('FAILED: under CI=true only what tools/test/allowed-skips.ts lists may be skipped:');
  for (const skip of refused) console.log(`  ${skip}`);
  return results.length > 0 && refused.length === 0 && results.every(({ outcome }) => outcome.failed === 0) ? 0 : 1;
}

const suitesOf = (stage: Stage): readonly string[] =>
  globSync(['packages/*/src/**/*.test.ts', 'tools/**/*.test.ts'], { cwd: ROOT })
    .filter((file) => belongsTo(stage, file) && file.includes(flags.only))
    .sort();

/**
 * A stage with its suites. Suites that do nothing but call a contract have processes of their own: in a shared one nobody could say which of them
 * a test of the contract belongs to.
 */
function partsOf(stage: Stage): readonly (readonly [Stage, readonly string[]])[] {
  const files = suitesOf(stage);
  if (stage.isolation === 'process') return [[stage, files]];
  const hasOwnTests = (file: string): boolean => /^\s*(await )?(it|test)\(/m.test(readFileSync(join(ROOT, file), 'utf8'));
  return [
    [stage, files.filter(hasOwnTests)],
    [{ ...stage, isolation: 'process' }, files.filter((file) => !hasOwnTests(file))],
  ];
}

function environmentOf(wanted: Tier): Readonly<Record<string, string | undefined>> {
  const seeds = flags.seeds === undefined ? {} : { MESH_SEEDS: flags.seeds };
  if (wanted.name === 'fast') return { ...process.env, ...seeds };
  const prepared = prepare({ root: ROOT, install: flags.install, env: process.env, log: console.log });
  for (const sentence of prepared.missing) console.log(`MISSING: ${sentence}`);
  return { ...process.env, ...seeds, ...prepared.env };
}

/** One line that is rewritten in a terminal, a line now and then elsewhere; failures at once and in full. */
function progressLine(): {
  onProgress(outcome: Outcome, file: string): void;
  onFailure(file: string, name: string, text: string): void;
  end(): void;
} {
  let printed = performance.now();
  const live = process.stdout.isTTY === true;
  const clear = live ? '\r\u001b[K' : '';
  return {
    onProgress(outcome, file) {
      if (!live && performance.now() - printed < PROGRESS_EVERY_MS) return;
      printed = performance.now();
      const line = `  ${outcome.passed} passed, ${outcome.failed} failed, ${outcome.skipped} skipped: ${file}`;
      process.stdout.write(live ? `${clear}${line.slice(0, process.stdout.columns - 1)}` : `${line}\n`);
    },
    onFailure: (file, name, text) => console.log(`${clear}✖ ${file} › ${name}\n${text.replace(/^/gm, '    ')}`),
    end: () => process.stdout.write(clear),
  };
}

const tier = TIERS.find((one) => one.name === positionals[0]);
if (tier === undefined || positionals.length > 1) {
  console.error(USAGE);
  process.exit(2);
}
process.exitCode = await runTier(tier);
