import {
  assertNever,
  type DurationMs,
  durationMs,
  type InstanceId,
  type MeshError,
  type MeshErrorKind,
  type MonotonicMs,
  monotonicMs,
  toMeshError,
} from '@modelmesh/core';
import { type Evidence, meaningOf } from '@modelmesh/core/routing';
import type { ShadowDrop } from '@modelmesh/core/traffic';
import type { MessageEncoding } from '@modelmesh/grpc/compression';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import { errorMapping, GRPC_CODE } from '@modelmesh/wire/status';
import type { PeerIntent, SlotRef } from '../../link/index.ts';
import {
  type AttemptOwner,
  ByteBudget,
  type CallPlan,
  type CopyWaiter,
  PeerAttempt,
  type Plane,
  RequestBody,
  RuntimeAttempt,
} from '../call/index.ts';
import { encodingOf, type RecordedAnswer } from './recording.ts';

/** Copies that one shadow asks, one after the other, as long as each proves that it did not run the call. */
export const SHADOW_TRIES_MAX = 3;

/** What a shadow needs besides its plan. */
export interface ShadowCallParts {
  /** Framed; not the shadow's own: each attempt gets copies. */
  readonly request: readonly Uint8Array[];
  readonly budget: ByteBudget;
  readonly answerBytesMax: number;
  readonly timeoutMs: DurationMs;
  /** One of the two is called, once, and not inside {@link ShadowCall.start}'s caller unless it ends at once. */
  readonly onEnded: (answer: RecordedAnswer) => void;
  readonly onDropped: (cause: ShadowDrop) => void;
}

type Phase =
  | { readonly kind: 'new' }
  | { readonly kind: 'locating' }
  | { readonly kind: 'running'; readonly attempt: RuntimeAttempt | PeerAttempt }
  | { readonly kind: 'over' };

const NO_BYTES = new ByteBudget(0);

/**
 * One call that nobody waits for. Unlike a live one it is no use of its model, loads its copy into free memory or not at all, has its own
 * deadline, draws on no retry budget, and is tried again only where it provably was not run.
 */
export class ShadowCall implements AttemptOwner, CopyWaiter, Expirable {
  readonly plan: CallPlan;
  body = new RequestBody(NO_BYTES, 0);
  readonly #plane: Plane;
  readonly #parts: ShadowCallParts;
  readonly #tried = new Set<InstanceId>();
  readonly #answer: Uint8Array[] = [];
  readonly #deadline: MonotonicMs;
  readonly #timer: WheelTimer;
  #phase: Phase = { kind: 'new' };
  #startedMs: MonotonicMs;
  #answerBytes = 0;
  #encoding: MessageEncoding = 'identity';

  constructor(plane: Plane, plan: CallPlan, parts: ShadowCallParts) {
    this.#plane = plane;
    this.plan = plan;
    this.#parts = parts;
    this.#startedMs = plane.clock.monotonicMs();
    this.#deadline = monotonicMs(this.#startedMs + parts.timeoutMs);
    this.#timer = plane.deadlines.add(this.#deadline, this);
  }

  get forwardedMs(): DurationMs | null {
    return durationMs(Math.max(0, this.#deadline - this.#plane.clock.monotonicMs()));
  }

  /** Sets off. */
  start(): void {
    this.#seek();
  }

  /** The node shuts down. */
  abandon(): void {
    this.#drop('closing');
  }

  /** Gives back what the answer holds of the budget; the answer is gone then. */
  release(): void {
    this.#parts.budget.give(this.#answerBytes);
    this.#answerBytes = 0;
    this.#answer.length = 0;
  }

  expired(): void {
    if (this.#phase.kind === 'running') this.#ended(GRPC_CODE.DEADLINE_EXCEEDED);
    else this.#drop('not-taken');
  }

  onLocated(slot: SlotRef): void {
    this.#phase = { kind: 'new' };
    this.#run(slot);
  }

  onPeerLocated(instance: InstanceId, intent: PeerIntent): void {
    this.#phase = { kind: 'new' };
    this.#forward(instance, intent);
  }

  onNotHere(): void {
    this.#phase = { kind: 'new' };
    this.#drop('not-taken');
  }

  onLocateFailed({ kind }: MeshError): void {
    this.#phase = { kind: 'new' };
    this.#drop(dropOf(kind));
  }

  onAttemptTook(): void {}

  onAttemptHeaders(headers: HeaderBlock): void {
    this.#encoding = encodingOf(headers);
  }

  onAttemptData(bytes: Uint8Array): boolean {
    const { budget, answerBytesMax } = this.#parts;
    if (this.#answerBytes + bytes.length > answerBytesMax) this.#drop('call-bytes');
    else if (!budget.take(bytes.length)) this.#drop('worker-bytes');
    else {
      this.#answerBytes += bytes.length;
      this.#answer.push(new Uint8Array(bytes));
    }
    return true;
  }

  onAttemptDone(): void {
    this.#ended(GRPC_CODE.OK);
  }

  onAttemptRefused(error: MeshError): void {
    this.#phase = { kind: 'new' };
    this.#ended(errorMapping(error.kind).grpc);
  }

  onAttemptFailed(evidence: Evidence): void {
    const attempt = this.#phase.kind === 'running' ? this.#phase.attempt : undefined;
    this.#phase = { kind: 'new' };
    switch (evidence.kind) {
      case 'connect-refused':
      case 'refused-stream':
      case 'goaway-unprocessed':
      case 'not-here':
      case 'displaced':
      case 'runtime-down':
        this.#elsewhere(attempt?.instance, 'not-taken');
        return;
      case 'load-failed':
      case 'refused-by-peer':
        this.#elsewhere(attempt?.instance, dropOf(evidence.error));
        return;
      case 'runtime-status':
        this.#lost(evidence, attempt?.slot ?? null);
        this.#ended(evidence.code);
        return;
      case 'connection-lost':
        this.#ended(GRPC_CODE.UNAVAILABLE);
        return;
      case 'attempt-timeout':
      case 'deadline-passed':
        this.#ended(GRPC_CODE.DEADLINE_EXCEEDED);
        return;
      case 'cancelled':
        this.#ended(GRPC_CODE.CANCELLED);
        return;
      default:
        assertNever(evidence);
    }
  }

  /** A copy that the runtime does not have is one for live calls neither. */
  #lost({ code, message }: { readonly code: number; readonly message: string }, slot: SlotRef | null): void {
    const { model } = this.plan;
    if (slot !== null && meaningOf(code, message) === 'model-lost')
      this.#plane.link.send({ kind: 'not-in-runtime', model, slot });
  }

  #elsewhere(instance: InstanceId | undefined, otherwise: ShadowDrop): void {
    if (instance !== undefined) this.#tried.add(instance);
    if (this.#tried.size >= SHADOW_TRIES_MAX || otherwise === 'no-free-room') this.#drop(otherwise);
    else this.#seek();
  }

  #seek(): void {
    const { routes, copies } = this.#plane;
    const route = routes.model(this.plan.model);
    if (route === undefined) {
      this.#drop('no-model');
      return;
    }
    const choice = copies.choose(route, this.#tried, false);
    if (choice.kind === 'local' && route.local !== null) this.#run(route.local);
    else if (choice.kind === 'peer') this.#forward(choice.instance, 'copy');
    else this.#locate();
  }

  #locate(): void {
    const { locator, clock, instance } = this.#plane;
    this.#phase = { kind: 'locating' };
    const ask = { kind: 'shadow', here: null } as const;
    try {
      locator.wait(this.plan.model, clock.wallMs(), this, { ask, exclude: [...this.#tried] });
    } catch (error) {
      this.#phase = { kind: 'new' };
      toMeshError(error);
      this.#elsewhere(instance, 'not-taken');
    }
  }

  #run(slot: SlotRef): void {
    const { counters, worker, instance } = this.#plane;
    if (counters.enterShadow(worker, slot)) this.#attempt(new RuntimeAttempt(this.#plane, this, slot));
    else this.#elsewhere(instance, 'not-taken');
  }

  #forward(instance: InstanceId, intent: PeerIntent): void {
    const link = this.#plane.peers?.to(instance);
    if (link?.mayCall === true) this.#attempt(new PeerAttempt(this.#plane, this, instance, link, intent));
    else this.#elsewhere(instance, 'not-taken');
  }

  #attempt(attempt: RuntimeAttempt | PeerAttempt): void {
    this.#phase = { kind: 'running', attempt };
    this.#startedMs = this.#plane.clock.monotonicMs();
    this.body = new RequestBody(NO_BYTES, 0);
    // Whoever sends bytes owns them from then on.
    for (const chunk of this.#parts.request) this.body.push(new Uint8Array(chunk), false);
    this.body.push(new Uint8Array(0), true);
    attempt.start();
  }

  #ended(code: number): void {
    if (!this.#end()) return;
    const tookMs = durationMs(Math.max(0, this.#plane.clock.monotonicMs() - this.#startedMs));
    this.#parts.onEnded({ chunks: this.#answer, encoding: this.#encoding, code, tookMs });
  }

  #drop(cause: ShadowDrop): void {
    if (!this.#end()) return;
    this.release();
    this.#parts.onDropped(cause);
  }

  /** False: it is over already. */
  #end(): boolean {
    const phase = this.#phase;
    if (phase.kind === 'over') return false;
    this.#phase = { kind: 'over' };
    if (phase.kind === 'running') phase.attempt.abandon();
    if (phase.kind === 'locating') this.#plane.locator.leave(this.plan.model, this);
    this.#plane.deadlines.cancel(this.#timer);
    this.body.release();
    return true;
  }
}

/** Why a shadow found no copy, by the error that a live call would have ended with. */
function dropOf(kind: MeshErrorKind): ShadowDrop {
  if (kind === 'no-capacity') return 'no-free-room';
  return kind === 'model-not-found' || kind === 'load-failed' ? 'no-model' : 'not-taken';
}
