/** The door of the room: control for tests of whatever stands in front of it. */
export { FAKE_NOW_MS, FakeControl } from './fake-control.ts';
export { type RestAnswer, type ServedRest, serveRest } from './serve-rest.ts';
export { type ServedRouter, serveRouter } from './serve-router.ts';
