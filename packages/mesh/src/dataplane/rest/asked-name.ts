import { MeshError, type ModelKey, monotonicMs, toMeshError } from '@modelmesh/core';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import { readRestTimeout } from '@modelmesh/wire/headers';
import type { NameWaiter, Plane } from '../call/index.ts';
import { isUnknownName, namesAsked, resolveUrlName } from '../grpc/index.ts';
import { type NamedTarget, type WantedVariant, wantedBy } from '../picking/index.ts';
import { respondError } from './answers.ts';
import type { ExchangeListener, HttpExchange } from './exchange/index.ts';
import type { RestDeps } from './rest-deps.ts';

/** What the URL names. */
export interface NamedModel {
  readonly name: string;
  readonly version?: string | undefined;
  /** Of the variant of an endpoint. */
  readonly label?: string | undefined;
}

/** The variant that a request names: in its path, else in its fields. @throws {MeshError} for a path with a version where the fields name a variant */
export function wantedVariant({ headers }: HttpExchange, { version, label }: NamedModel): WantedVariant {
  const wanted = wantedBy(headers);
  if (version !== undefined && (wanted.label ?? wanted.variant) !== undefined)
    throw new MeshError('invalid-argument', 'the path names a version, and the fields a variant; name one');
  return label === undefined ? wanted : { ...wanted, label };
}

/** What a URL names, as the route table has it. @throws {MeshError} if it names nothing there */
export const targetOf = (plane: Plane, { principal }: HttpExchange, { name, version }: NamedModel): NamedTarget =>
  resolveUrlName(plane.routes, principal.namespace, name, version);

/**
 * What a URL names. `undefined`: the route table does not know, and `waiter` hears when the registry itself was asked.
 *
 * @throws {MeshError} if it names nothing, and the registry cannot know more
 */
export function targetOrAsk(
  plane: Plane,
  exchange: HttpExchange,
  asked: NamedModel,
  waiter: NameWaiter,
): NamedTarget | undefined {
  try {
    return targetOf(plane, exchange, asked);
  } catch (error) {
    const names = namesAsked([asked.name], asked.version ?? null);
    if (!isUnknownName(toMeshError(error)) || !plane.names.ask(names, waiter)) throw error;
    return undefined;
  }
}

/** One request for a model of which the node itself answers: it begins once it is known which model that is. */
export class NamedExchange implements ExchangeListener, NameWaiter, Expirable {
  readonly #deps: Pick<RestDeps, 'plane' | 'limits'>;
  readonly #exchange: HttpExchange;
  readonly #asked: NamedModel;
  readonly #proceed: (model: ModelKey) => void;
  #timer: WheelTimer | undefined;

  /** `proceed`: answers for the model, or throws a `MeshError`. */
  constructor(
    deps: Pick<RestDeps, 'plane' | 'limits'>,
    exchange: HttpExchange,
    asked: NamedModel,
    proceed: (model: ModelKey) => void,
  ) {
    this.#deps = deps;
    this.#exchange = exchange;
    this.#asked = asked;
    this.#proceed = proceed;
  }

  /** @throws {MeshError} if there is no such model, and the registry cannot know more */
  begin(): void {
    const { plane, limits } = this.#deps;
    const deadline = monotonicMs(plane.clock.monotonicMs() + (readRestTimeout(this.#exchange.headers) ?? limits.unaryTimeoutMs));
    const target = targetOrAsk(plane, this.#exchange, this.#asked, this);
    if (target === undefined) {
      this.#exchange.listener = this;
      this.#timer = plane.deadlines.add(deadline, this);
    } else this.#proceed(this.#modelOf(target));
  }

  onNamesKnown(): void {
    this.#stop();
    try {
      this.#proceed(this.#modelOf(targetOf(this.#deps.plane, this.#exchange, this.#asked)));
    } catch (error) {
      respondError(this.#exchange, toMeshError(error));
    }
  }

  expired(): void {
    this.#stop();
    const sentence = 'the deadline passed while the registry was asked for the model';
    respondError(this.#exchange, new MeshError('deadline-exceeded', sentence));
  }

  onAborted(): void {
    this.#stop();
  }

  onBody(): void {}

  onBodyRefused(): void {}

  onWritable(): void {}

  onOver(): void {}

  #modelOf(target: NamedTarget): ModelKey {
    return this.#deps.plane.picker.about(target, wantedVariant(this.#exchange, this.#asked)).model;
  }

  #stop(): void {
    const { plane } = this.#deps;
    plane.names.leave(this);
    if (this.#timer !== undefined) plane.deadlines.cancel(this.#timer);
    this.#timer = undefined;
  }
}
