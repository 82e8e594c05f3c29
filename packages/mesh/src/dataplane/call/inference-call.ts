import {
  assertNever,
  type DurationMs,
  durationMs,
  type InstanceId,
  MeshError,
  type MonotonicMs,
  toMeshError,
} from '@modelmesh/core';
import { type EndedAttempt, type Evidence, type NextAttempt, nextAttempt } from '@modelmesh/core/routing';
import { FrameScanner, type FrameSink } from '@modelmesh/grpc/framing';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import type { ModelRoute, SlotRef } from '../../link/index.ts';
import { Attempt, type AttemptOwner, type RuntimeRefusal } from './attempt.ts';
import type { Caller, CallPlan } from './call-plan.ts';
import type { CopyWaiter } from './locator.ts';
import type { Plane } from './plane.ts';
import { RequestBody } from './request-body.ts';
import type { RuntimeWaiter } from './runtime-gate.ts';
import { StreamProof } from './stream-proof.ts';

/** Where a call stands. */
type Phase =
  | { readonly kind: 'new' }
  | { readonly kind: 'locating'; readonly sinceMs: MonotonicMs }
  | { readonly kind: 'waiting-for-runtime' }
  | { readonly kind: 'running'; readonly attempt: Attempt }
  | { readonly kind: 'over' };

/** Waits shorter than this are no cache miss (spec `modelmesh.md` §2.5). */
const SILENT_WAIT_MS = 10;

/**
 * One call on its way to a copy of its model: finds the copy, sends the request there, gives the answer back, and tries again as
 * `nextAttempt` allows. Knows nothing of who called; gRPC and REST are two {@link Caller}s.
 */
export class InferenceCall implements CopyWaiter, RuntimeWaiter, AttemptOwner, FrameSink, Expirable {
  readonly body: RequestBody;
  readonly plan: CallPlan;
  readonly #plane: Plane;
  readonly #caller: Caller;
  readonly #scanner: FrameScanner;
  readonly #ended: EndedAttempt[] = [];
  readonly #answer = new StreamProof();
  #phase: Phase = { kind: 'new' };
  #deadline: MonotonicMs | null;
  #timer: WheelTimer | undefined;
  #messages = 0;
  #payloadBytes = 0;
  #untaken = 0;
  #answered = false;

  constructor(plane: Plane, caller: Caller, plan: CallPlan) {
    this.#plane = plane;
    this.#caller = caller;
    this.plan = plan;
    this.#deadline = plan.deadline;
    this.body = new RequestBody(plane.replay, plane.limits.replayBytesPerCallMax);
    this.#scanner = new FrameScanner(plane.limits.messageBytesMax, this);
  }

  /** Request bytes so far, prefixes not counted. */
  get requestBytes(): number {
    return this.#payloadBytes;
  }

  /** Whether the call has ended. */
  get over(): boolean {
    return this.#phase.kind === 'over';
  }

  /** Sets off. Bytes may be pushed before or after. */
  start(): void {
    if (this.#deadline !== null) this.#timer = this.#plane.deadlines.add(this.#deadline, this);
    this.#plane.retryBudgets.earn(this.plan.model);
    this.#seek();
  }

  /** More of the request, framed as gRPC messages. */
  push(bytes: Uint8Array, end: boolean): void {
    if (this.over) return;
    this.#untaken += bytes.length;
    try {
      this.#scanner.push(bytes);
    } catch (error) {
      this.#fail(toMeshError(error));
      return;
    }
    if (end && this.#scanner.midMessage) {
      this.#fail(new MeshError('invalid-argument', 'the request ends in the middle of a message'));
      return;
    }
    this.body.push(bytes, end);
    // A second message makes a stream, whose answers may depend on everything that went before.
    if (this.#messages > 1) this.body.forget();
    if (this.#phase.kind === 'running') this.#phase.attempt.pump();
  }

  /** The caller can take response data again. */
  resume(): void {
    if (this.#phase.kind === 'running') this.#phase.attempt.resume();
  }

  /** The caller went away. A load that was started for it goes on. */
  cancel(): void {
    if (this.#phase.kind === 'running') this.#phase.attempt.abandon();
    this.#end();
  }

  onMessageStart(byteLength: number): void {
    this.#messages += 1;
    this.#payloadBytes += byteLength;
    if (this.#messages > 1) this.#provenStream();
  }

  onMessageBytes(): void {}

  onMessageEnd(): void {}

  /** The deadline passed. */
  expired(): void {
    const doing = this.#phase.kind === 'locating' ? ' while the model was being loaded' : '';
    this.#fail(new MeshError('deadline-exceeded', `the deadline passed${doing}`));
  }

  onLocated(slot: SlotRef): void {
    this.#countMiss();
    const route = this.#plane.routes.model(this.plan.model);
    this.#run(route, slot);
  }

  onPeerLocated(instance: InstanceId): void {
    this.onLocateFailed(new MeshError('unavailable', `no way to ${instance} is built`), false);
  }

  onNotHere(message: string): void {
    this.onLocateFailed(new MeshError('unavailable', message), false);
  }

  onLocateFailed(error: MeshError, _elsewhere: boolean): void {
    this.#countMiss();
    // Control has tried what there was to try; what it says is final.
    this.#fail(error);
  }

  onRuntimeBack(): void {
    if (this.#phase.kind === 'waiting-for-runtime') this.#seek();
  }

  onRuntimeWaitFailed(error: MeshError): void {
    this.#fail(error);
  }

  onAttemptTook(): void {
    const taken = this.#untaken;
    this.#untaken = 0;
    if (taken > 0) this.#caller.onRequestTaken(taken);
  }

  onAttemptHeaders(headers: HeaderBlock): void {
    this.#answered = true;
    this.body.forget();
    this.#caller.onResponseHeaders(headers);
  }

  onAttemptData(bytes: Uint8Array): boolean {
    if (!this.body.ended || this.#answer.push(bytes)) this.#provenStream();
    return this.#caller.onResponseData(bytes);
  }

  onAttemptDone(trailers: HeaderBlock): void {
    this.#end();
    if (this.#ended.length > 0) this.#record('answered');
    this.#caller.onResponseEnd(trailers);
  }

  onAttemptRefused(error: MeshError): void {
    this.#phase = { kind: 'new' };
    this.#fail(error);
  }

  onAttemptFailed(evidence: Evidence, refusal: RuntimeRefusal | null): void {
    const slot = this.#phase.kind === 'running' ? this.#phase.attempt.slot : null;
    this.#phase = { kind: 'new' };
    const next = this.#judge(evidence);
    switch (next.kind) {
      case 'retry-same':
      case 'retry-other':
        this.#again(next.charged);
        this.#seek();
        return;
      case 'purge-and-reload':
        this.#again(next.charged);
        this.#purge(slot);
        this.#locate();
        return;
      case 'wait-for-runtime':
        this.#again(next.charged);
        this.#waitForRuntime();
        return;
      case 'pass-through':
        if (next.purge) this.#purge(slot);
        this.#passThrough(refusal, evidence);
        return;
      case 'fail':
        this.#giveUp(next);
        return;
      default:
        assertNever(next);
    }
  }

  /** Until the deadline; `null`: none. */
  get remainingMs(): DurationMs | null {
    const deadline = this.#deadline;
    return deadline === null ? null : durationMs(Math.max(0, deadline - this.#plane.clock.monotonicMs()));
  }

  get forwardedMs(): DurationMs | null {
    return this.plan.deadlineIsDefault ? null : this.remainingMs;
  }

  #provenStream(): void {
    if (!this.plan.deadlineIsDefault || this.#deadline === null) return;
    this.#deadline = null;
    if (this.#timer !== undefined) this.#plane.deadlines.cancel(this.#timer);
    this.#timer = undefined;
  }

  /** What follows what just ended. */
  #judge(evidence: Evidence): NextAttempt {
    const { model, callRetry } = this.plan;
    const current = { instance: this.#plane.instance, local: true };
    const call = {
      replayable: this.body.replayable,
      responseForwarded: this.#answered,
      modelRetry: this.#plane.routes.model(model)?.retry ?? 'safe',
      callRetry,
      remainingMs: this.remainingMs,
      elsewhere: false,
      budgetLeft: this.#plane.retryBudgets.hasToken(model),
    } as const;
    const next = nextAttempt({ call, ended: this.#ended, current }, evidence);
    this.#ended.push({ target: current, evidence });
    return next;
  }

  /** Another attempt follows. */
  #again(charged: boolean): void {
    this.body.rewind();
    if (charged) this.#plane.retryBudgets.spend(this.plan.model);
  }

  #purge(slot: SlotRef | null): void {
    if (slot !== null) this.#plane.link.send({ kind: 'not-in-runtime', model: this.plan.model, slot });
  }

  #seek(): void {
    const route = this.#plane.routes.model(this.plan.model);
    if (route === undefined) {
      this.#fail(new MeshError('model-not-found', 'model not found'));
      return;
    }
    if (route.local === null) this.#locate();
    else this.#run(route, route.local);
  }

  #locate(): void {
    this.#phase = { kind: 'locating', sinceMs: this.#plane.clock.monotonicMs() };
    try {
      this.#plane.locator.wait(this.plan.model, this.#plane.clock.wallMs(), this);
    } catch (error) {
      this.#phase = { kind: 'new' };
      this.#fail(toMeshError(error));
    }
  }

  #waitForRuntime(): void {
    this.#phase = { kind: 'waiting-for-runtime' };
    try {
      this.#plane.runtime.wait(this);
    } catch (error) {
      this.#phase = { kind: 'new' };
      this.#fail(toMeshError(error));
    }
  }

  #run(route: ModelRoute | undefined, slot: SlotRef): void {
    if (route === undefined) {
      this.#fail(new MeshError('model-not-found', 'model not found'));
      return;
    }
    if (!this.#plane.counters.enter(this.#plane.worker, slot, this.#plane.clock.wallMs())) {
      // The copy began to drain after control named it: control knows by now where to go instead.
      const next = this.#judge({ kind: 'not-here' });
      if (next.kind === 'fail') this.#giveUp(next);
      else this.#locate();
      return;
    }
    const attempt = new Attempt(this.#plane, this, slot);
    this.#phase = { kind: 'running', attempt };
    attempt.start();
  }

  #countMiss(): void {
    if (this.#phase.kind !== 'locating') return;
    const waitedMs = this.#plane.clock.monotonicMs() - this.#phase.sinceMs;
    if (waitedMs > SILENT_WAIT_MS) this.#plane.metrics.cacheMiss(durationMs(waitedMs), this.plan.model);
    this.#phase = { kind: 'new' };
  }

  /** The runtime's own words. Headers that were held go first: only a repetition would have made them untrue. */
  #passThrough(refusal: RuntimeRefusal | null, evidence: Evidence): void {
    if (refusal === null) {
      this.#fail(new MeshError('internal', `the call ended with ${evidence.kind} and nothing to pass on`));
      return;
    }
    this.#end();
    this.#record(evidence.kind === 'runtime-status' ? `the runtime answered with code ${evidence.code}` : evidence.kind);
    if (refusal.headers !== null && !this.#answered) this.#caller.onResponseHeaders(refusal.headers);
    this.#caller.onResponseEnd(refusal.trailers);
  }

  /** No attempt is left. */
  #giveUp({ error, message }: Extract<NextAttempt, { readonly kind: 'fail' }>): void {
    this.#fail(new MeshError(error === 'unavailable' ? this.#plane.exhaustedKind : error, message));
  }

  #fail(error: MeshError): void {
    if (this.over) return;
    if (this.#phase.kind === 'running') this.#phase.attempt.abandon();
    this.#end();
    this.#record(`${error.kind}: ${error.message}`);
    this.#caller.onFailed(error);
  }

  #record(outcome: string): void {
    const { requestId, method, model, endpoint } = this.plan;
    const attempts = this.#ended.map(({ evidence }) => evidence.kind);
    const atMs = this.#plane.clock.wallMs();
    this.#plane.record({ atMs, requestId, method, model, endpoint: endpoint?.id ?? null, outcome, attempts });
  }

  #end(): void {
    if (this.#phase.kind === 'locating') this.#plane.locator.leave(this.plan.model, this);
    if (this.#phase.kind === 'waiting-for-runtime') this.#plane.runtime.leave(this);
    this.#phase = { kind: 'over' };
    if (this.#timer !== undefined) this.#plane.deadlines.cancel(this.#timer);
    this.body.release();
  }
}
