/** The door of the room: cache policies judged by replays. */
export { type FamilyVerdict, judgeFamilies, mayShip, RULE } from './judge.ts';
