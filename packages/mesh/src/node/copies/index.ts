/** The door of the room: the copies of this node, from the wish for one to its unload. */
export { COPY_WAITERS_MAX, type WaitOutcome, waitError } from './copy-waits.ts';
export { type CacheMetrics, LocalCopies } from './local-copies.ts';
export { RoutePublisher } from './route-publisher.ts';
