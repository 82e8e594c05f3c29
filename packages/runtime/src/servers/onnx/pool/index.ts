/** Worker threads that hold sessions. */
export { chooseLane, type LaneChoice, type LaneView, QUIET_MS } from './choose-lane.ts';
export { CONTROL_WAIT_MS_MAX, type LaneLimits, Run, type RunSink, type WorkerPort } from './lane.ts';
export { spawnWorker } from './spawn-worker.ts';
export { type PoolEvents, type PoolLoad, type PoolModel, WorkerPool, type WorkerPoolOptions } from './worker-pool.ts';
