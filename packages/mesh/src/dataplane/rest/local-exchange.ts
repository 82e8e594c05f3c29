import { MeshError, monotonicMs, toMeshError } from '@modelmesh/core';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import { readRestTimeout } from '@modelmesh/wire/headers';
import { respondError, respondJson } from './answers.ts';
import type { BodyDrain, BodyReader } from './body-drain.ts';
import type { ExchangeListener, HttpExchange } from './exchange/index.ts';
import type { ExchangeParts } from './model-exchange.ts';
import { contentCoding, inflateBody } from './representation.ts';
import type { RestDeps } from './rest-deps.ts';

/** The largest body of a request that the node answers itself: an index or load request is a few members. */
export const LOCAL_BODY_BYTES_MAX = 65_536;

/** What is done with such a request: gives the JSON of a 200. `signal` ends when the client has gone or its time is up. */
export type LocalWork = (body: Uint8Array, signal: AbortSignal) => Uint8Array | Promise<Uint8Array>;

/** One POST that the node answers itself: the repository calls. Not made for speed. */
export class LocalExchange implements ExchangeListener, BodyReader, Expirable {
  readonly #deps: RestDeps;
  readonly #drain: BodyDrain;
  readonly #exchange: HttpExchange;
  readonly #work: LocalWork;
  readonly #ending = new AbortController();
  #timer: WheelTimer | undefined;

  constructor({ deps, drain }: Pick<ExchangeParts, 'deps' | 'drain'>, exchange: HttpExchange, work: LocalWork) {
    this.#deps = deps;
    this.#drain = drain;
    this.#exchange = exchange;
    this.#work = work;
  }

  begin(): void {
    const { plane, limits, bodies } = this.#deps;
    this.#exchange.listener = this;
    try {
      const timeoutMs = readRestTimeout(this.#exchange.headers) ?? limits.unaryTimeoutMs;
      this.#timer = plane.deadlines.add(monotonicMs(plane.clock.monotonicMs() + timeoutMs), this);
      this.#drain.begins(this);
      this.#exchange.readBody({ bytesMax: LOCAL_BODY_BYTES_MAX, budget: bodies });
    } catch (error) {
      this.#refuse(toMeshError(error));
    }
  }

  onBody(body: Uint8Array): void {
    this.#drain.ended(this);
    this.#answer(body).then(
      (json) => {
        this.#stop();
        respondJson(this.#exchange, 200, json);
      },
      (error: unknown) => this.#refuse(toMeshError(error)),
    );
  }

  onBodyRefused(error: MeshError): void {
    this.#refuse(error);
  }

  onBodyLate(error: MeshError): void {
    this.#refuse(error);
  }

  onWritable(): void {}

  onAborted(): void {
    this.#stop();
    this.#ending.abort(new MeshError('cancelled', 'the client went away'));
  }

  onOver(): void {}

  expired(): void {
    const error = new MeshError('deadline-exceeded', 'the deadline passed');
    this.#ending.abort(error);
    this.#refuse(error);
  }

  async #answer(body: Uint8Array): Promise<Uint8Array> {
    const coding = contentCoding(this.#exchange.headers);
    const bounds = { bodyBytesMax: LOCAL_BODY_BYTES_MAX, ratioMax: this.#deps.plane.limits.inflateRatioMax };
    const plain = coding === 'identity' ? body : await inflateBody(coding, body, bounds);
    return this.#work(plain, this.#ending.signal);
  }

  #refuse(error: MeshError): void {
    this.#stop();
    respondError(this.#exchange, error);
  }

  #stop(): void {
    this.#drain.ended(this);
    if (this.#timer !== undefined) this.#deps.plane.deadlines.cancel(this.#timer);
    this.#timer = undefined;
  }
}
