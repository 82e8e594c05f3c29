import { durationMs, MeshError, toMeshError } from '@modelmesh/core';
import { MessageAssembler } from '@modelmesh/grpc/framing';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import { decodeGrpcMessage, GRPC_CODE, parseGrpcStatus } from '@modelmesh/wire/status';
import {
  type AnswerOrigin,
  type ByteBudget,
  type Caller,
  type CallPlan,
  type InferenceCall,
  type Plane,
  startWhole,
} from '../call/index.ts';
import { newCall } from '../mirror/index.ts';
import { type Failure, failureOf, failureOfStatus } from './failure.ts';

/** Hears how a call ended: exactly one of the two, once; neither after the call was cancelled. */
export interface UnaryOutcome {
  /** The one message of the answer, which belongs to the listener. */
  onAnswer(message: Uint8Array): void;
  onFailure(failure: Failure): void;
}

/** Where answers are held while they arrive. */
export interface AnswerLimits {
  readonly messageBytesMax: number;
  readonly budget: ByteBudget;
}

const RETRY_AFTER_MS = durationMs(1000);

/** A call to the runtime that wants one whole message for one whole message. */
export class UnaryCall implements Caller {
  #call: InferenceCall | undefined = undefined;
  readonly #outcome: UnaryOutcome;
  readonly #limits: AnswerLimits;
  readonly #assembler: MessageAssembler;
  #message: Uint8Array | undefined;
  #heldBytes = 0;
  #over = false;

  constructor(outcome: UnaryOutcome, limits: AnswerLimits) {
    this.#outcome = outcome;
    this.#limits = limits;
    this.#assembler = new MessageAssembler(limits.messageBytesMax, (bytes, compressed) => this.#take(bytes, compressed));
  }

  /** Where the answer comes from; `undefined` before the call set off. */
  get origin(): AnswerOrigin | undefined {
    return this.#call;
  }

  /** Sets off with one framed message. The outcome may come before this returns. */
  start(plane: Plane, plan: CallPlan, framed: readonly Uint8Array[]): void {
    const call = newCall(plane, this, plan);
    this.#call = call;
    startWhole(call, framed);
  }

  /** Nobody wants the answer any more. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#giveBack();
    this.#call?.cancel();
  }

  onResponseHeaders(): void {}

  onResponseData(bytes: Uint8Array): boolean {
    if (this.#over) return true;
    try {
      if (!this.#limits.budget.take(bytes.length)) throw tooManyAnswers();
      this.#heldBytes += bytes.length;
      this.#assembler.push(bytes);
    } catch (error) {
      this.#call?.cancel();
      this.onFailed(toMeshError(error));
    }
    return true;
  }

  onResponseEnd(trailers: HeaderBlock): void {
    const code = parseGrpcStatus(trailers.get('grpc-status') ?? '');
    if (code !== GRPC_CODE.OK) {
      this.#end(failureOfStatus(code, decodeGrpcMessage(trailers.get('grpc-message') ?? '')), undefined);
    } else if (this.#message === undefined) {
      this.onFailed(new MeshError('internal', 'the runtime ended the call without an answer'));
    } else this.#end(undefined, this.#message);
  }

  onFailed(error: MeshError): void {
    this.#end(failureOf(error), undefined);
  }

  onRequestTaken(): void {}

  #take(message: Uint8Array, compressed: boolean): void {
    if (compressed) throw new MeshError('internal', 'the runtime compressed its answer, which it was not asked to');
    if (this.#message !== undefined) throw new MeshError('internal', 'the runtime gave several answers to one request');
    this.#message = message;
  }

  #end(failure: Failure | undefined, message: Uint8Array | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#message = undefined;
    if (message !== undefined) this.#outcome.onAnswer(message);
    else if (failure !== undefined) this.#outcome.onFailure(failure);
    this.#giveBack();
  }

  #giveBack(): void {
    this.#limits.budget.give(this.#heldBytes);
    this.#heldBytes = 0;
  }
}

/** The refusal of an answer for which the worker's budget has no room. */
export function tooManyAnswers(): MeshError {
  const sentence = 'the answers that are held on this node have reached their limit; try again later';
  return new MeshError('overloaded', sentence, { retryAfterMs: RETRY_AFTER_MS });
}
