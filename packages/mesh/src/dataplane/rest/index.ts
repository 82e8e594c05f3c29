/** The door of the room: inference over REST. */
export {
  type BodyLimits,
  type ExchangeListener,
  type Http1Facts,
  type HttpExchange,
  http1Exchange,
  originForm,
  streamExchange,
} from './exchange/index.ts';
export { type Repository, type RestDeps, type RestLimits, UNASKED_REPOSITORY } from './rest-deps.ts';
export { REST_EXTENSIONS, type RestHandler, restHandler } from './rest-handler.ts';
