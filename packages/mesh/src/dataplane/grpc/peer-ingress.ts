import {
  assertNever,
  type DurationMs,
  durationMs,
  type InstanceId,
  MeshError,
  type MonotonicMs,
  monotonicMs,
  toMeshError,
} from '@modelmesh/core';
import { type Evidence, meaningOf } from '@modelmesh/core/routing';
import { type ByteStream, type HeaderBlock, headerBlock, RESET_CODE, type StreamHandler } from '@modelmesh/grpc/stream';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import type { PeerCall } from '@modelmesh/wire/peer';
import { encodePeerError, grpcTrailersOf, PEER_ERROR_TRAILER } from '@modelmesh/wire/status';
import type { LocateAsk, SlotRef } from '../../link/index.ts';
import {
  type AttemptOwner,
  type CallPlan,
  type CopyWaiter,
  type Plane,
  RequestBody,
  RuntimeAttempt,
  type RuntimeRefusal,
} from '../call/index.ts';
import { PeerHead } from './peer-head.ts';

/** How far a call has come. */
type Phase =
  | { readonly kind: 'new' }
  | { readonly kind: 'locating'; readonly plan: CallPlan; readonly call: PeerCall }
  | { readonly kind: 'running'; readonly attempt: RuntimeAttempt }
  | { readonly kind: 'over' };

const NOTHING = new Uint8Array(0);

/** Nothing is kept for a repetition: whatever follows is decided where the call entered the mesh. */
const KEPT_BYTES = 0;

/**
 * One call that another node sent here, for the copy that is here or is to be loaded here. It is tried once and never sent on; what comes of it
 * goes back: the runtime's answer as it is, and what this node itself has to say in a trailer of its own.
 */
export class PeerIngress implements StreamHandler, AttemptOwner, CopyWaiter, Expirable {
  readonly body: RequestBody;
  readonly #plane: Plane;
  readonly #stream: ByteStream;
  readonly #headers: HeaderBlock;
  #plan: CallPlan | undefined;
  #phase: Phase = { kind: 'new' };
  #timer: WheelTimer | undefined;
  #deadline: MonotonicMs | null = null;
  #untaken = 0;
  #sentHeaders = false;
  #requestEnded = false;

  constructor(plane: Plane, stream: ByteStream, headers: HeaderBlock) {
    this.#plane = plane;
    this.#stream = stream;
    this.#headers = headers;
    this.body = new RequestBody(plane.replay, KEPT_BYTES);
  }

  get plan(): CallPlan {
    if (this.#plan === undefined) throw new MeshError('internal', 'the call has no plan yet');
    return this.#plan;
  }

  get forwardedMs(): DurationMs | null {
    const deadline = this.#deadline;
    return deadline === null ? null : durationMs(Math.max(0, deadline - this.#plane.clock.monotonicMs()));
  }

  /** Sets off; `end` when the request has no body. */
  begin(end: boolean): void {
    try {
      const head = PeerHead.of(this.#headers, this.#plane.instance);
      const plan = this.#planOf(head);
      this.#plan = plan;
      this.#seek(head.call, plan);
    } catch (error) {
      this.#fail(toMeshError(error), false);
      return;
    }
    if (end) this.onData(this.#stream, NOTHING, true);
  }

  onHeaders(): void {}

  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (end) this.#requestEnded = true;
    if (this.#phase.kind === 'over') {
      stream.consume(bytes.length);
      return;
    }
    this.#untaken += bytes.length;
    this.body.push(bytes, end);
    if (this.#phase.kind === 'running') this.#phase.attempt.pump();
  }

  onTrailers(stream: ByteStream): void {
    this.onData(stream, NOTHING, true);
  }

  onReset(): void {
    const phase = this.#phase;
    if (phase.kind === 'running') phase.attempt.abandon();
    this.#end();
  }

  onWritable(): void {
    if (this.#phase.kind === 'running') this.#phase.attempt.resume();
  }

  onClosed(): void {}

  /** The deadline passed. */
  expired(): void {
    const reached = this.#phase.kind === 'running';
    const doing = reached ? '' : ' while the model was being loaded';
    this.#fail(new MeshError('deadline-exceeded', `the deadline passed${doing}`), reached);
  }

  onLocated(slot: SlotRef): void {
    const phase = this.#phase;
    if (phase.kind !== 'locating') return;
    this.#phase = { kind: 'new' };
    // A copy that began to drain since is one that is not here.
    if (!this.#run(slot)) this.onNotHere('the copy is leaving');
  }

  onPeerLocated(instance: InstanceId): void {
    this.onNotHere(`the copy is at ${instance}`);
  }

  onNotHere(message: string): void {
    this.#phase = { kind: 'new' };
    this.#fail(new MeshError('not-here', message), false);
  }

  onLocateFailed(error: MeshError): void {
    this.#phase = { kind: 'new' };
    this.#fail(error, false);
  }

  onAttemptTook(): void {
    const taken = this.#untaken;
    this.#untaken = 0;
    if (taken > 0) this.#stream.consume(taken);
  }

  onAttemptHeaders(headers: HeaderBlock): void {
    this.#sentHeaders = true;
    this.#stream.sendHeaders(headers, false);
  }

  onAttemptData(bytes: Uint8Array): boolean {
    return this.#stream.sendData(bytes, false);
  }

  onAttemptDone(trailers: HeaderBlock): void {
    this.#end();
    this.#sendEnd(trailers);
  }

  onAttemptRefused(error: MeshError): void {
    this.#phase = { kind: 'new' };
    this.#fail(error, false);
  }

  onAttemptFailed(evidence: Evidence, refusal: RuntimeRefusal | null): void {
    const slot = this.#phase.kind === 'running' ? this.#phase.attempt.slot : null;
    this.#phase = { kind: 'new' };
    if (evidence.kind === 'runtime-status' && refusal !== null) {
      if (slot !== null && meaningOf(evidence.code, evidence.message) === 'model-lost')
        this.#plane.link.send({ kind: 'not-in-runtime', model: this.plan.model, slot });
      this.#end();
      if (refusal.headers !== null && !this.#sentHeaders) this.onAttemptHeaders(refusal.headers);
      this.#sendEnd(refusal.trailers);
      return;
    }
    const [message, reached] = whatHappened(evidence);
    this.#fail(new MeshError('unavailable', message), reached, evidence.kind);
  }

  #planOf(head: PeerHead): CallPlan {
    const { timeoutMs } = head;
    if (timeoutMs !== undefined) {
      this.#deadline = monotonicMs(this.#plane.clock.monotonicMs() + timeoutMs);
      this.#timer = this.#plane.deadlines.add(this.#deadline, this);
    }
    return {
      method: head.method,
      model: head.model,
      endpoint: head.endpoint,
      headers: head.forRuntime,
      encoding: head.encoding,
      deadline: this.#deadline,
      deadlineIsDefault: timeoutMs === undefined,
      callRetry: 'never',
      balanced: true,
      origin: head,
      log: head,
      ...(head.shadow ? { shadow: true } : {}),
    };
  }

  #seek(call: PeerCall, plan: CallPlan): void {
    const slot = this.#plane.routes.model(plan.model)?.local ?? null;
    if (slot !== null && this.#run(slot)) return;
    this.#phase = { kind: 'locating', plan, call };
    const { intent } = call;
    const ask: LocateAsk = plan.shadow === true ? { kind: 'shadow', here: intent } : { kind: 'here', intent };
    const options = { ask, exclude: [] };
    try {
      this.#plane.locator.wait(plan.model, this.#plane.clock.wallMs(), this, options);
    } catch (error) {
      this.#phase = { kind: 'new' };
      throw error;
    }
  }

  /** False: the copy may not be called any more. */
  #run(slot: SlotRef): boolean {
    const { counters, worker, clock } = this.#plane;
    const isShadow = this.plan.shadow === true;
    if (!(isShadow ? counters.enterShadow(worker, slot) : counters.enter(worker, slot, clock.wallMs()))) return false;
    const attempt = new RuntimeAttempt(this.#plane, this, slot);
    this.#phase = { kind: 'running', attempt };
    attempt.start();
    return true;
  }

  #fail(error: MeshError, runtimeReached: boolean, outcome: string = error.kind): void {
    const phase = this.#phase;
    if (phase.kind === 'over') return;
    if (phase.kind === 'running') phase.attempt.abandon();
    this.#end();
    const attempt = { instance: this.#plane.instance, outcome, detail: error.message };
    const { kind, retryAfterMs } = error;
    const told = encodePeerError({ kind, attempts: [attempt], runtimeReached, retryAfterMs });
    this.#sendEnd(headerBlock([...grpcTrailersOf(error), PEER_ERROR_TRAILER, told]));
  }

  #sendEnd(trailers: HeaderBlock): void {
    if (this.#sentHeaders) this.#stream.sendTrailers(trailers);
    else this.#stream.sendHeaders(headerBlock([':status', '200', ...withContentType(trailers)]), true);
    if (!this.#requestEnded) this.#stream.reset(RESET_CODE.noError);
  }

  #end(): void {
    const phase = this.#phase;
    this.#phase = { kind: 'over' };
    if (phase.kind === 'locating') this.#plane.locator.leave(phase.plan.model, this);
    if (this.#timer !== undefined) this.#plane.deadlines.cancel(this.#timer);
    this.#timer = undefined;
    this.body.release();
  }
}

function withContentType(trailers: HeaderBlock): readonly string[] {
  return trailers.get('content-type') === undefined ? ['content-type', 'application/grpc', ...trailers.raw()] : trailers.raw();
}

/** Why there is no answer, and whether the runtime may have executed the call. */
function whatHappened(evidence: Evidence): readonly [message: string, runtimeReached: boolean] {
  switch (evidence.kind) {
    case 'connect-refused':
    case 'runtime-down':
      return ['the runtime of the node is away', false];
    case 'refused-stream':
    case 'goaway-unprocessed':
      return ['the runtime of the node did not take the call', false];
    case 'connection-lost':
      return ['the connection to the runtime was lost during the call', true];
    case 'not-here':
    case 'load-failed':
    case 'refused-by-peer':
    case 'displaced':
    case 'attempt-timeout':
    case 'runtime-status':
    case 'deadline-passed':
    case 'cancelled':
      return [`the call ended with ${evidence.kind}`, true];
    default:
      return assertNever(evidence);
  }
}
