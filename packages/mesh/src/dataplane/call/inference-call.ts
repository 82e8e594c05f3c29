import {
  assertNever,
  type DurationMs,
  durationMs,
  MeshError,
  type ModelKey,
  type MonotonicMs,
  toMeshError,
} from '@modelmesh/core';
import { type EndedAttempt, type Evidence, nextAttempt } from '@modelmesh/core/routing';
import type { MessageEncoding } from '@modelmesh/grpc/compression';
import { FrameScanner, type FrameSink } from '@modelmesh/grpc/framing';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import type { EndpointRoute, ModelRoute, SlotRef } from '../../link/index.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { CopyWaiter } from './locator.ts';
import type { Plane } from './plane.ts';
import { RequestBody } from './request-body.ts';
import type { RuntimeWaiter } from './runtime-gate.ts';

/** What is to be done, decided once when the call entered. */
export interface CallPlan {
  /** Full method, `package.Service/Method`. */
  readonly method: string;
  readonly model: ModelKey;
  readonly endpoint: EndpointRoute | null;
  /** For the runtime: its own pseudo-header fields and ids included, nothing of ours left in. `grpc-timeout` is added with each attempt. */
  readonly headers: HeaderBlock;
  /** Of the request's messages. */
  readonly encoding: MessageEncoding;
  readonly deadline: MonotonicMs | null;
  /** The caller named no deadline: the default one, which holds for single answers only and is dropped once the call proves to be a stream. */
  readonly deadlineIsDefault: boolean;
  readonly callRetry: 'safe' | 'never';
  readonly requestId: string | null;
}

/** The side that made the call. Exactly one of `onResponseEnd` and `onFailed` comes, last. */
export interface Caller {
  onResponseHeaders(headers: HeaderBlock): void;
  /** False: no more until {@link InferenceCall.resume}. The bytes belong to the caller. */
  onResponseData(bytes: Uint8Array): boolean;
  /** The runtime's own end, whatever its status; `trailers` always hold `grpc-status`. */
  onResponseEnd(trailers: HeaderBlock): void;
  /** The mesh's end: no answer, or none that is worth having. */
  onFailed(error: MeshError): void;
  /** So many bytes of the request have moved on: their flow-control credit may be returned. */
  onRequestTaken(byteCount: number): void;
}

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
  #phase: Phase = { kind: 'new' };
  #timer: WheelTimer | undefined;
  #messages = 0;
  #payloadBytes = 0;
  #untaken = 0;
  #answered = false;

  constructor(plane: Plane, caller: Caller, plan: CallPlan) {
    this.#plane = plane;
    this.#caller = caller;
    this.plan = plan;
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
    const { deadline } = this.plan;
    if (deadline !== null) this.#timer = this.#plane.deadlines.add(deadline, this);
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

  onLocateFailed(error: MeshError): void {
    this.#countMiss();
    // Control has tried what there was to try; what it says is final.
    this.#fail(error);
  }

  onRuntimeBack(): void {
    this.#seek();
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
    if (!this.body.ended) this.#provenStream();
    return this.#caller.onResponseData(bytes);
  }

  onAttemptDone(trailers: HeaderBlock): void {
    this.#end();
    this.#caller.onResponseEnd(trailers);
  }

  onAttemptRefused(error: MeshError): void {
    this.#phase = { kind: 'new' };
    this.#fail(error);
  }

  onAttemptFailed(evidence: Evidence, trailers: HeaderBlock | null): void {
    this.#phase = { kind: 'new' };
    const current = { instance: this.#plane.instance, local: true };
    const route = this.#plane.routes.model(this.plan.model);
    const next = nextAttempt(
      {
        call: {
          replayable: this.body.replayable,
          responseForwarded: this.#answered,
          modelRetry: route?.retry ?? 'safe',
          callRetry: this.plan.callRetry,
          remainingMs: this.remainingMs,
          elsewhere: false,
          budgetLeft: this.#plane.retryBudgets.hasToken(this.plan.model),
        },
        ended: this.#ended,
        current,
      },
      evidence,
    );
    this.#ended.push({ target: current, evidence });
    switch (next.kind) {
      case 'retry-same':
      case 'retry-other':
        this.#charge(next.charged);
        this.#seek();
        return;
      case 'purge-and-reload':
        this.#charge(next.charged);
        this.#purge(route);
        this.#locate();
        return;
      case 'wait-for-runtime':
        this.#charge(next.charged);
        this.#waitForRuntime();
        return;
      case 'pass-through':
        if (next.purge) this.#purge(route);
        this.#passThrough(trailers);
        return;
      case 'fail':
        this.#fail(new MeshError(next.error, next.message));
        return;
      default:
        assertNever(next);
    }
  }

  /** Until the deadline; `null`: none. */
  get remainingMs(): DurationMs | null {
    const { deadline } = this.plan;
    return deadline === null ? null : durationMs(Math.max(0, deadline - this.#plane.clock.monotonicMs()));
  }

  #provenStream(): void {
    if (!this.plan.deadlineIsDefault || this.#timer === undefined) return;
    this.#plane.deadlines.cancel(this.#timer);
    this.#timer = undefined;
  }

  #charge(charged: boolean): void {
    if (charged) this.#plane.retryBudgets.spend(this.plan.model);
  }

  #purge(route: ModelRoute | undefined): void {
    const slot = route?.local;
    if (slot !== null && slot !== undefined) this.#plane.link.send({ kind: 'not-in-runtime', model: this.plan.model, slot });
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
      if (this.#ended.length === 0)
        this.#ended.push({ target: { instance: this.#plane.instance, local: true }, evidence: { kind: 'not-here' } });
      this.#locate();
      return;
    }
    if (this.#ended.length === 0) this.#plane.retryBudgets.earn(this.plan.model);
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

  #passThrough(trailers: HeaderBlock | null): void {
    if (trailers === null) {
      this.#fail(new MeshError('internal', 'the runtime ended the call without a status'));
      return;
    }
    this.#end();
    this.#caller.onResponseEnd(trailers);
  }

  #fail(error: MeshError): void {
    if (this.over) return;
    if (this.#phase.kind === 'running') this.#phase.attempt.abandon();
    this.#end();
    this.#plane.record({
      atMs: this.#plane.clock.wallMs(),
      requestId: this.plan.requestId,
      method: this.plan.method,
      model: this.plan.model,
      endpoint: this.plan.endpoint?.id ?? null,
      outcome: `${error.kind}: ${error.message}`,
      attempts: this.#ended.map(({ evidence }) => evidence.kind),
    });
    this.#caller.onFailed(error);
  }

  #end(): void {
    if (this.#phase.kind === 'locating') this.#plane.locator.leave(this.plan.model, this);
    if (this.#phase.kind === 'waiting-for-runtime') this.#plane.runtime.leave(this);
    this.#phase = { kind: 'over' };
    if (this.#timer !== undefined) this.#plane.deadlines.cancel(this.#timer);
    this.body.release();
  }
}
