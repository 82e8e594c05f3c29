import { assertNever, type DurationMs, MeshError, type ModelKey, toMeshError } from '@modelmesh/core';
import { isReady } from '@modelmesh/core/registration';
import {
  decodeRepositoryIndexRequest,
  modelLoadedBody,
  modelReadyBody,
  modelUnloadedBody,
  repositoryIndexBody,
  serverLiveBody,
  serverMetadataBody,
  serverReadyBody,
} from '@modelmesh/wire/oip';
import { modelListBody, modelStatusBody } from '@modelmesh/wire/v1';
import { respondError, respondJson } from './answers.ts';
import { NamedExchange, type NamedModel } from './asked-name.ts';
import { BodyDrain } from './body-drain.ts';
import { BODY_GATE_LIMITS, BodyGate } from './body-gate.ts';
import { GENERATE, V1_PREDICT, V2_INFER } from './dialect.ts';
import { type HttpExchange, splitTarget } from './exchange/index.ts';
import { GenerateStream } from './generate-stream.ts';
import { LocalExchange, type LocalWork } from './local-exchange.ts';
import { MetadataExchange } from './metadata-exchange.ts';
import type { ExchangeParts } from './model-exchange.ts';
import { MetadataBook } from './model-metadata.ts';
import { modelNames } from './model-names.ts';
import { queryFlag } from './representation.ts';
import type { RestDeps } from './rest-deps.ts';
import { infersAt, isRestPath, methodsOf, parseRoute, type RestRoute } from './routes.ts';
import { UnaryExchange } from './unary-exchange.ts';

/** REST inference of one worker: OIP V2, V1, generate, and their health and repository calls. */
export interface RestHandler {
  /** Whether a path (as it stands in the request, alone or behind `http://host`; a query is ignored) belongs to REST inference. */
  handles(path: string): boolean;
  /** Whether a path calls a model; for the others of REST inference control is asked. */
  infers(path: string): boolean;
  /** Answers one exchange. */
  handle(exchange: HttpExchange): void;
  /** The node takes no more calls: bodies that are on their way have `limitMs` to arrive, or are answered with 503. */
  drain(limitMs: DurationMs): void;
}

/** What `GET /v2` lists: the extensions that are really served (spec `kserve.md` §6.5, 27). */
export const REST_EXTENSIONS: readonly string[] = [
  'binary_tensor_data',
  'generate',
  'model_repository',
  'model_repository_extension',
  'parameters',
];

/** Made anew each time: whoever sends bytes owns them. */
const aliveBody = (): Uint8Array => Buffer.from('{"status":"alive"}');

/** REST inference on a data plane. */
export function restHandler(deps: RestDeps): RestHandler {
  return new Rest(deps);
}

class Rest implements RestHandler {
  readonly #deps: RestDeps;
  readonly #parts: ExchangeParts;

  constructor(deps: RestDeps) {
    this.#deps = deps;
    const { largeBodiesBytesMax: bytesMax = BODY_GATE_LIMITS.bytesMax } = deps.limits;
    const gate = new BodyGate({ ...BODY_GATE_LIMITS, bytesMax });
    this.#parts = { deps, metadata: new MetadataBook(deps), gate, drain: new BodyDrain(deps.plane) };
  }

  drain(limitMs: DurationMs): void {
    this.#parts.drain.drain(limitMs);
  }

  handles(path: string): boolean {
    return isRestPath(splitTarget(path).path);
  }

  infers(path: string): boolean {
    return infersAt(splitTarget(path).path);
  }

  handle(exchange: HttpExchange): void {
    try {
      const route = parseRoute(exchange.path);
      if (route === undefined) {
        respondError(exchange, new MeshError('not-found', `nothing is served at ${exchange.path.slice(0, 200)}`));
        return;
      }
      const methods = methodsOf(route.kind);
      if (methods.includes(exchange.method)) this.#route(exchange, route);
      else {
        const sentence = `${exchange.method} is not allowed here; use ${methods.join(' or ')}`;
        respondError(exchange, new MeshError('method-not-allowed', sentence), ['allow', methods.join(', ')]);
      }
    } catch (error) {
      respondError(exchange, toMeshError(error));
    }
  }

  #route(exchange: HttpExchange, route: RestRoute): void {
    const parts = this.#parts;
    switch (route.kind) {
      case 'alive':
        // Behind the whole request, so that whoever sends one that is wrong hears that of it.
        new LocalExchange(parts, exchange, aliveBody).begin();
        return;
      case 'infer':
        new UnaryExchange(parts, exchange, route, V2_INFER).begin();
        return;
      case 'predict':
        new UnaryExchange(parts, exchange, route, V1_PREDICT).begin();
        return;
      case 'generate':
        new UnaryExchange(parts, exchange, route, GENERATE).begin();
        return;
      case 'generate-stream':
        new GenerateStream(parts, exchange, route).begin();
        return;
      case 'model-metadata':
        this.#authorize(exchange, 'read', route.name);
        new MetadataExchange(parts, exchange, route).begin();
        return;
      case 'repository-index':
        this.#index(exchange);
        return;
      case 'repository-load':
      case 'repository-unload':
        this.#repository(exchange, route);
        return;
      default:
        this.#answer(exchange, route);
    }
  }

  /** What is answered at once, from what the node knows. */
  #answer(exchange: HttpExchange, route: Exclude<RestRoute, { readonly kind: CalledKind }>): void {
    switch (route.kind) {
      case 'server-live':
        respondJson(exchange, 200, serverLiveBody(true));
        return;
      case 'server-ready':
        if (this.#deps.repository.ready) respondJson(exchange, 200, serverReadyBody(true));
        else respondJson(exchange, 503, unready({ ready: false }, 'the node is not ready'));
        return;
      case 'server-metadata':
        respondJson(exchange, 200, serverMetadataBody({ ...this.#deps.server, extensions: REST_EXTENSIONS }));
        return;
      case 'model-list':
      case 'v1-list':
        this.#authorize(exchange, 'read', 'models');
        respondJson(exchange, 200, modelListBody(modelNames(this.#deps.plane.routes)));
        return;
      case 'model-ready':
        this.#modelReady(exchange, route, modelReadyBody);
        return;
      case 'v1-status':
        this.#modelReady(exchange, route, modelStatusBody);
        return;
      default:
        assertNever(route);
    }
  }

  /** Ready is what is loaded or will be loaded by the next call; with `?loaded=true` what is loaded. */
  #modelReady(exchange: HttpExchange, asked: NamedModel, body: ReadyBody): void {
    this.#authorize(exchange, 'read', asked.name);
    new NamedExchange(this.#deps, exchange, asked, (model) => this.#tellReady(exchange, asked, model, body)).begin();
  }

  #tellReady(exchange: HttpExchange, { name }: NamedModel, model: ModelKey, body: ReadyBody): void {
    const { repository } = this.#deps;
    const readiness = repository.readiness(model);
    if (readiness === undefined) throw new MeshError('model-not-found', `model ${JSON.stringify(name)} not found`);
    const isServing = repository.ready && isReady(readiness, queryFlag(exchange.query, 'loaded'));
    if (isServing) {
      respondJson(exchange, 200, body(name, true));
      return;
    }
    const why = !repository.ready
      ? 'the node is not ready'
      : readiness.state === 'UNAVAILABLE'
        ? readiness.reason
        : 'it is not loaded';
    respondJson(exchange, 503, unready({ name, ready: false }, `model ${JSON.stringify(name)} is not ready: ${why}`));
  }

  #index(exchange: HttpExchange): void {
    this.#authorize(exchange, 'read', 'repository');
    new LocalExchange(this.#parts, exchange, (body) => {
      const { readyOnly } = decodeRepositoryIndexRequest(body);
      const entries = this.#deps.repository.entries();
      return repositoryIndexBody(entries.filter(({ state }) => !readyOnly || state === 'READY'));
    }).begin();
  }

  /** Parameters of Triton's load and unload requests (a configuration, dependents) have no meaning here and are not read. */
  #repository(exchange: HttpExchange, { kind, name }: Extract<RestRoute, { readonly kind: RepositoryKind }>): void {
    this.#authorize(exchange, 'write', name);
    const { repository } = this.#deps;
    const workOn = (model: ModelKey): LocalWork =>
      kind === 'repository-load'
        ? async (_body, signal) => {
            await repository.load(model, signal);
            return modelLoadedBody(name);
          }
        : async () => {
            await repository.unload(model);
            return modelUnloadedBody(name);
          };
    const proceed = (model: ModelKey): void => new LocalExchange(this.#parts, exchange, workOn(model)).begin();
    new NamedExchange(this.#deps, exchange, { name }, proceed).begin();
  }

  #authorize(exchange: HttpExchange, verb: 'read' | 'write', target: string): void {
    const verdict = this.#deps.authorizer.authorize(exchange.principal, { verb, target });
    if (verdict.kind === 'deny') throw new MeshError('permission-denied', verdict.reason);
  }
}

/** Makes the answer to a question whether a model is ready. */
type ReadyBody = (name: string, ready: boolean) => Uint8Array;
type RepositoryKind = 'repository-load' | 'repository-unload';
/** Routes that are not answered on the spot. */
type CalledKind =
  | 'alive'
  | 'infer'
  | 'predict'
  | 'generate'
  | 'generate-stream'
  | 'model-metadata'
  | 'repository-index'
  | RepositoryKind;

/** Not ready is no success, so that it says so as an error too; clients go by the status alone (spec `kserve.md` §6.5, 19). */
const unready = (state: { readonly name?: string; readonly ready: false }, error: string): Uint8Array =>
  Buffer.from(JSON.stringify({ ...state, error }));
