/** The door of the room: two connections back to back, a server that a test talks to in octets, and what they hear. */
export { LoneServer } from './lone-server.ts';
export { FREE_BUDGET, Heard, Pair, type PairOptions, type Served } from './pair.ts';
export { Blocks, frame, framesIn, goawayIn, hello, type RawFrame, requestFields, u32 } from './raw.ts';
