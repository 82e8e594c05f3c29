/** The door of the room: what moves the bytes of calls. Its own rooms are reached through it from outside. */
export { type AttemptOutcome, ByteBudget, type CallFacts, type CallMetrics, type ShadowFacts } from './call/index.ts';
export { acceptCors, answerCorsHttp1, CorsPolicy } from './cors/index.ts';
export { DataPlane, type DataPlaneLimits, type DataPlaneParts } from './data-plane.ts';
export { ConnectionLoads, type ListenerHandlers, listen, type RunningListener } from './listener/index.ts';
export { ControlRepository, OIP_SERVICE, type OipService, serveIntrospection, serveOip, variantAsked } from './oip/index.ts';
export { NO_SINK, policyExpressions, type VariantReason, type VariantSink } from './picking/index.ts';
export {
  http1Exchange,
  REST_EXTENSIONS,
  type RestHandler,
  type RestLimits,
  restHandler,
  streamExchange,
  UNASKED_REPOSITORY,
} from './rest/index.ts';
export { checkMethodRules, readMethodRules, watchMethodRules } from './rules/index.ts';
