/** Runs the suites of one stage in child processes and folds what they report. */
import { spawn } from 'node:child_process';
import { relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Outcome } from './outcome.ts';
import { RECORD_MARK, type TestRecord } from './reporter.ts';
import type { Stage } from './tiers.ts';

/** How a stage is run. */
export interface StageOptions {
  readonly root: string;
  /** Suites, relative to the root. */
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The stage is ended, as failed, after so long. */
  readonly timeoutMs: number;
  /** Prints what the suites print. */
  readonly verbose: boolean;
  /** Called after each test, for a progress line. */
  readonly onProgress: (outcome: Outcome, file: string) => void;
  readonly onFailure: (file: string, name: string, text: string) => void;
}

/** The grace between asking the suites to end and ending them. */
const KILL_AFTER_MS = 5000;

/** Runs all suites of a stage; never rejects, a crash of the process is a failure of the suites it left open. */
export async function runStage(stage: Stage, options: StageOptions): Promise<Outcome> {
  const outcome = new Outcome(options.files);
  const child = spawn(process.execPath, argumentsOf(stage, options.files), {
    cwd: options.root,
    env: { ...options.env, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', options.verbose ? 'inherit' : 'pipe'],
  });
  const noise: string[] = [];
  child.stderr?.on('data', (bytes: Buffer) => keep(noise, bytes.toString()));
  let exit: string | undefined;
  const timer = setTimeout(() => {
    exit = `ended after ${Math.round(options.timeoutMs / 1000)} s, the limit of the tier`;
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS).unref();
  }, options.timeoutMs);
  const ended = new Promise<void>((done) => {
    child.on('error', (error) => {
      exit ??= error.message;
      done();
    });
    child.on('close', (code, signal) => {
      if (code !== 0) exit ??= signal === null ? `exit code ${code}` : `signal ${signal}`;
      done();
    });
  });
  for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
    if (line.startsWith(RECORD_MARK)) take(JSON.parse(line.slice(1)) as TestRecord, outcome, options);
    else if (options.verbose && line !== '') console.log(line);
    else keep(noise, line);
  }
  await ended;
  clearTimeout(timer);
  const known = outcome.failed;
  outcome.close(exit);
  if (outcome.failed > known && noise.length > 0) console.log(noise.join('\n'));
  return outcome;
}

function argumentsOf(stage: Stage, files: readonly string[]): readonly string[] {
  return [
    '--conditions=mesh-source',
    '--test',
    `--test-isolation=${stage.isolation}`,
    ...(stage.isolation === 'process' ? [`--test-concurrency=${stage.concurrency}`] : []),
    `--test-reporter=${fileURLToPath(new URL('reporter.ts', import.meta.url))}`,
    ...files,
  ];
}

function take(record: TestRecord, outcome: Outcome, options: StageOptions): void {
  const file = relative(options.root, resolve(options.root, record.file));
  const failure = outcome.add(record, file);
  if (failure !== undefined) options.onFailure(file, failure.name, failure.text);
  if (options.verbose && record.event === 'output') process.stdout.write(record.text ?? '');
  if (record.event === 'pass' || record.event === 'fail') options.onProgress(outcome, file);
}

/** Lines kept of output that belongs to no suite. */
const NOISE_LINES_MAX = 200;

function keep(noise: string[], text: string): void {
  if (text.trim() !== '') noise.push(text.trimEnd());
  if (noise.length > NOISE_LINES_MAX) noise.shift();
}
