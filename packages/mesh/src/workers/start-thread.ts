import { Worker } from 'node:worker_threads';
import type { FromWorker } from './messages.ts';
import type { StartThread } from './port.ts';

/** Starts threads of this process that run `program`. */
export function startThreads(program: URL): StartThread {
  return (setup, listener) => {
    const worker = new Worker(program, {
      name: `data-plane-${setup.worker}`,
      workerData: setup,
      transferList: [setup.link],
    });
    let error: unknown;
    worker.on('message', (message: FromWorker) => listener.onMessage(message));
    worker.on('messageerror', (cause) => {
      error = cause;
    });
    worker.on('error', (cause) => {
      error = cause;
    });
    worker.on('exit', () => listener.onEnd(error));
    return {
      send: (message) => worker.postMessage(message),
      kill: async () => void (await worker.terminate()),
    };
  };
}
