/** The door of the room: threads of the data plane, seen from control, and what the two say to each other. */
export { Board } from './board.ts';
export type { FromWorker, Place, ToWorker, WorkerListener, WorkerPeerPort, WorkerSetup } from './messages.ts';
export type { StartThread, ThreadListener, WorkerThread } from './port.ts';
export { startThreads } from './start-thread.ts';
export { WorkerPool, type WorkerPoolParts } from './worker-pool.ts';
