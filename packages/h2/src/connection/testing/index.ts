/** The door of the room: two connections back to back, and what they hear. */
export { FREE_BUDGET, Heard, Pair, type PairOptions, type Served } from './pair.ts';
