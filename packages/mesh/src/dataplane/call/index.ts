/** The door of the room: one call, from its plan to its end. */

export type { Caller, CallPlan } from './call-plan.ts';
export { InferenceCall } from './inference-call.ts';
export { type CopyWaiter, Locator, type WaitLimits } from './locator.ts';
export type { CallFacts, CallLimits, CallMetrics, Plane } from './plane.ts';
export { ByteBudget } from './request-body.ts';
export { RetryBudgets } from './retry-budgets.ts';
export { RewriteRoom } from './rewrite-room.ts';
export { RuntimeGate } from './runtime-gate.ts';
export { PUSH_BYTES_MAX, startWhole } from './whole-request.ts';
