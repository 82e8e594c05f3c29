/** The door of the room: one HTTP request and its answer, and what carries it: `node:http` or a stream of the stream port. */
export { type Http1Facts, http1Exchange } from './http1-exchange.ts';
export type { BodyLimits, ExchangeListener, HttpExchange } from './port.ts';
export { announcedLength, originForm, splitTarget } from './request-target.ts';
export { streamExchange } from './stream-exchange.ts';
