/** The thread that watches a hunt: see `watchdog.ts`. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { Watched } from './watchdog.ts';

/** The streams of a worker have no descriptors. */
const STDERR = 2;

const { at, hangMsMax, sentence } = workerData as Watched;
const current = new Int32Array(at);
let [seen, sinceMs] = [-1, performance.now()];

setInterval(() => {
  const now = Atomics.load(current, 0);
  if (now !== seen) [seen, sinceMs] = [now, performance.now()];
  else if (performance.now() - sinceMs > hangMsMax) {
    // By hand, since the streams of a worker pass through the main thread, which does nothing any more.
    writeSync(STDERR, `${sentence}${now} is not over after ${hangMsMax} ms\n`);
    process.kill(process.pid, 'SIGKILL');
  }
}, 1000);
