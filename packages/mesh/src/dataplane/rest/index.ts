/** The door of the room: inference over REST. */
export type { BodyLimits, ExchangeListener, HttpExchange } from './exchange/index.ts';
export type { RepositoryControl, RestDeps, RestLimits } from './rest-deps.ts';
export type { RestHandler } from './rest-handler.ts';
