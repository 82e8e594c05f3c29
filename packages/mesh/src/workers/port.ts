import type { FromWorker, ToWorker, WorkerSetup } from './messages.ts';

/** One life of a thread. */
export interface WorkerThread {
  send(message: ToWorker): void;
  /** Ends it at once, whatever it does. Resolves when nothing of it runs any more and its sockets are closed. */
  kill(): Promise<void>;
}

/** Hears of one life of a thread. */
export interface ThreadListener {
  onMessage(message: FromWorker): void;
  /** Once, when nothing of it runs any more. `error`: what nobody caught, if it ended by that. */
  onEnd(error: unknown): void;
}

/** Starts threads. */
export type StartThread = (setup: WorkerSetup, listener: ThreadListener) => WorkerThread;
