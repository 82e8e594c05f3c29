/** The door of the room: what becomes of a call that registers, changes, removes or asks about a model. */
export { type ApplyModelRequest, decideApplyModel, decideForgetFailures } from './apply-model.ts';
export type { FollowUp, ModelDecision, ModelReader, RegistrationEnv } from './decision.ts';
export {
  initialLastUsed,
  LAST_USED_AGE_ON_ADD_MS,
  LAST_USED_AGE_ON_LOAD_MS,
  LAST_USED_BUMP_MIN_MS,
  lastUsedForEnsure,
} from './last-used.ts';
export {
  type CopyKnowledge,
  MODEL_NOT_FOUND,
  type ModelCopyStatus,
  type ModelStatus,
  type ModelStatusName,
  modelStatus,
} from './model-status.ts';
export { isReady, type ModelReadiness, modelReadiness } from './readiness.ts';
export {
  decideEnsure,
  decideRegister,
  decideUnregister,
  type EnsureRequest,
  modelIdError,
  modelTypeError,
  pickInfo,
  type RegisterRequest,
} from './register.ts';
