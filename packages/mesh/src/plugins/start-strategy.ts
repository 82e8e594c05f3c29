import { Worker } from 'node:worker_threads';
import type { FromStrategy, StrategyThreadSetup, ToStrategy } from './strategy-thread.ts';

/** One life of a strategy's thread. */
export interface StrategyThread {
  send(message: ToStrategy): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

/** Starts threads of strategies. `onEnd`: nothing of it runs any more; also after `kill`. */
export type StartStrategy = (
  setup: StrategyThreadSetup,
  listener: { onMessage(message: FromStrategy): void; onEnd(why: string): void },
) => StrategyThread;

/** Starts threads of this process. */
export const startStrategyThread: StartStrategy = (setup, { onMessage, onEnd }) => {
  const program = new URL(import.meta.url.endsWith('.ts') ? './strategy-thread.ts' : './strategy-thread.js', import.meta.url);
  const worker = new Worker(program, { name: `strategy-${setup.strategy.name}`, workerData: setup });
  let why = 'its thread ended';
  // A strategy keeps no node from ending.
  worker.unref();
  worker.on('message', (message: FromStrategy) => onMessage(message));
  worker.on('error', (error) => {
    why = error instanceof Error ? error.message : String(error);
  });
  worker.on('exit', () => onEnd(why));
  return {
    send: (message) => worker.postMessage(message),
    kill: () => void worker.terminate(),
  };
};
