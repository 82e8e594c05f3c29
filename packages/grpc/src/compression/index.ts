/** The door of the room: compression of single messages, with limits against bombs. */
export { ACCEPTED_ENCODINGS, accepts, type MessageEncoding, parseEncoding } from './encoding.ts';
export { deflateMessage, INFLATE_RATIO_MAX, type InflateLimits, inflateMessage, RATIO_FREE_BYTES } from './inflate.ts';
