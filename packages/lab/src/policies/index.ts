/** The door of the room: cache policies judged by replays. */
export { guideRows, guideShares } from './guide-rows.ts';
export { type FamilyVerdict, judgeFamilies, mayShip, RULE } from './judge.ts';
