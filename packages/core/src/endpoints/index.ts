/** The door of the room: what becomes of a call that sets, deletes or asks about an endpoint, and how its transitions go on. */
export {
  type ApplyEndpointRequest,
  type BroughtModel,
  decideApplyEndpoint,
  EDIT_OPERATIONS_MAX,
  ENDPOINT_MANIFEST_OWNER,
  INFERENCE_SERVICE_OWNER,
} from './apply-endpoint.ts';
export type {
  EndpointDecision,
  EndpointEnv,
  EndpointFollowUp,
  EndpointReader,
  SetEndpointRequest,
  WarmedModel,
} from './decision.ts';
export { type DeleteEndpointRequest, decideDeleteEndpoint } from './delete-endpoint.ts';
export { type KeptVersions, keepingEndpoint, keptVersions } from './kept-versions.ts';
export { defaultModelOf, samePolicy, withDefaultModel } from './policies.ts';
export { changesText, type PolicyChanges, percentText, policyChanges } from './policy-changes.ts';
export { lackingAbilities, type PolicyAbilities } from './policy-check.ts';
export { decideSetEndpoint } from './set-endpoint.ts';
export {
  ENDPOINT_NOT_FOUND,
  type EndpointStatus,
  type EndpointStatusName,
  type EndpointStatusRequest,
  endpointStatus,
} from './status.ts';
export {
  nextTransitionStep,
  type TargetEvidence,
  TRANSITION_LOAD_TIMEOUT_MS,
  TRANSITION_WAIT_MAX_MS,
  type TransitionEnv,
  type TransitionStep,
} from './transition.ts';
