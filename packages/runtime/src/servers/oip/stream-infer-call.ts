import { MeshError, toMeshError } from '@modelmesh/core';
import type { CallHandler, InferenceCall } from '../port.ts';
import type { InferSink, InferTicket, OipEngine } from './engine.ts';
import { findModelName } from './model-name.ts';
import { requestedModel } from './requested-model.ts';

/** Requests of one stream that may wait for the one before them. */
export const STREAM_REQUESTS_QUEUED_MAX = 64;

const ERROR_MESSAGE_TAG = (1 << 3) | 2;
const INFER_RESPONSE_TAG = (2 << 3) | 2;

/**
 * One ModelStreamInfer call. Requests are answered in their order, one after the other; a request that fails is told in-band, as Triton does,
 * and the stream goes on. One for a model that is not loaded ends it with NOT_FOUND.
 */
export class StreamInferCall implements CallHandler, InferSink {
  readonly #engine: OipEngine;
  readonly #call: InferenceCall;
  readonly #queued: Uint8Array[] = [];
  #ticket: InferTicket | undefined;
  #isRunning = false;
  #isEnded = false;
  #isOver = false;

  constructor(engine: OipEngine, call: InferenceCall) {
    this.#engine = engine;
    this.#call = call;
  }

  onMessage(message: readonly Uint8Array[]): void {
    if (this.#isOver) return;
    if (this.#queued.length >= STREAM_REQUESTS_QUEUED_MAX) {
      this.#isOver = true;
      this.#ticket?.cancel();
      this.#call.fail(new MeshError('overloaded', `more than ${STREAM_REQUESTS_QUEUED_MAX} requests of one stream wait`));
      return;
    }
    this.#queued.push(Buffer.concat(message));
    this.#next();
  }

  onEnd(): void {
    this.#isEnded = true;
    this.#next();
  }

  onCancel(): void {
    this.#isOver = true;
    this.#queued.length = 0;
    this.#ticket?.cancel();
  }

  answered(response: Uint8Array): void {
    if (this.#isOver) return;
    this.#call.send([prefix(INFER_RESPONSE_TAG, response.length), response]);
    if (this.#engine.inferStream === undefined) this.done();
  }

  failed(error: MeshError): void {
    if (this.#isOver) return;
    // The status of the call is what a mesh learns by that its copy is gone; every other failure concerns one request.
    if (error.kind === 'model-not-found') {
      this.onCancel();
      this.#call.fail(error);
      return;
    }
    const text = Buffer.from(error.message, 'utf8');
    this.#call.send([prefix(ERROR_MESSAGE_TAG, text.length), text]);
    this.done();
  }

  /** The request under way has had its last answer. */
  done(): void {
    this.#isRunning = false;
    this.#ticket = undefined;
    this.#next();
  }

  #next(): void {
    if (this.#isRunning || this.#isOver) return;
    const request = this.#queued.shift();
    if (request === undefined) {
      if (!this.#isEnded) return;
      this.#isOver = true;
      this.#call.finish();
      return;
    }
    this.#isRunning = true;
    try {
      const modelId = requestedModel(findModelName(request), this.#call);
      const ticket =
        this.#engine.inferStream?.(modelId, [request], this) ?? this.#engine.infer(modelId, [request], request.length, this);
      if (this.#isRunning) this.#ticket = ticket;
    } catch (error) {
      this.failed(toMeshError(error));
    }
  }
}

/** Tag and length of a length-delimited field. */
function prefix(tag: number, length: number): Uint8Array {
  const bytes = [tag];
  let rest = length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
