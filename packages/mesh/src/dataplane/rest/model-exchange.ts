import {
  durationMs,
  type InstanceId,
  MeshError,
  type ModelKey,
  type MonotonicMs,
  monotonicMs,
  toMeshError,
} from '@modelmesh/core';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import { forbidsRetry, HEADER, isBalanced, readRestTimeout, wantsOrigin } from '@modelmesh/wire/headers';
import { HEADER_LENGTH_HEADER, JSON_LIMITS, type ModelMetadata } from '@modelmesh/wire/oip';
import { errorMapping, GRPC_CODE, type GrpcCode } from '@modelmesh/wire/status';
import type { SlotRef } from '../../link/index.ts';
import { answerFields, type CallPlan, type CopyWaiter, callLog, type ForModel, type NameWaiter } from '../call/index.ts';
import type { ChosenTarget, FoundPayloads, NamedTarget, VariantChoice, WantedVariant } from '../picking/index.ts';
import { respondError, respondFailure } from './answers.ts';
import { type NamedModel, targetOf, targetOrAsk, wantedVariant } from './asked-name.ts';
import type { BodyDrain, BodyReader } from './body-drain.ts';
import type { BodyGate, BodyGateWaiter } from './body-gate.ts';
import { BodyPace } from './body-pace.ts';
import type { MetadataNeed, Question } from './dialect.ts';
import { announcedLength, type ExchangeListener, type HttpExchange } from './exchange/index.ts';
import { doing, type ExchangePhase, type RunningCall } from './exchange-phase.ts';
import { type Failure, failureOf } from './failure.ts';
import type { MetadataBook, MetadataWaiter } from './model-metadata.ts';
import { type ContentCoding, checkContentType, contentCoding, inflateBody } from './representation.ts';
import type { RestDeps } from './rest-deps.ts';
import type { RestMethod } from './rest-method.ts';
import { restRuntimeHeaders } from './runtime-metadata.ts';

/** Bodies up to this size are read while their model is still being loaded; larger ones stay with the client until they can go on. */
const READ_AHEAD_BYTES_MAX = 65_536;
/** Waits shorter than this are no cache miss (spec `modelmesh.md` §2.5). */
const SILENT_WAIT_MS = 10;

/** Codes by which nobody says that he has the model: UNAVAILABLE, INTERNAL for one that does not load, NOT_FOUND. */
const UNAVAILABLE_CODES: ReadonlySet<GrpcCode> = new Set([GRPC_CODE.UNAVAILABLE, GRPC_CODE.INTERNAL, GRPC_CODE.NOT_FOUND]);
/** Of a call that ended before it was known which model it is for. */
const NOBODY_NAMED = { model: null, endpoint: null };
const NOBODY: ReadonlySet<InstanceId> = new Set();

/** What one route asks of the exchange. */
export interface ExchangeNeeds {
  readonly method: RestMethod;
  readonly binary: boolean;
  readonly metadata: MetadataNeed;
  /** Whether a call without a time limit of its own gets the default one. */
  readonly defaultDeadline: boolean;
}

/** Parts that all exchanges of a worker share. */
export interface ExchangeParts {
  readonly deps: RestDeps;
  readonly metadata: MetadataBook;
  readonly gate: BodyGate;
  readonly drain: BodyDrain;
}

/**
 * One POST of a client for a model, up to the call: finds the model, waits for it if the body is too large to be held meanwhile, reads and
 * inflates the body, gets the model's metadata where the protocol needs it. What is called and how it is answered is its heirs' business.
 */
export abstract class ModelExchange
  implements ExchangeListener, CopyWaiter, NameWaiter, BodyGateWaiter, BodyReader, MetadataWaiter, Expirable
{
  protected readonly exchange: HttpExchange;
  protected readonly deps: RestDeps;
  protected readonly asked: NamedModel;
  readonly #metadata: MetadataBook;
  readonly #gate: BodyGate;
  readonly #drain: BodyDrain;
  readonly #needs: ExchangeNeeds;
  readonly #startedMs: MonotonicMs;
  #phase: ExchangePhase = { kind: 'new' };
  #coding: ContentCoding = 'identity';
  #target: ChosenTarget | undefined;
  /** Its policy reads the body, which is not there yet. */
  #named: NamedTarget | undefined;
  /** Places of the variants that were left for others. */
  readonly #tried: number[] = [];
  /** Of the call's unit, as the policy sorts it. */
  #unitSlot = -1;
  #call: RunningCall | undefined;
  #deadline: MonotonicMs | null = null;
  #timer: WheelTimer | undefined;
  #requestBytes = 0;
  /** What is booked at the gate until the exchange is over. */
  #gateBytes = 0;
  #pace: BodyPace | undefined;
  /** `content-length`; -1: unknown. */
  #announced = -1;

  constructor({ deps, metadata, gate, drain }: ExchangeParts, exchange: HttpExchange, asked: NamedModel, needs: ExchangeNeeds) {
    this.deps = deps;
    this.exchange = exchange;
    this.asked = asked;
    this.#metadata = metadata;
    this.#gate = gate;
    this.#drain = drain;
    this.#needs = needs;
    this.#startedMs = deps.plane.clock.monotonicMs();
  }

  /** Sets off. */
  begin(): void {
    this.exchange.listener = this;
    try {
      this.#readHead();
      if (this.#resolveOrAsk()) this.#locateOrRead();
    } catch (error) {
      this.fail(toMeshError(error));
    }
  }

  /** The request is complete: read it and start the call with {@link calling}. What it throws is the answer. */
  protected abstract ready(body: Uint8Array, question: Question): void;

  /** The version that the answer names, where the registry knows one. */
  protected get modelVersion(): string | undefined {
    const model = this.#call?.origin?.plan.model ?? this.#target?.model;
    return model === undefined ? undefined : (this.deps.plane.routes.model(model)?.version ?? undefined);
  }

  protected get over(): boolean {
    return this.#phase.kind === 'over';
  }

  /** The call is set up: from now on its own deadline counts. To be called before it starts. */
  protected calling(call: RunningCall): void {
    this.#cancelTimer();
    this.#call = call;
    this.#phase = { kind: 'calling', call };
  }

  /** What the mesh adds to the head of the answer, as a flat list name, value. */
  protected get answerFields(): readonly string[] {
    return answerFields(this.deps.plane, this.#call?.origin, wantsOrigin(this.exchange.headers));
  }

  /** How the call is to be made. @param framed makes the message for another model than the one that it was first read for */
  protected plan(framed: (model: ModelKey) => readonly Uint8Array[]): CallPlan {
    const { headers } = this.exchange;
    const target = this.#target;
    if (target === undefined) throw new MeshError('internal', 'the call has no target');
    const { method } = this.#needs;
    return {
      method,
      model: target.model,
      endpoint: target.endpoint,
      choice: target.choice,
      unitSlot: this.#unitSlot,
      forModel: this.#forModel(target, framed),
      answerFields: target.answerFields,
      mirrors: target.mirrors,
      headers: restRuntimeHeaders(method, headers, target.model),
      encoding: 'identity',
      deadline: this.#deadline,
      deadlineIsDefault: false,
      callRetry: forbidsRetry(headers) ? 'never' : 'safe',
      balanced: isBalanced(headers),
      origin: { requestId: headers.get(HEADER.requestId) ?? null },
      log: callLog(this.deps.plane, headers),
    };
  }

  /** Only a fallback keeps the request for as long as the call lasts. */
  #forModel({ choice }: ChosenTarget, framed: (model: ModelKey) => readonly Uint8Array[]): ForModel | undefined {
    if (choice === undefined) return undefined;
    const headersFor = (model: ModelKey) => restRuntimeHeaders(this.#needs.method, this.exchange.headers, model);
    return { headersFor, framedFor: framed };
  }

  /** Ends the exchange with an error of the mesh. */
  protected fail(error: MeshError): void {
    if (this.over) return;
    this.finish(errorMapping(error.kind).grpc, 0);
    respondError(this.exchange, error, this.answerFields);
  }

  /** Ends the exchange with what a call ended with. */
  protected failWith(failure: Failure): void {
    if (this.over) return;
    this.finish(failure.grpc, 0);
    respondFailure(this.exchange, failure, this.answerFields);
  }

  /** Lets go of everything and counts the call; the answer is the caller's business. */
  protected finish(code: GrpcCode, responseBytes: number): void {
    const phase = this.#phase;
    this.#phase = { kind: 'over' };
    this.#cancelTimer();
    this.#pace?.stop();
    if (phase.kind === 'reading') this.#drain.ended(this);
    if (phase.kind === 'calling') phase.call.cancel();
    const { plane } = this.deps;
    const { model, endpoint } = this.#call?.origin?.plan ?? this.#target ?? NOBODY_NAMED;
    if (model !== null && phase.kind === 'locating') plane.locator.leave(model, this);
    if (model !== null && phase.kind === 'describing') this.#metadata.leave(model, this);
    if (phase.kind === 'asking') plane.names.leave(this);
    if (phase.kind === 'queued') this.#gate.giveUp(this);
    plane.metrics.call({
      method: this.#needs.method,
      code,
      durationMs: durationMs(plane.clock.monotonicMs() - this.#startedMs),
      requestBytes: this.#requestBytes,
      responseBytes,
      model,
      endpoint: endpoint?.id ?? null,
      headers: this.exchange.headers,
    });
  }

  onBody(body: Uint8Array): void {
    if (this.over) return;
    this.#pace?.stop();
    this.#drain.ended(this);
    this.#requestBytes = body.length;
    if (this.#coding === 'identity') {
      this.#bodyComplete(body);
      return;
    }
    this.#phase = { kind: 'inflating' };
    try {
      const bounds = { bodyBytesMax: this.deps.limits.bodyBytesMax, ratioMax: this.deps.plane.limits.inflateRatioMax };
      const inflated = inflateBody(this.#coding, body, bounds);
      if (inflated instanceof Uint8Array) this.#bodyComplete(inflated);
      else
        inflated.then(
          (whole) => this.#bodyComplete(whole),
          (error: unknown) => this.fail(toMeshError(error)),
        );
    } catch (error) {
      this.fail(toMeshError(error));
    }
  }

  onBodyRefused(error: MeshError): void {
    this.fail(error);
  }

  onBodyLate(error: MeshError): void {
    this.fail(error);
  }

  onWritable(): void {}

  onAborted(): void {
    if (!this.over) this.finish(GRPC_CODE.CANCELLED, 0);
  }

  onOver(): void {
    const booked = this.#gateBytes;
    this.#gateBytes = 0;
    if (booked > 0) this.#gate.leave(booked);
  }

  onBodyRoom(): void {
    this.#gateBytes = this.#announced;
    this.#pace = new BodyPace(
      this.deps.plane,
      () => this.exchange.bodyBytes,
      () => this.fail(new MeshError('deadline-exceeded', 'the body arrives too slowly; others wait for the room that it takes')),
    );
    this.#pace.start();
    this.#read();
  }

  onNamesKnown(): void {
    if (this.#phase.kind !== 'asking') return;
    this.#phase = { kind: 'new' };
    try {
      this.#pick(targetOf(this.deps.plane, this.exchange, this.asked));
      this.#locateOrRead();
    } catch (error) {
      this.fail(toMeshError(error));
    }
  }

  onLocated(_slot: SlotRef): void {
    this.#countMiss();
    this.#queueOrRead();
  }

  /** The call asks again when it has its body: where the copy is then is what counts. */
  onPeerLocated(): void {
    this.#countMiss();
    this.#queueOrRead();
  }

  onNotHere(message: string): void {
    this.onLocateFailed(new MeshError('unavailable', message), false);
  }

  onLocateFailed(error: MeshError, elsewhere: boolean): void {
    this.#countMiss();
    // The call that follows tries the others, and the policy's other variants.
    if (elsewhere || this.#target?.choice !== undefined) {
      this.#queueOrRead();
      return;
    }
    this.#phase = { kind: 'new' };
    this.fail(error);
  }

  onMetadata(metadata: ModelMetadata): void {
    if (this.#phase.kind === 'describing') this.#described(this.#phase.body, metadata);
  }

  onMetadataFailed(failure: Failure): void {
    const phase = this.#phase;
    if (phase.kind !== 'describing') return;
    const optional = this.#needs.metadata === 'if-known' && failure.grpc === GRPC_CODE.UNIMPLEMENTED;
    if (optional) this.#described(phase.body, undefined);
    else if (this.#target?.choice !== undefined && this.#turnsToAnother(this.#target.choice, failure))
      this.#bodyComplete(phase.body);
    else this.failWith(failure);
  }

  /** The deadline passed before the call began. */
  expired(): void {
    this.fail(new MeshError('deadline-exceeded', `the deadline passed${doing(this.#phase)}`));
  }

  #readHead(): void {
    const { plane, authorizer, limits } = this.deps;
    const { headers, principal } = this.exchange;
    const { method, binary, defaultDeadline } = this.#needs;
    const verdict = authorizer.authorize(principal, { verb: 'infer', target: method });
    if (verdict.kind === 'deny') throw new MeshError('permission-denied', verdict.reason);
    const timeoutMs = readRestTimeout(headers) ?? (defaultDeadline ? limits.unaryTimeoutMs : undefined);
    if (timeoutMs !== undefined) this.#deadline = monotonicMs(this.#startedMs + timeoutMs);
    checkContentType(headers, { binary }, this.#headerLength);
    this.#coding = contentCoding(headers);
    if (this.#deadline !== null) this.#timer = plane.deadlines.add(this.#deadline, this);
  }

  /** False: whether there is such a model will be known later. @throws {MeshError} if there is none */
  #resolveOrAsk(): boolean {
    const target = targetOrAsk(this.deps.plane, this.exchange, this.asked, this);
    if (target === undefined) this.#phase = { kind: 'asking' };
    else this.#pick(target);
    return target !== undefined;
  }

  #pick(target: NamedTarget): void {
    const { picker } = this.deps.plane;
    const wanted = wantedVariant(this.exchange, this.asked);
    if (!picker.decides(target, wanted)) this.#target = target;
    else if (picker.findersFor([target], wanted, 'json') !== undefined) this.#named = target;
    else this.#choose(target, wanted, undefined);
  }

  #choose(target: NamedTarget, wanted: WantedVariant, found: FoundPayloads | undefined): void {
    this.#target = this.deps.plane.picker.choose(target, wanted, this.exchange, found);
    this.#unitSlot = this.#target.choice?.policy.unitSlot ?? -1;
  }

  /** The model of a variant that says nothing of itself cannot be called: another one answers, where the policy has one. */
  #turnsToAnother({ pick, policy, calls }: VariantChoice, { grpc }: Failure): boolean {
    this.#tried.push(pick.index);
    const cause = grpc === GRPC_CODE.RESOURCE_EXHAUSTED ? 'overloaded' : UNAVAILABLE_CODES.has(grpc) ? 'unavailable' : null;
    const next = cause === null ? undefined : policy.compiled.instead(pick, cause, this.#tried, policy, this.#unitSlot);
    if (next === undefined) return false;
    calls.passedOver(pick, grpc);
    const choice = policy.choiceOf(next);
    this.#named = undefined;
    this.#target = { ...this.#target, model: choice.model, endpoint: choice, choice };
    return true;
  }

  /** Picks with the payload at hand; of a body with tensors behind its JSON, with the JSON. */
  #pickByBody(target: NamedTarget, body: Uint8Array): void {
    const { picker } = this.deps.plane;
    const wanted = wantedVariant(this.exchange, this.asked);
    const found = picker.findersFor([target], wanted, 'json');
    const jsonBytes = Number(this.#headerLength ?? body.length);
    for (const finder of found?.values() ?? []) {
      finder.push(body.subarray(0, jsonBytes));
      finder.end();
    }
    this.#choose(target, wanted, found);
  }

  get #headerLength(): string | undefined {
    return this.#needs.binary ? this.exchange.headers.get(HEADER_LENGTH_HEADER.toLowerCase()) : undefined;
  }

  #locateOrRead(): void {
    const { plane, limits } = this.deps;
    const model = this.#target?.model;
    this.#announced = announcedLength(this.exchange.headers.get('content-length'));
    const isSmall = this.#announced >= 0 && this.#announced <= READ_AHEAD_BYTES_MAX;
    // A body that is refused anyway must not load a model, nor wait.
    if (isSmall || this.#announced > limits.bodyBytesMax) {
      this.#read();
      return;
    }
    if (model === undefined) {
      this.#queueOrRead();
      return;
    }
    const route = plane.routes.model(model);
    // A holder that does not answer now may do so in a moment: the call that follows sees to that.
    const mayBeThere = (route?.remote.length ?? 0) > 0;
    if (
      route === undefined ||
      mayBeThere ||
      plane.copies.choose(route, NOBODY, isBalanced(this.exchange.headers)).kind !== 'none'
    ) {
      this.#queueOrRead();
      return;
    }
    plane.locator.wait(model, plane.clock.wallMs(), this);
    this.#phase = { kind: 'locating', sinceMs: plane.clock.monotonicMs() };
  }

  /** A body of unknown length is booked as it comes. */
  #queueOrRead(): void {
    this.#phase = { kind: 'queued' };
    try {
      if (this.#announced < 0) this.#read();
      else if (this.#gate.enter(this.#announced, this)) this.onBodyRoom();
    } catch (error) {
      this.fail(toMeshError(error));
    }
  }

  #read(): void {
    this.#phase = { kind: 'reading' };
    this.#drain.begins(this);
    this.exchange.readBody({ bytesMax: this.deps.limits.bodyBytesMax, budget: this.deps.bodies });
  }

  #bodyComplete(body: Uint8Array): void {
    if (this.over) return;
    try {
      if (this.#named !== undefined) this.#pickByBody(this.#named, body);
    } catch (error) {
      this.fail(toMeshError(error));
      return;
    }
    const model = this.#target?.model;
    if (model === undefined) return;
    if (this.#needs.metadata === 'none') {
      this.#described(body, undefined);
      return;
    }
    const known = this.#metadata.known(model);
    if (known !== undefined) {
      this.#described(body, known);
      return;
    }
    this.#phase = { kind: 'describing', body };
    try {
      this.#metadata.wait(model, this);
    } catch (error) {
      this.fail(toMeshError(error));
    }
  }

  #described(body: Uint8Array, metadata: ModelMetadata | undefined): void {
    this.#phase = { kind: 'new' };
    const limits = { ...JSON_LIMITS, bytesMax: this.deps.limits.bodyBytesMax };
    try {
      this.ready(body, { modelName: this.#target?.model ?? '', headerLength: this.#headerLength, metadata, limits });
    } catch (error) {
      this.failWith(failureOf(toMeshError(error)));
    }
  }

  #countMiss(): void {
    const phase = this.#phase;
    const model = this.#target?.model;
    if (phase.kind !== 'locating' || model === undefined) return;
    const waitedMs = this.deps.plane.clock.monotonicMs() - phase.sinceMs;
    if (waitedMs > SILENT_WAIT_MS) this.deps.plane.metrics.cacheMiss(durationMs(waitedMs), model);
  }

  #cancelTimer(): void {
    if (this.#timer !== undefined) this.deps.plane.deadlines.cancel(this.#timer);
    this.#timer = undefined;
  }
}
