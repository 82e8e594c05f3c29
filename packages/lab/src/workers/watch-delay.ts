/**
 * Loaded into every thread of a node by `--import`: samples the delay of the event loop of each worker, and writes its quantiles when a file
 * of that name appears in the folder that `LAB_DELAY_FOLDER` names.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread, workerData } from 'node:worker_threads';

const RESOLUTION_MS = 10;
const folder = process.env.LAB_DELAY_FOLDER;
const worker: unknown = typeof workerData === 'object' && workerData !== null ? Reflect.get(workerData, 'worker') : undefined;
// The runtime of the node is a process of its own, which loads this too.
const isNode = /\/mesh\/src\/(worker-)?main\.ts$/.test(process.argv[1] ?? '');
const name = isMainThread ? 'control' : typeof worker === 'number' ? `worker-${worker}` : undefined;

if (folder !== undefined && name !== undefined && isNode) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const [ask, answer] = [join(folder, `ask-${name}`), join(folder, `${name}.json`)];
  setInterval(() => {
    if (!existsSync(ask)) return;
    const ms = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
    writeFileSync(
      answer,
      JSON.stringify({ p50Ms: ms(delay.percentile(50)), p99Ms: ms(delay.percentile(99)), maxMs: ms(delay.max) }),
    );
    delay.reset();
    rmSync(ask);
  }, 50).unref();
}
