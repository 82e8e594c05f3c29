/** The door of the room: connections on frames that are told what valid conversations of `node:http2` become when they are changed. */
export { FuzzFault, GROWTH_BYTES_MAX, type HuntFigures, type HuntPlan, hunt } from './hunt.ts';
