import {
  assertNever,
  type DurationMs,
  durationMs,
  endpointId,
  type InstanceId,
  MeshError,
  type ModelKey,
  type MonotonicMs,
  modelKey,
  monotonicMs,
  toMeshError,
} from '@modelmesh/core';
import { type Evidence, meaningOf } from '@modelmesh/core/routing';
import { parseEncoding } from '@modelmesh/grpc/compression';
import {
  type ByteStream,
  type HeaderBlock,
  headerBlock,
  headerRecipe,
  RESET_CODE,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import { HEADER, isInternalHeader, parseGrpcTimeout, requireTarget } from '@modelmesh/wire/headers';
import {
  PEER_CALL_HEADER,
  PEER_PROTOCOL,
  type PeerCall,
  parsePeerCall,
  ROUTE_HOPS_MAX,
  readLogFields,
  readPeerEndpoint,
} from '@modelmesh/wire/peer';
import { encodePeerError, grpcTrailersOf, PEER_ERROR_TRAILER } from '@modelmesh/wire/status';
import type { SlotRef } from '../../link/index.ts';
import {
  type AttemptOwner,
  type CallPlan,
  type CopyWaiter,
  type Plane,
  RequestBody,
  RuntimeAttempt,
  type RuntimeRefusal,
} from '../call/index.ts';
import { refuseReserved } from './reserved-services.ts';

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
      const call = this.#readCall();
      const plan = this.#readPlan();
      this.#plan = plan;
      this.#seek(call, plan);
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

  /** @throws {MeshError} `failed-precondition` for a call that no node sends */
  #readCall(): PeerCall {
    const call = parsePeerCall(this.#headers.get(PEER_CALL_HEADER));
    const { protocol, visited } = call;
    if (protocol < PEER_PROTOCOL.min || protocol > PEER_PROTOCOL.max) {
      const sentence = `this node speaks versions ${PEER_PROTOCOL.min} to ${PEER_PROTOCOL.max} of the protocol between nodes, not ${protocol}`;
      throw new MeshError('failed-precondition', sentence);
    }
    if (visited.length > ROUTE_HOPS_MAX || visited.includes(this.#plane.instance)) {
      const sentence = `the call passed ${visited.join(', ')} before it came here; at most ${ROUTE_HOPS_MAX} node comes before (ROUTE_HOPS_MAX)`;
      throw new MeshError('failed-precondition', sentence);
    }
    return call;
  }

  #readPlan(): CallPlan {
    const headers = this.#headers;
    const path = headers.get(':path') ?? '';
    refuseReserved(path);
    const timeout = headers.get(HEADER.grpcTimeout);
    if (timeout !== undefined) {
      this.#deadline = monotonicMs(this.#plane.clock.monotonicMs() + parseGrpcTimeout(timeout));
      this.#timer = this.#plane.deadlines.add(this.#deadline, this);
    }
    const endpoint = readPeerEndpoint(headers);
    const model = modelKey(headers.get(HEADER.modelId) ?? requireTarget(headers).ids[0] ?? '');
    return {
      method: path.slice(1),
      model,
      endpoint: endpoint === undefined ? null : this.#endpointRoute(endpoint, model),
      headers: headers.derive(NEXT_HOP),
      encoding: parseEncoding(headers.get(HEADER.grpcEncoding)),
      deadline: this.#deadline,
      deadlineIsDefault: timeout === undefined,
      callRetry: 'never',
      balanced: true,
      requestId: headers.get(HEADER.requestId) ?? null,
      log: { fields: readLogFields(headers), requestId: headers.get(HEADER.requestId) ?? null, forwarded: true },
    };
  }

  /** The choice was made where the call entered; nothing here may make it again. */
  #endpointRoute(endpoint: NonNullable<ReturnType<typeof readPeerEndpoint>>, model: ModelKey): CallPlan['endpoint'] {
    const { revision, variant } = endpoint;
    return { id: endpointId(endpoint.id), revision, variant, model, successor: null };
  }

  #seek(call: PeerCall, plan: CallPlan): void {
    const slot = this.#plane.routes.model(plan.model)?.local ?? null;
    if (slot !== null && this.#run(slot)) return;
    this.#phase = { kind: 'locating', plan, call };
    const options = { ask: { kind: 'here', intent: call.intent }, exclude: [] } as const;
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
    if (!counters.enter(worker, slot, clock.wallMs())) return false;
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

const NEXT_HOP = headerRecipe({ drops: (name) => name === HEADER.grpcTimeout || isInternalHeader(name) });

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
