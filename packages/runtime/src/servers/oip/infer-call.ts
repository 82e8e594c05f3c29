import { MeshError, toMeshError } from '@modelmesh/core';
import type { CallHandler, InferenceCall } from '../port.ts';
import type { InferSink, InferTicket, OipEngine } from './engine.ts';
import { findModelName, leadingModelName } from './model-name.ts';
import { requestedModel } from './requested-model.ts';

/** One ModelInfer call: the request goes to the engine as it is, the answer comes back as it is. */
export class InferCall implements CallHandler, InferSink {
  readonly #engine: OipEngine;
  readonly #call: InferenceCall;
  #ticket: InferTicket | undefined;
  #hasRequest = false;

  constructor(engine: OipEngine, call: InferenceCall) {
    this.#engine = engine;
    this.#call = call;
  }

  onMessage(message: readonly Uint8Array[], byteCount: number): void {
    if (this.#hasRequest) return;
    this.#hasRequest = true;
    try {
      const name = leadingModelName(message) ?? findModelName(Buffer.concat(message));
      this.#ticket = this.#engine.infer(requestedModel(name, this.#call), message, byteCount, this);
    } catch (error) {
      this.#call.fail(toMeshError(error));
    }
  }

  onEnd(): void {
    if (!this.#hasRequest) this.#call.fail(new MeshError('invalid-argument', 'ModelInfer takes one request message, none came'));
  }

  onCancel(): void {
    this.#ticket?.cancel();
  }

  answered(response: Uint8Array): void {
    this.#call.send([response]);
    this.#call.finish();
  }

  failed(error: MeshError): void {
    this.#call.fail(error);
  }
}
