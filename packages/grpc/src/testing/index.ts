/** The door of the room: served routers and clients on the loopback for tests. Never part of a shipped package. */
export { realClock } from './real-clock.ts';
export { collect, each, listenOnLoopback, poisoningEngine, type Served, serveRouter, TEST_MESSAGE_BYTES_MAX } from './serve.ts';
