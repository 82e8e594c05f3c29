/** The door to the clock of this process. */
export { systemClock } from './system-clock.ts';
