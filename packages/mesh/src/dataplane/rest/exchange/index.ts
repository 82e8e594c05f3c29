/** The door of the room: one HTTP request and its answer. */
export type { BodyLimits, ExchangeListener, HttpExchange } from './port.ts';
