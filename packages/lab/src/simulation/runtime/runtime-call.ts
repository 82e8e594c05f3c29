import { type ByteStream, type HeaderBlock, headerBlock, type StreamHandler } from '@modelmesh/grpc/stream';
import { HEADER } from '@modelmesh/wire/headers';
import type { Actor, World } from '../engine/index.ts';
import type { Artifact } from './runtime-memory.ts';

const CODE = { notFound: 5, unavailable: 14 } as const;

/** What a call needs to know of its runtime. */
export interface RuntimeAnswers {
  readonly world: World;
  readonly node: { readonly host: string; readonly actor: Actor };
  readonly epoch: number;
  inferMs(model: string): number;
  answersUnavailable(): boolean;
  /** What answers; `null`: the model is not there. */
  callBegan(callId: string, model: string): Artifact | null;
  callAnswered(callId: string): void;
}

/** What an answer says about who gave it. */
export interface RuntimeAnswer {
  readonly model: string;
  readonly path: string;
  readonly node: string;
  readonly epoch: number;
}

/** One inference at the runtime: answers, once the request is there, with who and what answers. */
export class RuntimeCall implements StreamHandler {
  readonly #runtime: RuntimeAnswers;
  readonly #process: Actor;
  readonly #stream: ByteStream;
  readonly #model: string;
  readonly #callId: string;
  #begun = false;
  #gone = false;

  constructor(runtime: RuntimeAnswers, process: Actor, stream: ByteStream, headers: HeaderBlock, end: boolean) {
    this.#runtime = runtime;
    this.#process = process;
    this.#stream = stream;
    this.#model = headers.get(HEADER.modelId) ?? '';
    this.#callId = headers.get(HEADER.requestId) ?? '';
    if (end) this.#begin();
  }

  onHeaders(): void {}

  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    stream.consume(bytes.length);
    if (end) this.#begin();
  }

  onTrailers(): void {
    this.#begin();
  }

  onReset(): void {
    this.#gone = true;
  }

  onWritable(): void {}

  onClosed(): void {}

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const runtime = this.#runtime;
    const artifact = runtime.callBegan(this.#callId, this.#model);
    if (artifact === null) {
      this.#refuse(CODE.notFound, `model ${this.#model} is not loaded`);
      return;
    }
    if (runtime.answersUnavailable()) {
      this.#refuse(CODE.unavailable, 'too busy');
      return;
    }
    const { epoch, node } = runtime;
    const answer: RuntimeAnswer = { model: this.#model, path: artifact.path, node: node.actor.name, epoch };
    runtime.world.in(this.#process, runtime.inferMs(this.#model), `infer ${this.#callId}`, () => this.#answer(answer));
  }

  #answer(answer: RuntimeAnswer): void {
    if (this.#gone) return;
    this.#runtime.callAnswered(this.#callId);
    const message = Buffer.from(JSON.stringify(answer));
    const framed = Buffer.alloc(5 + message.length);
    framed.writeUInt32BE(message.length, 1);
    message.copy(framed, 5);
    this.#stream.sendHeaders(headerBlock([':status', '200', 'content-type', 'application/grpc']), false);
    this.#stream.sendData(framed, false);
    this.#stream.sendTrailers(headerBlock(['grpc-status', '0']));
  }

  #refuse(code: number, message: string): void {
    const status = ['grpc-status', String(code), 'grpc-message', message];
    this.#stream.sendHeaders(headerBlock([':status', '200', 'content-type', 'application/grpc', ...status]), true);
  }
}
