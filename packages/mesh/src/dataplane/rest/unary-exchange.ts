import { toMeshError } from '@modelmesh/core';
import { frameMessage } from '@modelmesh/grpc/framing';
import { decodeInferResponse, encodeInferRequest, type RestBody } from '@modelmesh/wire/oip';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { respondTensors } from './answers.ts';
import type { NamedModel } from './asked-name.ts';
import type { Dialect, Question } from './dialect.ts';
import type { HttpExchange } from './exchange/index.ts';
import type { Failure } from './failure.ts';
import { type ExchangeParts, ModelExchange } from './model-exchange.ts';
import { METHOD } from './rest-method.ts';
import { tooManyAnswers, UnaryCall, type UnaryOutcome } from './unary-call.ts';

/** One inference with one answer: V2 infer, V1 predict or generate, as its dialect says. */
export class UnaryExchange<Memo> extends ModelExchange implements UnaryOutcome {
  readonly #dialect: Dialect<Memo>;
  #read: { readonly memo: Memo; readonly id: string } | undefined;
  /** Bytes of the answer that are booked until the client has taken them. */
  #unsentBytes = 0;

  constructor(parts: ExchangeParts, exchange: HttpExchange, asked: NamedModel, dialect: Dialect<Memo>) {
    const { binary, metadata } = dialect;
    super(parts, exchange, asked, { method: METHOD.infer, binary, metadata, defaultDeadline: true });
    this.#dialect = dialect;
  }

  protected ready(body: Uint8Array, question: Question): void {
    this.deps.onWork?.(body.byteLength);
    const { request, memo } = this.#dialect.decode(body, question);
    this.#read = { memo, id: request.id };
    const { plane, bodies } = this.deps;
    const call = new UnaryCall(this, { messageBytesMax: plane.limits.messageBytesMax, budget: bodies });
    const framed = (modelName: string) => frameMessage(encodeInferRequest({ ...request, modelName }));
    const plan = this.plan(framed);
    this.calling(call);
    call.start(plane, plan, frameMessage(encodeInferRequest(request)));
  }

  onAnswer(message: Uint8Array): void {
    if (this.over || this.#read === undefined) return;
    const { memo, id } = this.#read;
    let body: RestBody;
    this.deps.onWork?.(message.byteLength);
    try {
      const names = { modelName: this.asked.name, modelVersion: this.modelVersion, id };
      body = this.#dialect.encode(decodeInferResponse(message), memo, names);
      if (!this.deps.bodies.take(body.byteLength)) throw tooManyAnswers();
    } catch (error) {
      this.fail(toMeshError(error));
      return;
    }
    this.#unsentBytes = body.byteLength;
    this.finish(GRPC_CODE.OK, body.byteLength);
    respondTensors(this.exchange, body, this.answerFields);
  }

  override onOver(): void {
    super.onOver();
    this.deps.bodies.give(this.#unsentBytes);
    this.#unsentBytes = 0;
  }

  onFailure(failure: Failure): void {
    const http = this.#dialect.httpOf?.(failure.grpc) ?? failure.http;
    this.failWith({ ...failure, http });
  }
}
