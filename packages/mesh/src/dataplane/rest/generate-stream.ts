import { MeshError, toMeshError } from '@modelmesh/core';
import { frameMessage, MessageAssembler } from '@modelmesh/grpc/framing';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import {
  decodeStreamInferResponse,
  EVENT_STREAM_CONTENT_TYPE,
  encodeGenerateResponse,
  encodeInferRequest,
  serverSentError,
  serverSentEvent,
} from '@modelmesh/wire/oip';
import { decodeGrpcMessage, GRPC_CODE, parseGrpcStatus } from '@modelmesh/wire/status';
import { type Caller, type InferenceCall, startWhole } from '../call/index.ts';
import { newCall } from '../mirror/index.ts';
import { headFields } from './answers.ts';
import type { NamedModel } from './asked-name.ts';
import { decodeGenerate, type Question } from './dialect.ts';
import type { HttpExchange } from './exchange/index.ts';
import { type Failure, failureOf, failureOfStatus } from './failure.ts';
import { type ExchangeParts, ModelExchange } from './model-exchange.ts';
import { METHOD } from './rest-method.ts';

/**
 * `POST /v2/models/{m}/generate_stream`: one request through `ModelStreamInfer`, each answer as a server-sent event. The client's pace is the
 * runtime's: while the client takes nothing, no credit goes back. An error before the first event is an HTTP status, later it is an event.
 */
export class GenerateStream extends ModelExchange implements Caller {
  readonly #assembler: MessageAssembler;
  #call: InferenceCall | undefined;
  #id = '';
  #begun = false;
  #writable = true;
  #responseBytes = 0;

  constructor(parts: ExchangeParts, exchange: HttpExchange, asked: NamedModel) {
    super(parts, exchange, asked, {
      method: METHOD.streamInfer,
      binary: false,
      metadata: 'if-known',
      defaultDeadline: false,
    });
    const { messageBytesMax } = parts.deps.plane.limits;
    this.#assembler = new MessageAssembler(messageBytesMax, (bytes, compressed) => this.#event(bytes, compressed));
  }

  protected ready(body: Uint8Array, question: Question): void {
    this.deps.onWork?.(body.byteLength);
    const request = decodeGenerate(body, question);
    this.#id = request.id;
    const framed = (modelName: string) => frameMessage(encodeInferRequest({ ...request, modelName }));
    const call = newCall(this.deps.plane, this, this.plan(framed));
    this.#call = call;
    this.calling({ cancel: () => call.cancel(), origin: call });
    startWhole(call, frameMessage(encodeInferRequest(request)));
  }

  onResponseHeaders(): void {}

  onResponseData(bytes: Uint8Array): boolean {
    if (this.over) return true;
    try {
      this.#assembler.push(bytes);
    } catch (error) {
      this.#end(failureOf(toMeshError(error)));
    }
    return this.#writable;
  }

  onResponseEnd(trailers: HeaderBlock): void {
    if (this.over) return;
    const code = parseGrpcStatus(trailers.get('grpc-status') ?? '');
    if (code !== GRPC_CODE.OK) {
      this.#end(failureOfStatus(code, decodeGrpcMessage(trailers.get('grpc-message') ?? '')));
      return;
    }
    // A stream without a single answer is an empty stream of events.
    this.#begin();
    this.finish(GRPC_CODE.OK, this.#responseBytes);
    this.exchange.end();
  }

  onFailed(error: MeshError): void {
    this.#end(failureOf(error));
  }

  onRequestTaken(): void {}

  override onWritable(): void {
    if (this.#writable) return;
    this.#writable = true;
    this.#call?.resume();
  }

  override onAborted(): void {
    if (!this.over) this.finish(GRPC_CODE.CANCELLED, this.#responseBytes);
  }

  /** One message of the runtime. Further ones of the same chunk come after the end of the exchange. */
  #event(bytes: Uint8Array, compressed: boolean): void {
    if (this.over) return;
    if (compressed) throw new MeshError('internal', 'the runtime compressed its answer, which it was not asked to');
    const message = decodeStreamInferResponse(bytes);
    if (message.kind === 'error') {
      this.#end(failureOfStatus(GRPC_CODE.INTERNAL, message.message));
      return;
    }
    const names = { modelName: this.asked.name, modelVersion: this.modelVersion, id: this.#id };
    const event = serverSentEvent(encodeGenerateResponse(message.response, names));
    this.#begin();
    this.#write(event);
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const fields = [...headFields(this.exchange, EVENT_STREAM_CONTENT_TYPE), ...this.answerFields];
    this.exchange.startStream(200, [...fields, 'cache-control', 'no-store', 'x-accel-buffering', 'no']);
  }

  /** One event goes out as one piece: the constant parts around it are not ours to give away. */
  #write(event: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(event);
    this.#responseBytes += bytes.length;
    if (!this.exchange.write(bytes)) this.#writable = false;
  }

  #end(failure: Failure): void {
    if (this.over) return;
    if (!this.#begun) {
      this.failWith(failure);
      return;
    }
    this.#write(serverSentError(failure.message));
    this.finish(failure.grpc, this.#responseBytes);
    this.exchange.end();
  }
}
