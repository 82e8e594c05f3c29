import type { MeshError, MonotonicMs } from '@modelmesh/core';
import type { PeerLink, ReturnWaiter } from '../peers/index.ts';
import type { Attempt } from './attempt.ts';
import type { CallPlan } from './call-plan.ts';
import type { CopyWaiter } from './locator.ts';
import type { Plane } from './plane.ts';
import type { RuntimeWaiter } from './runtime-gate.ts';

/** Where a call stands. */
export type CallPhase =
  | { readonly kind: 'new' }
  | { readonly kind: 'locating'; readonly sinceMs: MonotonicMs }
  | { readonly kind: 'waiting-for-runtime' }
  /** Nobody takes the call, for the reason of `error`, but a holder may answer again. */
  | { readonly kind: 'waiting-for-peer'; readonly link: PeerLink; readonly error: MeshError }
  | { readonly kind: 'running'; readonly attempt: Attempt }
  | { readonly kind: 'over' };

/** Who waits on behalf of a call. */
type Waiter = CopyWaiter & RuntimeWaiter & ReturnWaiter & { readonly plan: CallPlan };

/** Nothing that was begun for the call goes on, except for a load. */
export function leavePhase(phase: CallPhase, { locator, runtime }: Plane, call: Waiter): void {
  if (phase.kind === 'running') phase.attempt.abandon();
  if (phase.kind === 'locating') locator.leave(call.plan.model, call);
  if (phase.kind === 'waiting-for-runtime') runtime.leave(call);
  if (phase.kind === 'waiting-for-peer') phase.link.leaveReturn(call);
}
