import { durationMs, MeshError, toMeshError } from '@modelmesh/core';
import { FRAME_PREFIX_BYTES, frameMessage, MessageAssembler } from '@modelmesh/grpc/framing';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import type { Caller, CallPlan, Plane } from '../call/index.ts';
import { type MergedAnswer, mergeAnswers, tooLargeTogether } from './merge-answers.ts';
import { type PartAnswer, PartCall, type PartEnd, type PartOwner, saysNotFound } from './part-call.ts';

/** How far a call has come. */
type Phase =
  | { readonly kind: 'collecting'; readonly assembler: MessageAssembler }
  | { readonly kind: 'asking'; readonly framed: readonly Uint8Array[]; readonly framedBytes: number }
  | { readonly kind: 'answering'; readonly merged: MergedAnswer; sent: number }
  | { readonly kind: 'over' };

/**
 * One message for several models: it is collected whole, goes to each of them, some at a time, and their answers become one (spec `modelmesh.md`
 * §2.4). Request, copies of it under way and answers are held in the worker's memory for requests whose model is not known yet.
 */
export class MultiCall implements PartOwner, Expirable {
  readonly #plane: Plane;
  readonly #caller: Caller;
  readonly #plans: readonly CallPlan[];
  readonly #requireAll: boolean;
  /** By the place of their model. */
  readonly #answers: (PartAnswer | undefined)[] = [];
  readonly #running = new Map<PartCall, number>();
  #phase: Phase;
  #timer: WheelTimer | undefined;
  #message: { readonly bytes: Uint8Array; readonly compressed: boolean } | undefined;
  #next = 0;
  #starting = false;
  #heldBytes = 0;
  #answerBytes = 0;

  /** @param requireAll whether a model that does not exist fails the call; otherwise it is left out. */
  constructor(plane: Plane, caller: Caller, plans: readonly CallPlan[], requireAll: boolean) {
    this.#plane = plane;
    this.#caller = caller;
    this.#plans = plans;
    this.#requireAll = requireAll;
    const { messageBytesMax } = plane.limits;
    const take = (bytes: Uint8Array, compressed: boolean): void => {
      if (this.#message !== undefined) throw oneMessage();
      this.#message = { bytes, compressed };
    };
    this.#phase = { kind: 'collecting', assembler: new MessageAssembler(messageBytesMax, take) };
  }

  /** Of the one message. */
  get requestBytes(): number {
    return this.#message?.bytes.length ?? 0;
  }

  /** Sets off: the deadline counts. */
  start(): void {
    const deadline = this.#plans[0]?.deadline ?? null;
    if (deadline !== null) this.#timer = this.#plane.deadlines.add(deadline, this);
  }

  /** More of the request, framed as gRPC messages. */
  push(bytes: Uint8Array, end: boolean): void {
    const phase = this.#phase;
    if (phase.kind !== 'collecting') {
      this.#caller.onRequestTaken(bytes.length);
      return;
    }
    try {
      if (this.#message !== undefined && bytes.length > 0) throw oneMessage();
      phase.assembler.push(bytes);
      if (this.#message !== undefined && phase.assembler.midMessage) throw oneMessage();
      // What the caller held of it is free before it is booked here.
      this.#caller.onRequestTaken(bytes.length);
      this.#hold(bytes.length);
      if (end) this.#ask();
    } catch (error) {
      this.#fail(toMeshError(error));
    }
  }

  /** The caller can take response data again. */
  resume(): void {
    if (this.#phase.kind === 'answering') this.#send(this.#phase);
  }

  /** The caller went away. Loads that were started for it go on. */
  cancel(): void {
    this.#end();
  }

  /** The deadline passed. */
  expired(): void {
    this.#timer = undefined;
    this.#fail(new MeshError('deadline-exceeded', 'the deadline passed'));
  }

  onPartBytes(byteCount: number): void {
    this.#answerBytes += byteCount;
    const { messageBytesMax } = this.#plane.limits;
    // Prefixes are not known from messages here; the exact look is taken when all are complete.
    if (this.#answerBytes > messageBytesMax + this.#plans.length * FRAME_PREFIX_BYTES) throw tooLargeTogether(messageBytesMax);
    this.#hold(byteCount);
  }

  onPartEnd(part: PartCall, end: PartEnd): void {
    const phase = this.#phase;
    const place = this.#running.get(part);
    this.#running.delete(part);
    if (phase.kind !== 'asking' || place === undefined) return;
    this.#giveBack(phase.framedBytes);
    if (end.kind === 'answered') this.#answers[place] = end.answer;
    else if (this.#requireAll || !saysNotFound(end)) {
      this.#endAs(end);
      return;
    }
    this.#askMore();
  }

  #ask(): void {
    if (this.#phase.kind === 'collecting' && this.#phase.assembler.midMessage)
      throw new MeshError('invalid-argument', 'the request ends in the middle of a message');
    const message = this.#message;
    if (message === undefined) throw new MeshError('invalid-argument', 'the request ends without a message');
    const framedBytes = FRAME_PREFIX_BYTES + message.bytes.length;
    this.#phase = { kind: 'asking', framed: frameMessage([message.bytes], message.compressed), framedBytes };
    this.#askMore();
  }

  /** Never nested: a part may end while it starts. */
  #askMore(): void {
    if (this.#starting) return;
    this.#starting = true;
    try {
      while (this.#phase.kind === 'asking' && this.#startNext(this.#phase)) {
        // One more is under way.
      }
    } finally {
      this.#starting = false;
    }
    if (this.#phase.kind === 'asking' && this.#running.size === 0 && this.#next === this.#plans.length) this.#answer();
  }

  /** Starts the next part; false: there is none, or it has to wait for another one to end. */
  #startNext({ framed, framedBytes }: Extract<Phase, { readonly kind: 'asking' }>): boolean {
    const plan = this.#plans[this.#next];
    if (plan === undefined || this.#running.size >= this.#plane.limits.multiParallelism) return false;
    if (!this.#plane.opening.take(framedBytes)) {
      if (this.#running.size === 0) this.#fail(noRoom());
      return false;
    }
    this.#heldBytes += framedBytes;
    const part = new PartCall(this, this.#plane.limits.messageBytesMax);
    this.#running.set(part, this.#next);
    this.#next += 1;
    // Whoever sends bytes owns them from then on, so that each part needs its own.
    part.start(
      this.#plane,
      plan,
      framed.map((chunk) => Uint8Array.from(chunk)),
    );
    return true;
  }

  #answer(): void {
    const found = this.#answers.filter((answer) => answer !== undefined);
    if (found.length === 0) {
      this.#fail(noneFound());
      return;
    }
    try {
      const merged = mergeAnswers(found, this.#plane.limits.messageBytesMax);
      const phase: Extract<Phase, { kind: 'answering' }> = { kind: 'answering', merged, sent: 0 };
      this.#phase = phase;
      this.#caller.onResponseHeaders(merged.headers);
      this.#send(phase);
    } catch (error) {
      this.#fail(toMeshError(error));
    }
  }

  #send(phase: Extract<Phase, { kind: 'answering' }>): void {
    const { pieces, trailers } = phase.merged;
    for (let piece = pieces[phase.sent]; piece !== undefined; piece = pieces[phase.sent]) {
      phase.sent += 1;
      if (!this.#caller.onResponseData(piece)) return;
      if (this.#phase !== phase) return;
    }
    this.#end();
    this.#caller.onResponseEnd(trailers);
  }

  #endAs(end: Exclude<PartEnd, { readonly kind: 'answered' }>): void {
    if (end.kind === 'failed') {
      this.#fail(end.error);
      return;
    }
    this.#end();
    if (end.headers !== null) this.#caller.onResponseHeaders(end.headers);
    this.#caller.onResponseEnd(end.trailers);
  }

  #fail(error: MeshError): void {
    if (this.#phase.kind === 'over') return;
    this.#end();
    this.#caller.onFailed(error);
  }

  #end(): void {
    this.#phase = { kind: 'over' };
    if (this.#timer !== undefined) this.#plane.deadlines.cancel(this.#timer);
    this.#timer = undefined;
    for (const part of [...this.#running.keys()]) part.cancel();
    this.#running.clear();
    this.#answers.length = 0;
    this.#giveBack(this.#heldBytes);
  }

  #hold(byteCount: number): void {
    if (!this.#plane.opening.take(byteCount)) throw noRoom();
    this.#heldBytes += byteCount;
  }

  #giveBack(byteCount: number): void {
    this.#plane.opening.give(byteCount);
    this.#heldBytes -= byteCount;
  }
}

const RETRY_AFTER_MS = durationMs(1000);

const oneMessage = (): MeshError =>
  new MeshError('unsupported-method', 'a call for several models takes one message: streams are not supported');

/** What a call ends with when none of its models exists; ModelMesh's words. */
export const noneFound = (): MeshError => new MeshError('model-not-found', 'none of the requested models were found');

const noRoom = (): MeshError =>
  new MeshError('overloaded', 'too many calls for several models are held on this node (openingBytesMax); try again later', {
    retryAfterMs: RETRY_AFTER_MS,
  });
