import { execFile, execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LoadResult } from './load-result.ts';

const run = promisify(execFile);

/** Beyond it the other side does not answer, and `h2load` would wait for ever. */
const RUN_TIMEOUT_MS = 60_000;

/** What is driven by `h2load`: one prebuilt request, again and again. */
export interface H2loadPlan {
  /** `http://host:port`, `https://host:port` whose certificate is not looked at, or `unix:/path`. */
  readonly target: string;
  /** HTTP/2 unless it is HTTP/1.1. */
  readonly protocol: 'h2' | 'http/1.1';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly calls: number;
  /** Calls a second that each connection begins at most; as fast as they are answered unless given. */
  readonly ratePerConnection?: number;
  /** Bytes of every answer without its headers, which are then compared in sum. */
  readonly answerBytes?: number;
  /** A folder for its files. */
  readonly folder: string;
}

/** Whether `h2load` of nghttp2 is installed. */
export function hasH2load(): boolean {
  try {
    execFileSync('h2load', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Drives a load by `h2load`, whose own cost is low. It looks at HTTP statuses alone, so the caller makes sure beforehand that the call is
 * answered rightly. @throws if an answer was no 2xx, or answers are longer or shorter than they should be.
 */
export async function runH2load(plan: H2loadPlan): Promise<LoadResult> {
  const [bodyPath, logPath] = [join(plan.folder, 'h2load-body'), join(plan.folder, 'h2load-log')];
  await writeFile(bodyPath, plan.body);
  await writeFile(logPath, '');
  const began = performance.now();
  const args = [
    ...['-n', `${plan.calls}`, '-c', `${plan.connections}`, '-m', `${plan.streamsPerConnection}`, '-t', '1'],
    ...(plan.protocol === 'h2' ? [] : ['--h1']),
    ...(plan.ratePerConnection === undefined ? [] : [`--rps=${plan.ratePerConnection}`]),
    ...['-d', bodyPath, `--log-file=${logPath}`],
    ...Object.entries(plan.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    ...(plan.target.startsWith('unix:') ? [`--base-uri=${plan.target}`] : []),
    plan.target.startsWith('unix:') ? `http://localhost${plan.path}` : `${plan.target}${plan.path}`,
  ];
  const { stdout } = await run('h2load', args, { timeout: RUN_TIMEOUT_MS });
  const result = new LoadResult();
  result.elapsedMs = elapsedOf(stdout) ?? performance.now() - began;
  for (const line of (await readFile(logPath, 'latin1')).split('\n')) {
    const [, status = '', us = ''] = line.split('\t');
    if (us === '') continue;
    if (status.startsWith('2')) result.latency.recordMs(Number(us) / 1000);
    else result.fail(`status ${status}`);
  }
  if (result.completed !== plan.calls) throw new Error(`h2load: ${result.completed} of ${plan.calls} succeeded\n${stdout}`);
  const { answerBytes = 0 } = plan;
  const bytes = Number(/\((\d+)\) data$/m.exec(stdout)?.[1]);
  if (answerBytes > 0 && bytes !== answerBytes * plan.calls) {
    throw new Error(`h2load: answers of ${bytes} bytes instead of ${plan.calls} × ${answerBytes}`);
  }
  return result;
}

/** `finished in 1.23s, 4567 req/s` in milliseconds. */
function elapsedOf(stdout: string): number | undefined {
  const [, number, unit] = /finished in ([\d.]+)(us|ms|s),/.exec(stdout) ?? [];
  if (number === undefined) return undefined;
  return Number(number) * (unit === 's' ? 1000 : unit === 'us' ? 0.001 : 1);
}
