import { durationMs, MeshError, type ModelKey, type MonotonicMs, monotonicMs, toMeshError } from '@modelmesh/core';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import { readRestTimeout } from '@modelmesh/wire/headers';
import { type ModelMetadata, modelMetadataBody } from '@modelmesh/wire/oip';
import { GRPC_CODE, type GrpcCode } from '@modelmesh/wire/status';
import type { NameWaiter } from '../call/index.ts';
import type { ChosenTarget, NamedTarget } from '../picking/index.ts';
import { respondFailure, respondJson } from './answers.ts';
import { type NamedModel, targetOf, targetOrAsk, wantedVariant } from './asked-name.ts';
import type { ExchangeListener, HttpExchange } from './exchange/index.ts';
import { type Failure, failureOf } from './failure.ts';
import type { ExchangeParts } from './model-exchange.ts';
import type { MetadataWaiter } from './model-metadata.ts';
import { versionsOf } from './model-names.ts';
import { METHOD } from './rest-method.ts';

/** `GET /v2/models/{m}`: what the runtime says of the model, which is loaded to be asked. */
export class MetadataExchange implements ExchangeListener, MetadataWaiter, NameWaiter, Expirable {
  readonly #parts: ExchangeParts;
  readonly #exchange: HttpExchange;
  readonly #asked: NamedModel;
  readonly #startedMs: MonotonicMs;
  #target: ChosenTarget | undefined;
  #timer: WheelTimer | undefined;
  #over = false;

  constructor(parts: ExchangeParts, exchange: HttpExchange, asked: NamedModel) {
    this.#parts = parts;
    this.#exchange = exchange;
    this.#asked = asked;
    this.#startedMs = parts.deps.plane.clock.monotonicMs();
  }

  begin(): void {
    const { plane, limits } = this.#parts.deps;
    this.#exchange.listener = this;
    try {
      const deadline = monotonicMs(this.#startedMs + (readRestTimeout(this.#exchange.headers) ?? limits.unaryTimeoutMs));
      this.#timer = plane.deadlines.add(deadline, this);
      const target = targetOrAsk(plane, this.#exchange, this.#asked, this);
      if (target !== undefined) this.#describe(target);
    } catch (error) {
      this.onMetadataFailed(failureOf(toMeshError(error)));
    }
  }

  onNamesKnown(): void {
    if (this.#over) return;
    try {
      this.#describe(targetOf(this.#parts.deps.plane, this.#exchange, this.#asked));
    } catch (error) {
      this.onMetadataFailed(failureOf(toMeshError(error)));
    }
  }

  onMetadata(metadata: ModelMetadata): void {
    if (this.#over || this.#target === undefined) return;
    const told = metadata.versions.length > 0 ? metadata : { ...metadata, versions: this.#versions(this.#target.model) };
    const body = modelMetadataBody(told, this.#asked.name);
    this.#finish(GRPC_CODE.OK, body.length);
    respondJson(this.#exchange, 200, body);
  }

  onMetadataFailed(failure: Failure): void {
    if (this.#over) return;
    this.#finish(failure.grpc, 0);
    respondFailure(this.#exchange, failure);
  }

  onBody(): void {}

  onBodyRefused(): void {}

  onWritable(): void {}

  onAborted(): void {
    if (!this.#over) this.#finish(GRPC_CODE.CANCELLED, 0);
  }

  onOver(): void {}

  expired(): void {
    this.onMetadataFailed(
      failureOf(
        new MeshError(
          'deadline-exceeded',
          `the deadline passed while the ${this.#target === undefined ? 'registry was asked for the model' : 'model was asked for its metadata'}`,
        ),
      ),
    );
  }

  #describe(named: NamedTarget): void {
    const { metadata, deps } = this.#parts;
    const target = deps.plane.picker.about(named, wantedVariant(this.#exchange, this.#asked));
    this.#target = target;
    const { model } = target;
    const known = metadata.known(model);
    if (known === undefined) metadata.wait(model, this);
    else this.onMetadata(known);
  }

  /** What may be asked for under the name: all versions of a family, else the one that answers. */
  #versions(key: ModelKey): readonly string[] {
    const { routes } = this.#parts.deps.plane;
    const model = routes.model(key);
    if (model === undefined || model.version === null) return [];
    const { name, version } = this.#asked;
    return version === undefined && model.family === name ? versionsOf(routes, name) : [model.version];
  }

  #finish(code: GrpcCode, responseBytes: number): void {
    this.#over = true;
    const { plane } = this.#parts.deps;
    if (this.#timer !== undefined) plane.deadlines.cancel(this.#timer);
    if (this.#target === undefined) plane.names.leave(this);
    else this.#parts.metadata.leave(this.#target.model, this);
    plane.metrics.call({
      method: METHOD.metadata,
      code,
      durationMs: durationMs(plane.clock.monotonicMs() - this.#startedMs),
      requestBytes: 0,
      responseBytes,
      model: this.#target?.model ?? null,
      endpoint: this.#target?.endpoint?.id ?? null,
      headers: this.#exchange.headers,
    });
  }
}
