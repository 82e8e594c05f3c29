/** The door of the room: time and chance under the control of a test. Never part of a shipped package. */

export { SeededRandom } from '../seeded-random.ts';
export { FAKE_WALL_START_MS, FakeClock } from './fake-clock.ts';
