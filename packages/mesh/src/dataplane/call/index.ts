/** The door of the room: one call, from its plan to its end. */

export { answerFields } from './answer-fields.ts';
export { ArmCounts } from './arm-counts.ts';
export type { AttemptOutcome, AttemptOwner, RuntimeRefusal } from './attempt.ts';
export { callLog } from './call-log.ts';
export type { AnswerOrigin, Caller, CallLog, CallMirror, CallOrigin, CallPlan, ForModel } from './call-plan.ts';
export { ASSUME_LOADED_AFTER_MS, CopyChooser } from './copy-chooser.ts';
export { CopyGates, turnsMax } from './copy-gates.ts';
export { InferenceCall } from './inference-call.ts';
export { LastChoices } from './last-choices.ts';
export { type CopyWaiter, Locator, type WaitLimits } from './locator.ts';
export { LOOKED_UP_MS, NAME_LOOKUPS_MAX, NameLookups, type NameWaiter } from './name-lookups.ts';
export { PeerAttempt } from './peer-attempt.ts';
export type {
  CallFacts,
  CallLimits,
  CallMetrics,
  CallRecording,
  Plane,
  ShadowFacts,
  ShadowOutcome,
  ShadowTap,
} from './plane.ts';
export { ByteBudget, RequestBody } from './request-body.ts';
export { RetryBudgets } from './retry-budgets.ts';
export { RewriteRoom } from './rewrite-room.ts';
export { RuntimeAttempt } from './runtime-attempt.ts';
export { RuntimeGate } from './runtime-gate.ts';
export { SharedGates } from './shared-gates.ts';
export { PUSH_BYTES_MAX, startWhole } from './whole-request.ts';
