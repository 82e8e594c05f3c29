import {
  type DurationMs,
  durationMs,
  MeshError,
  type ModelKey,
  type MonotonicMs,
  monotonicMs,
  toMeshError,
} from '@modelmesh/core';
import { ACCEPTED_ENCODINGS } from '@modelmesh/grpc/compression';
import {
  type ByteStream,
  type HeaderBlock,
  headerBlock,
  headerRecipe,
  RESET_CODE,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import { HEADER, requiresAll } from '@modelmesh/wire/headers';
import { errorMapping, grpcTrailersOf, parseGrpcStatus } from '@modelmesh/wire/status';
import type { Principal } from '../../authz/index.ts';
import type { MethodRule } from '../../link/index.ts';
import {
  answerFields,
  type Caller,
  type CallPlan,
  callLog,
  type ForModel,
  InferenceCall,
  type NameWaiter,
  type Plane,
} from '../call/index.ts';
import { newCall } from '../mirror/index.ts';
import type { ChosenTarget, FoundPayloads, NamedTarget } from '../picking/index.ts';
import { CallHead } from './call-head.ts';
import { MessageOpener, type OpenedIds, type OpenerSink, PayloadReader, type PayloadSink } from './message-opener.ts';
import { MultiCall } from './multi-call.ts';
import { isUnknownName, namesAsked, type ResolvedTargets, resolveFromHeaders, resolveFromPayload } from './resolve-target.ts';
import { forPlainAnswer, type RuntimeHeaders } from './runtime-headers.ts';

/** A chunk of the request that waits until the target is known. */
interface Held {
  readonly bytes: Uint8Array;
  readonly end: boolean;
}

/** How far a call has come. */
type Phase =
  | { readonly kind: 'new' }
  | { readonly kind: 'opening'; readonly rule: MethodRule; readonly opener: MessageOpener; readonly held: Held[] }
  /** The registry itself is asked for the name. */
  | { readonly kind: 'asking'; readonly again: () => ResolvedTargets; readonly held: Held[] }
  /** The policy of the endpoint reads the payload. */
  | {
      readonly kind: 'reading';
      readonly asked: ResolvedTargets;
      readonly reader: PayloadReader;
      readonly found: FoundPayloads;
      readonly held: Held[];
    }
  | { readonly kind: 'calling'; readonly call: InferenceCall | MultiCall }
  | { readonly kind: 'over' };

const NOTHING = new Uint8Array(0);

/** Asks what a model takes and gives, and calls none. */
const METADATA_METHOD = 'inference.GRPCInferenceService/ModelMetadata';

/** Methods whose request is that of an inference of the Open Inference Protocol. */
const INFERENCE_METHODS: ReadonlySet<string> = new Set([
  'inference.GRPCInferenceService/ModelInfer',
  'inference.GRPCInferenceService/ModelStreamInfer',
]);
const formOf = (method: string): 'inference' | 'message' => (INFERENCE_METHODS.has(method) ? 'inference' : 'message');

/** A trailers-only answer is a header block, which has a status and a content type. */
const TRAILERS_ONLY = headerRecipe({ front: [':status', '200', 'content-type', 'application/grpc'] });
const TYPED_TRAILERS_ONLY = headerRecipe({ front: [':status', '200'] });

/**
 * One gRPC call of a client for a model: reads whom it is for, from the headers or from its first message, and carries bytes between the
 * client's stream and the {@link InferenceCall}.
 */
export class GrpcIngress implements StreamHandler, Caller, OpenerSink, PayloadSink, NameWaiter, ForModel, Expirable {
  readonly #plane: Plane;
  readonly #stream: ByteStream;
  readonly #headers: HeaderBlock;
  readonly #principal: Principal;
  readonly #encrypted: boolean;
  readonly #runtimeHeaders: RuntimeHeaders;
  /** `undefined` only before it was read, and for a call whose head is wrong. */
  #head: CallHead | undefined;
  readonly #startedMs: MonotonicMs;
  #deadline: MonotonicMs | null = null;
  #phase: Phase = { kind: 'new' };
  #call: InferenceCall | MultiCall | undefined;
  #sentHeaders = false;
  #requestEnded = false;
  /** Bytes whose credit was returned while the target was not yet known: held until they move on. */
  #heldBytes = 0;
  /** The deadline while the target is not known; then the call has its own. */
  #opening: WheelTimer | undefined;
  #responseBytes = 0;

  /** @param encrypted whether the call came over TLS */
  constructor(
    plane: Plane,
    stream: ByteStream,
    headers: HeaderBlock,
    principal: Principal,
    encrypted: boolean,
    runtimeHeaders: RuntimeHeaders,
  ) {
    this.#plane = plane;
    this.#encrypted = encrypted;
    this.#stream = stream;
    this.#headers = headers;
    this.#principal = principal;
    this.#runtimeHeaders = runtimeHeaders;
    this.#startedMs = plane.clock.monotonicMs();
  }

  /** Sets off; `end` when the request has no body. Answers by itself if the headers alone are reason to refuse. */
  begin(end: boolean, unaryTimeoutMs: DurationMs): void {
    try {
      this.#readHeaders(unaryTimeoutMs);
    } catch (error) {
      this.onFailed(toMeshError(error));
      return;
    }
    if (end) this.onData(this.#stream, NOTHING, true);
  }

  onHeaders(): void {}

  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (end) this.#requestEnded = true;
    switch (this.#phase.kind) {
      case 'opening':
      case 'asking':
      case 'reading':
        this.#hold(bytes, end);
        return;
      case 'calling':
        this.#phase.call.push(bytes, end);
        return;
      case 'new':
      case 'over':
        stream.consume(bytes.length);
    }
  }

  onTrailers(stream: ByteStream): void {
    this.onData(stream, NOTHING, true);
  }

  onReset(): void {
    const phase = this.#phase;
    if (phase.kind === 'over') return;
    this.#stopReading();
    if (phase.kind === 'calling') phase.call.cancel();
    this.#finish(errorMapping('cancelled').grpc);
  }

  onWritable(): void {
    if (this.#phase.kind === 'calling') this.#phase.call.resume();
  }

  onClosed(): void {}

  onOpened(ids: OpenedIds): void {
    const phase = this.#phase;
    if (phase.kind !== 'opening') return;
    const { routes } = this.#plane;
    const resolve = (): ResolvedTargets => resolveFromPayload(routes, this.#principal.namespace, phase.rule, ids, this.#headers);
    const names = ids.id === null ? (CallHead.of(this.#headers).target?.ids ?? []) : namesAsked([ids.id], ids.version);
    try {
      this.#startOrAsk(resolve, names, phase.held);
    } catch (error) {
      this.onFailed(toMeshError(error));
    }
  }

  onNamesKnown(): void {
    const phase = this.#phase;
    if (phase.kind !== 'asking') return;
    try {
      this.#start(phase.again(), phase.held);
    } catch (error) {
      this.onFailed(toMeshError(error));
    }
  }

  onPayloadRead(): void {
    const phase = this.#phase;
    if (phase.kind !== 'reading') return;
    try {
      this.#go(phase.asked, phase.found, phase.held);
    } catch (error) {
      this.onFailed(toMeshError(error));
    }
  }

  headersFor(model: ModelKey): HeaderBlock {
    return CallHead.of(this.#headers).forRuntime(model, this.#runtimeHeaders);
  }

  /** The deadline passed before the message that names the model was there. */
  expired(): void {
    const asking = this.#phase.kind === 'asking';
    const what = asking ? 'while the registry was asked for the model' : 'before the request named its model';
    this.onFailed(new MeshError('deadline-exceeded', `the deadline passed ${what}`));
  }

  onOpenFailed(error: MeshError): void {
    this.onFailed(error);
  }

  onResponseHeaders(headers: HeaderBlock): void {
    this.#sentHeaders = true;
    const added = this.#answerFields;
    this.#stream.sendHeaders(added.length === 0 ? headers : headers.derive(headerRecipe({ back: added })), false);
  }

  onResponseData(bytes: Uint8Array): boolean {
    this.#responseBytes += bytes.length;
    return this.#stream.sendData(bytes, false);
  }

  onResponseEnd(trailers: HeaderBlock): void {
    this.#finish(parseGrpcStatus(trailers.get('grpc-status') ?? ''));
    this.#sendEnd(trailers);
  }

  onFailed(error: MeshError): void {
    if (this.#phase.kind === 'over') return;
    this.#stopReading();
    this.#finish(errorMapping(error.kind).grpc);
    const trailers = grpcTrailersOf(error);
    if (error.kind === 'unsupported-encoding') trailers.push(HEADER.grpcAcceptEncoding, ACCEPTED_ENCODINGS);
    this.#sendEnd(headerBlock(trailers));
  }

  onRequestTaken(byteCount: number): void {
    const ahead = Math.min(byteCount, this.#heldBytes);
    this.#release(ahead);
    if (byteCount > ahead) this.#stream.consume(byteCount - ahead);
  }

  #readHeaders(unaryTimeoutMs: DurationMs): void {
    const headers = this.#headers;
    const head = CallHead.of(headers);
    this.#head = head;
    const { method } = head;
    this.#deadline = monotonicMs(this.#startedMs + (head.timeoutMs ?? unaryTimeoutMs));
    const { rules, allowOthers } = this.#plane.methodRules;
    const rule = rules.get(method);
    if (rule === undefined && !allowOthers)
      throw new MeshError('unsupported-method', `Method not found or not permitted: ${method}`);
    // A rule without a path allows its method and finds nothing in its messages.
    const byHeaders = rule === undefined || rule.idPath.length === 0;
    const target = byHeaders || rule.headersFirst ? head.target : undefined;
    if (byHeaders || target !== undefined) {
      const { routes } = this.#plane;
      const resolve = (): ResolvedTargets => resolveFromHeaders(routes, this.#principal.namespace, target, headers);
      this.#startOrAsk(resolve, target?.ids ?? [], []);
      return;
    }
    const opener = new MessageOpener(rule, head.encoding, this.#plane.limits, this);
    this.#phase = { kind: 'opening', rule, opener, held: [] };
    this.#opening = this.#plane.deadlines.add(this.#deadline, this);
  }

  /** @throws {MeshError} why there is no target, if the registry itself cannot know more */
  #startOrAsk(resolve: () => ResolvedTargets, names: readonly string[], held: Held[]): void {
    let asked: ResolvedTargets;
    try {
      asked = resolve();
    } catch (error) {
      if (!isUnknownName(toMeshError(error)) || !this.#plane.names.ask(names, this)) throw error;
      this.#phase = { kind: 'asking', again: resolve, held };
      if (this.#deadline !== null) this.#opening ??= this.#plane.deadlines.add(this.#deadline, this);
      return;
    }
    this.#start(asked, held);
  }

  /** Sets off, or first has the payload read for the policies that want to. */
  #start(asked: ResolvedTargets, held: Held[]): void {
    if (asked.kind === 'one' && asked.target.endpoint === null) {
      this.#go(asked, undefined, held);
      return;
    }
    const head = CallHead.of(this.#headers);
    const targets = asked.kind === 'one' ? [asked.target] : asked.targets;
    const found = this.#plane.picker.findersFor(targets, head.wanted, formOf(head.method));
    if (found === undefined || head.method === METADATA_METHOD) {
      this.#go(asked, undefined, held);
      return;
    }
    const reader = new PayloadReader([...found.values()], head.encoding, this.#plane.limits, this);
    this.#phase = { kind: 'reading', asked, reader, found, held };
    if (this.#deadline !== null) this.#opening ??= this.#plane.deadlines.add(this.#deadline, this);
    for (const { bytes, end } of [...held]) reader.push(bytes, end);
  }

  #go(asked: ResolvedTargets, found: FoundPayloads | undefined, held: readonly Held[]): void {
    this.#stopOpening();
    const call = this.#callOf(asked, found);
    this.#call = call;
    this.#phase = { kind: 'calling', call };
    call.start();
    for (const { bytes, end } of held) call.push(bytes, end);
  }

  #callOf(asked: ResolvedTargets, found: FoundPayloads | undefined): InferenceCall | MultiCall {
    const head = CallHead.of(this.#headers);
    if (asked.kind === 'one') return newCall(this.#plane, this, this.#planOf(head, this.#chosen(head, asked.target, found)));
    const plans = asked.targets.map((target) => {
      const plan = this.#planOf(head, this.#chosen(head, target, found));
      return { ...plan, headers: forPlainAnswer(plan.headers) };
    });
    return new MultiCall(this.#plane, this, plans, requiresAll(this.#headers));
  }

  /** The variant for the call; metadata are those of the default one, whoever asks. */
  #chosen(head: CallHead, target: NamedTarget, found: FoundPayloads | undefined): ChosenTarget {
    const { picker } = this.#plane;
    const { method, wanted } = head;
    if (!picker.decides(target, wanted)) return target;
    if (method === METADATA_METHOD) return picker.about(target, wanted);
    const [headers, principal, encrypted] = [this.#headers, this.#principal, this.#encrypted];
    const call = { headers, principal, path: `/${method}`, method: 'POST', query: '', encrypted };
    return picker.choose(target, wanted, call, found);
  }

  #planOf(head: CallHead, target: ChosenTarget): CallPlan {
    const { model, endpoint, choice, answerFields: added, mirrors } = target;
    return {
      method: head.method,
      model,
      endpoint,
      choice,
      unitSlot: choice?.policy.unitSlot,
      forModel: choice === undefined ? undefined : this,
      answerFields: added,
      mirrors,
      headers: head.forRuntime(model, this.#runtimeHeaders),
      encoding: head.encoding,
      deadline: this.#deadline,
      deadlineIsDefault: head.timeoutMs === undefined,
      callRetry: head.callRetry,
      balanced: head.balanced,
      origin: head,
      log: callLog(this.#plane, this.#headers),
    };
  }

  #hold(bytes: Uint8Array, end: boolean): void {
    const phase = this.#phase;
    if (phase.kind !== 'opening' && phase.kind !== 'asking' && phase.kind !== 'reading') return;
    phase.held.push({ bytes, end });
    if (phase.kind === 'opening') phase.opener.push(bytes, end);
    if (phase.kind === 'reading') phase.reader.push(bytes, end);
    if (this.#phase !== phase) return;
    // Not found in what arrived: a message larger than the window is never complete unless credit goes back before it is opened.
    if (!this.#plane.opening.take(bytes.length)) {
      this.onFailed(
        new MeshError('overloaded', 'too many requests whose model is not known yet are held on this node; try again later'),
      );
      return;
    }
    this.#heldBytes += bytes.length;
    // With their credit the bytes themselves are given back.
    phase.held[phase.held.length - 1] = { bytes: Uint8Array.from(bytes), end };
    this.#stream.consume(bytes.length);
  }

  #release(byteCount: number): void {
    this.#plane.opening.give(byteCount);
    this.#heldBytes -= byteCount;
  }

  /** How the call is carried out; `undefined` before it is known, and for a call for several models. */
  get #plan(): CallPlan | undefined {
    return this.#call instanceof InferenceCall ? this.#call.plan : undefined;
  }

  get #answerFields(): readonly string[] {
    const origin = this.#call instanceof InferenceCall ? this.#call : undefined;
    return answerFields(this.#plane, origin, this.#head?.explains ?? false);
  }

  /** Whoever reads the request or the registry for this call need not any more. */
  #stopReading(): void {
    const phase = this.#phase;
    if (phase.kind === 'opening') phase.opener.abandon();
    if (phase.kind === 'reading') phase.reader.abandon();
    if (phase.kind === 'asking') this.#plane.names.leave(this);
  }

  #stopOpening(): void {
    if (this.#opening !== undefined) this.#plane.deadlines.cancel(this.#opening);
    this.#opening = undefined;
  }

  #finish(code: number): void {
    this.#phase = { kind: 'over' };
    this.#stopOpening();
    this.#release(this.#heldBytes);
    const plan = this.#plan;
    this.#plane.metrics.call({
      method: this.#head?.method ?? methodOf(this.#headers),
      code,
      durationMs: durationMs(this.#plane.clock.monotonicMs() - this.#startedMs),
      requestBytes: this.#call?.requestBytes ?? 0,
      responseBytes: this.#responseBytes,
      model: plan?.model ?? null,
      endpoint: plan?.endpoint?.id ?? null,
      headers: this.#headers,
    });
  }

  #sendEnd(trailers: HeaderBlock): void {
    if (this.#sentHeaders) this.#stream.sendTrailers(trailers);
    else {
      const isTyped = trailers.get('content-type') !== undefined;
      const added = this.#answerFields;
      const whole = added.length === 0 ? trailers : trailers.derive(headerRecipe({ back: added }));
      this.#stream.sendHeaders(whole.derive(isTyped ? TYPED_TRAILERS_ONLY : TRAILERS_ONLY), true);
    }
    // The rest of a request that is answered already is of no use to anyone.
    if (!this.#requestEnded) this.#stream.reset(RESET_CODE.noError);
  }
}

const methodOf = (headers: HeaderBlock): string => (headers.get(':path') ?? '/').slice(1);
