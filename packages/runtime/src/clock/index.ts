/** The door to the time of this process. */
export { endOfTurn } from './end-of-turn.ts';
export { systemClock } from './system-clock.ts';
