import { assertNever, type DurationMs, durationMs, type InstanceId, MeshError, monotonicMs, toMeshError } from '@modelmesh/core';
import {
  attemptTimeoutMs,
  type CallFacts,
  type Evidence,
  endWithoutAlternative,
  mayAwaitHolder,
  mayBeLeft,
  type NextAttempt,
  nextAttempt,
  type VariantEnd,
} from '@modelmesh/core/routing';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import type { Expirable } from '@modelmesh/grpc/timer-wheel';
import { errorMapping, GRPC_CODE, parseGrpcStatus } from '@modelmesh/wire/status';
import type { ModelRoute, PeerIntent, SlotRef } from '../../link/index.ts';
import type { ReturnWaiter } from '../peers/index.ts';
import { awaitHolder, isElsewhere, noteAbsence, turnsElsewhere } from './alternatives.ts';
import type { Attempt, AttemptOwner, RuntimeRefusal } from './attempt.ts';
import { AttemptLog } from './attempt-log.ts';
import { CallDeadline } from './call-deadline.ts';
import { type CallPhase, leavePhase } from './call-phase.ts';
import type { AnswerOrigin, Caller, CallPlan } from './call-plan.ts';
import { type CopyWaiter, LOCATE_ANYWHERE } from './locator.ts';
import { PeerAttempt } from './peer-attempt.ts';
import type { Plane } from './plane.ts';
import { factsBesides, repeatFacts } from './repeat-facts.ts';
import { RequestBody } from './request-body.ts';
import { RequestScan } from './request-scan.ts';
import { RuntimeAttempt } from './runtime-attempt.ts';
import type { RuntimeWaiter } from './runtime-gate.ts';
import { StreamProof } from './stream-proof.ts';
import { VariantTurns } from './variant-turns.ts';

/** Waits shorter than this are no cache miss (spec `modelmesh.md` §2.5). */
const SILENT_WAIT_MS = 10;

/**
 * One call on its way to a copy of its model: finds the copy, sends the request there, gives the answer back, and tries again as
 * `nextAttempt` allows. Knows nothing of who called; gRPC and REST are two {@link Caller}s.
 */
export class InferenceCall implements CopyWaiter, RuntimeWaiter, ReturnWaiter, AttemptOwner, AnswerOrigin, Expirable {
  body: RequestBody;
  plan: CallPlan;
  /** The caller has something of the answer. */
  answered = false;
  readonly #plane: Plane;
  readonly #caller: Caller;
  readonly #scan: RequestScan;
  readonly #turns: VariantTurns | undefined;
  readonly #log = new AttemptLog();
  readonly #answer = new StreamProof();
  #phase: CallPhase = { kind: 'new' };
  readonly #deadline: CallDeadline;
  #instance: InstanceId | null = null;
  #untaken = 0;
  /** Of the last attempt that was to be repeated elsewhere. */
  #refusal: RuntimeRefusal | null = null;

  constructor(plane: Plane, caller: Caller, plan: CallPlan) {
    this.#plane = plane;
    this.#caller = caller;
    this.plan = plan;
    this.#deadline = new CallDeadline(plane, this, plan.deadline);
    this.body = new RequestBody(plane.replay, plane.limits.replayBytesPerCallMax);
    this.#scan = new RequestScan(plane.limits.messageBytesMax);
    this.#turns = VariantTurns.of(plane, plan);
  }

  /** Request bytes so far, prefixes not counted. */
  get requestBytes(): number {
    return this.#scan.payloadBytes;
  }

  /** Who answers, or was asked last; `null`: nobody yet. */
  get instance(): InstanceId | null {
    return this.#instance;
  }

  /** Whether the call has ended. */
  get over(): boolean {
    return this.#phase.kind === 'over';
  }

  /** Sets off. Bytes may be pushed before or after. */
  start(): void {
    this.#begin();
  }

  /** More of the request, framed as gRPC messages. */
  push(bytes: Uint8Array, end: boolean): void {
    if (this.over) return;
    this.#untaken += bytes.length;
    try {
      this.#scan.push(bytes, end);
    } catch (error) {
      this.#fail(toMeshError(error));
      return;
    }
    // Another variant may have the whole request already, made for its own model.
    if (!this.body.ended) this.body.push(bytes, end);
    // A second message makes a stream, whose answers may depend on everything that went before.
    if (this.#scan.messages > 1) {
      this.#provenStream();
      this.body.forget();
    }
    if (this.#phase.kind === 'running') this.#phase.attempt.pump();
  }

  /** The caller can take response data again. */
  resume(): void {
    if (this.#phase.kind === 'running') this.#phase.attempt.resume();
  }

  /** The caller went away. A load that was started for it goes on. */
  cancel(): void {
    this.#end(GRPC_CODE.CANCELLED);
  }

  /** The deadline passed, or the share of it that an attempt has. */
  expired(): void {
    this.#deadline.woken();
    const { remainingMs } = this;
    if (this.#deadline.takeOverdue() && this.#anotherAnswers({ kind: 'attempt', evidence: { kind: 'attempt-timeout' } })) return;
    if (remainingMs === null) return;
    if (remainingMs > 0) {
      this.#deadline.watch();
      if (this.#phase.kind !== 'running') return;
      const { attempt } = this.#phase;
      if (mayBeLeft(factsBesides(this.#plane, this, this.#log, attempt), attempt.sent)) attempt.timeOut();
      return;
    }
    const doing = this.#phase.kind === 'locating' ? ' while the model was being loaded' : '';
    this.#fail(new MeshError('deadline-exceeded', `the deadline passed${doing}`));
  }

  onLocated(slot: SlotRef): void {
    this.#countMiss();
    const route = this.#plane.routes.model(this.plan.model);
    this.#run(route, slot);
  }

  onPeerLocated(instance: InstanceId, intent: PeerIntent): void {
    this.#countMiss();
    // A copy that was called and is not there is one that has to be loaded, whatever control has heard of it until now.
    this.#forward(instance, this.#log.tried.has(instance) ? 'load' : intent);
  }

  onNotHere(message: string): void {
    this.onLocateFailed(new MeshError('unavailable', message), false);
  }

  onLocateFailed(error: MeshError, elsewhere: boolean): void {
    this.#countMiss();
    if (!elsewhere) {
      this.#foundNobody(error);
      return;
    }
    const here = this.#plane.instance;
    this.#follow(this.#judge(here, { kind: 'load-failed', error: error.kind, message: error.message }), here, null, null);
  }

  onRuntimeBack(): void {
    if (this.#phase.kind === 'waiting-for-runtime') this.#seek();
  }

  onRuntimeWaitFailed(error: MeshError): void {
    this.#refuse(error);
  }

  onPeerBack(): void {
    if (this.#phase.kind !== 'waiting-for-peer') return;
    this.#log.readmit(this.#phase.link.route.instance);
    this.#phase = { kind: 'new' };
    this.#seek();
  }

  onPeerStaysAway(): void {
    if (this.#phase.kind !== 'waiting-for-peer') return;
    const { error } = this.#phase;
    this.#phase = { kind: 'new' };
    this.#endWithNobody(error);
  }

  onAttemptTook(): void {
    const taken = this.#untaken;
    this.#untaken = 0;
    if (taken > 0) this.#caller.onRequestTaken(taken);
  }

  onAttemptHeaders(headers: HeaderBlock): void {
    this.answered = true;
    this.body.forget();
    this.#caller.onResponseHeaders(headers);
  }

  onAttemptData(bytes: Uint8Array): boolean {
    if (!this.body.ended || this.#answer.push(bytes)) this.#provenStream();
    return this.#caller.onResponseData(bytes);
  }

  onAttemptDone(trailers: HeaderBlock): void {
    this.#end(GRPC_CODE.OK);
    this.#log.answered(this, this.#plane);
    this.#caller.onResponseEnd(trailers);
  }

  onAttemptRefused(error: MeshError): void {
    this.#phase = { kind: 'new' };
    // Whether one of ours was executed is not known.
    if (error.kind === 'internal') this.#fail(error);
    else this.#refuse(error);
  }

  onAttemptFailed(evidence: Evidence, refusal: RuntimeRefusal | null): void {
    const attempt = this.#phase.kind === 'running' ? this.#phase.attempt : undefined;
    const instance = attempt?.instance ?? this.#plane.instance;
    this.#phase = { kind: 'new' };
    const next = this.#judge(instance, evidence, attempt);
    this.#follow(next, instance, attempt?.slot ?? null, refusal ?? null);
  }

  /** Until the deadline; `null`: none. */
  get remainingMs(): DurationMs | null {
    return this.#deadline.remainingMs;
  }

  get forwardedMs(): DurationMs | null {
    return this.plan.deadlineIsDefault ? null : this.remainingMs;
  }

  #provenStream(): void {
    if (this.plan.deadlineIsDefault) this.#deadline.drop();
  }

  /** Does what was decided about an attempt that ended at `instance`. */
  #follow(next: NextAttempt, instance: InstanceId, slot: SlotRef | null, refusal: RuntimeRefusal | null): void {
    switch (next.kind) {
      case 'retry-same':
        this.#again(next.charged);
        this.#seek();
        return;
      case 'retry-other':
        this.#again(next.charged);
        this.#refusal = refusal;
        // A node that is alone has nobody else; its runtime may have changed its mind.
        if (this.#plane.peers?.any === true) this.#log.exclude(instance);
        this.#seek();
        return;
      case 'purge-and-reload':
        this.#again(next.charged);
        if (slot === null) {
          // Its node has forgotten the copy by itself. Another one that is loaded answers sooner than that can be loaded anew.
          this.#log.tryNoMore(instance);
          this.#seek();
          return;
        }
        this.#purge(slot);
        this.#locate();
        return;
      case 'wait-for-runtime':
        this.#again(next.charged);
        // Another copy answers now, and the runtime here in seconds.
        if (turnsElsewhere(this.#plane, this.plan.model, this.#log)) this.#seek();
        else this.#waitForRuntime();
        return;
      case 'pass-through':
        if (next.purge) this.#purge(slot);
        this.#passThrough(refusal);
        return;
      case 'fail':
        this.#giveUp(next);
        return;
      default:
        assertNever(next);
    }
  }

  /** What follows what just ended at `instance`. */
  #judge(instance: InstanceId, evidence: Evidence, attempt?: Attempt): NextAttempt {
    const current = { instance, local: instance === this.#plane.instance };
    noteAbsence(this.#plane, this.plan.model, this.#log, { instance, evidence, attempt });
    const next = nextAttempt(
      { call: this.#facts(isElsewhere(this.#plane, this.#log, instance)), ended: this.#log.ended, current },
      evidence,
    );
    this.#log.end(current, evidence, attempt instanceof PeerAttempt ? attempt.told : []);
    return next;
  }

  #facts(elsewhere: boolean): CallFacts {
    return repeatFacts(this.#plane, this, elsewhere);
  }

  /**
   * Control has tried what there was to try. What it says is final, unless the call came further before: then its caller reads how that ended
   * instead of why nobody else takes it.
   */
  #foundNobody(error: MeshError): void {
    const mayWait = error.kind !== 'model-not-found' && mayAwaitHolder({ call: this.#facts(false), ended: this.#log.ended });
    const link = mayWait ? awaitHolder(this.#plane, this.plan.model, this) : undefined;
    if (link === undefined) this.#endWithNobody(error);
    else {
      this.#log.awaits(link.route.instance, error.message);
      this.#phase = { kind: 'waiting-for-peer', link, error };
    }
  }

  #endWithNobody(error: MeshError): void {
    const history = { call: this.#facts(false), ended: this.#log.ended };
    const end = error.kind === 'model-not-found' ? null : endWithoutAlternative(history);
    if (end === null) {
      this.#refuse(error);
      return;
    }
    this.#log.foundNobody(error.message);
    if (end.kind === 'fail') this.#giveUp(end);
    else this.#passThrough(this.#refusal);
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
      this.#refuse(new MeshError('model-not-found', 'model not found'));
      return;
    }
    const choice = this.#plane.copies.choose(route, this.#log.tried, this.plan.balanced);
    this.#log.chose(choice);
    switch (choice.kind) {
      case 'local':
        this.#run(route, route.local);
        return;
      case 'peer':
        this.#forward(choice.instance, 'copy');
        return;
      case 'none':
        this.#locate();
        return;
      default:
        assertNever(choice);
    }
  }

  #locate(): void {
    const { clock, locator } = this.#plane;
    this.#phase = { kind: 'locating', sinceMs: clock.monotonicMs() };
    const { excluded, refused } = this.#log;
    const options = excluded.size === 0 ? LOCATE_ANYWHERE : { ...LOCATE_ANYWHERE, exclude: [...excluded], refused };
    try {
      locator.wait(this.plan.model, clock.wallMs(), this, options);
    } catch (error) {
      this.#phase = { kind: 'new' };
      this.#refuse(toMeshError(error));
    }
  }

  #waitForRuntime(): void {
    this.#phase = { kind: 'waiting-for-runtime' };
    try {
      this.#plane.runtime.wait(this);
    } catch (error) {
      this.#phase = { kind: 'new' };
      this.#refuse(toMeshError(error));
    }
  }

  #run(route: ModelRoute | undefined, slot: SlotRef | null): void {
    if (route === undefined || slot === null) {
      this.#refuse(new MeshError('model-not-found', 'model not found'));
      return;
    }
    if (!this.#plane.counters.enter(this.#plane.worker, slot, this.#plane.clock.wallMs())) {
      // The copy began to drain after control named it: control knows by now where to go instead.
      const next = this.#judge(this.#plane.instance, { kind: 'not-here' });
      if (next.kind === 'fail') this.#giveUp(next);
      else this.#locate();
      return;
    }
    this.#attempt(new RuntimeAttempt(this.#plane, this, slot));
  }

  /** Sends the call to another node. */
  #forward(instance: InstanceId, intent: PeerIntent): void {
    const link = this.#plane.peers?.to(instance);
    if (link?.mayCall === true) {
      this.#attempt(new PeerAttempt(this.#plane, this, instance, link, intent));
      return;
    }
    this.#phase = { kind: 'new' };
    this.#follow(this.#judge(instance, { kind: 'connect-refused' }), instance, null, null);
  }

  #attempt(attempt: Attempt): void {
    this.#phase = { kind: 'running', attempt };
    this.#instance = attempt.instance;
    const { remainingMs } = this;
    if (remainingMs !== null) {
      const shareMs = attemptTimeoutMs(factsBesides(this.#plane, this, this.#log, attempt), attempt.sent) ?? remainingMs;
      if (shareMs < remainingMs) this.#deadline.wakeAt(monotonicMs(this.#plane.clock.monotonicMs() + shareMs));
    }
    attempt.start();
  }

  #countMiss(): void {
    if (this.#phase.kind !== 'locating') return;
    const waitedMs = this.#plane.clock.monotonicMs() - this.#phase.sinceMs;
    if (waitedMs > SILENT_WAIT_MS) this.#plane.metrics.cacheMiss(durationMs(waitedMs), this.plan.model);
    this.#phase = { kind: 'new' };
  }

  /** The runtime's own words. Headers that were held go first: only a repetition would have made them untrue. */
  #passThrough(refusal: RuntimeRefusal | null): void {
    if (this.#anotherAnswers()) return;
    if (refusal === null) {
      this.#fail(new MeshError('internal', 'the call ended with nothing to pass on'));
      return;
    }
    const code = refusal.trailers.get('grpc-status') ?? '';
    this.#end(parseGrpcStatus(code));
    this.#log.record(this, this.#plane, `the runtime answered with code ${code}`);
    if (refusal.headers !== null && !this.answered) this.#caller.onResponseHeaders(refusal.headers);
    this.#caller.onResponseEnd(refusal.trailers);
  }

  /** No attempt is left. */
  #giveUp({ error, message }: Extract<NextAttempt, { readonly kind: 'fail' }>): void {
    if (this.#anotherAnswers()) return;
    this.#fail(new MeshError(error === 'unavailable' ? this.#plane.exhaustedKind : error, message));
  }

  /** The variant cannot even be asked. */
  #refuse(error: MeshError): void {
    if (!this.#anotherAnswers({ kind: 'refused', error: error.kind })) this.#fail(error);
  }

  /** Has another variant answer, where the policy has one. `end`: how this one ended; as its last attempt unless said otherwise. */
  #anotherAnswers(end?: VariantEnd): boolean {
    const turns = this.#turns;
    const evidence = this.#log.ended.at(-1)?.evidence;
    const how = end ?? (evidence === undefined ? undefined : { kind: 'attempt', evidence });
    if (turns === undefined || how === undefined || this.over) return false;
    const facts = this.#facts(false);
    const framed = this.plan.forModel?.framedFor;
    const plan = turns.another(framed === undefined ? facts : { ...facts, replayable: true }, how);
    if (plan === undefined) return false;
    leavePhase(this.#phase, this.#plane, this);
    this.#phase = { kind: 'new' };
    this.#refusal = null;
    this.#log.turnTo(plan);
    this.body = turns.bodyFor(plan, this.body);
    this.plan = plan;
    this.#begin();
    return true;
  }

  /** The turn of the variant that is to answer, or of the model. */
  #begin(): void {
    try {
      this.#turns?.begin();
    } catch (error) {
      this.#refuse(toMeshError(error));
      return;
    }
    this.#deadline.due(this.#turns?.dueMs(this.remainingMs) ?? null);
    this.#deadline.watch();
    this.#plane.retryBudgets.earn(this.plan.model);
    this.#seek();
  }

  #fail(error: MeshError): void {
    if (this.over) return;
    this.#end(errorMapping(error.kind).grpc);
    this.#log.record(this, this.#plane, `${error.kind}: ${error.message}`);
    this.#caller.onFailed(error);
  }

  #end(code: number): void {
    const wasOver = this.over;
    leavePhase(this.#phase, this.#plane, this);
    this.#phase = { kind: 'over' };
    if (!wasOver) this.#turns?.end(code);
    this.#deadline.stop();
    this.body.release();
  }
}
