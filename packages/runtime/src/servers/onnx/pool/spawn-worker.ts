import { Worker } from 'node:worker_threads';
import type { FromWorker } from '../worker/protocol.ts';
import type { WorkerPort } from './lane.ts';

/** Young space of a worker's heap: it keeps nothing between runs, so a small one costs little and keeps its memory steady. */
const YOUNG_SPACE_MIB = 8;

/** Starts a worker thread; from source beside sources, from JavaScript where the package was built. */
export function spawnWorker(): WorkerPort {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`../worker/worker-main.${extension}`, import.meta.url), {
    name: 'onnx',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_SPACE_MIB },
  });
  const port: WorkerPort = {
    post: (message, transfer) => worker.postMessage(message, [...transfer]),
    onMessage: undefined,
    onExit: undefined,
  };
  let why: string | undefined;
  worker.on('message', (message: FromWorker) => port.onMessage?.(message));
  worker.on('error', (error: unknown) => {
    why = error instanceof Error ? error.message : String(error);
  });
  worker.on('exit', (code) => port.onExit?.(why ?? `it ended with code ${code}`));
  return port;
}
