/** The door of the room: structured concurrency on AbortSignal. */
export { Scope } from './scope.ts';
