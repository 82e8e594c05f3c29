import { HEADER, ORIGIN_HEADER } from '@modelmesh/wire/headers';
import type { CorsConfig } from '../../config/index.ts';

/** Fields of requests that the node itself understands; source of the first ones: gRPC-Web, *Protocol differences vs gRPC over HTTP2*. */
const KNOWN_REQUEST_FIELDS: readonly string[] = [
  'content-type',
  'x-grpc-web',
  'x-user-agent',
  'authorization',
  'content-encoding',
  'inference-header-content-length',
  ...Object.values(HEADER).filter((name) => name !== HEADER.stalePolicy),
];

/** Fields of answers that a page may read besides those that every page may. */
const KNOWN_ANSWER_FIELDS: readonly string[] = [
  'grpc-status',
  'grpc-message',
  'grpc-status-details-bin',
  'grpc-retry-pushback-ms',
  HEADER.grpcEncoding,
  'inference-header-content-length',
  'retry-after',
  HEADER.requestId,
  HEADER.stalePolicy,
  ...Object.values(ORIGIN_HEADER),
];

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const FIELD_NAMES = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+)*$/;
const ANY = '*';

/** Which pages from elsewhere may ask this node, and what they may say and read. Flat lists name, value, name, value … */
export class CorsPolicy {
  readonly #config: CorsConfig;
  readonly #origins: ReadonlySet<string>;
  readonly #anyOrigin: boolean;
  readonly #exposed: string;
  readonly #allowed: string;

  constructor(config: CorsConfig) {
    this.#config = config;
    this.#origins = new Set(config.origins);
    this.#anyOrigin = this.#origins.has(ANY);
    this.#exposed = [...KNOWN_ANSWER_FIELDS, ...config.answerHeaders].join(', ');
    this.#allowed = [...KNOWN_REQUEST_FIELDS, ...config.requestHeaders].join(', ');
  }

  /** No page from elsewhere may ask: nothing has to be looked at. */
  get isOff(): boolean {
    return this.#origins.size === 0;
  }

  /**
   * What an answer says besides its own. `origin`: of the page that asks, if one does. The answer differs by it, which caches have to know even
   * where no page asked.
   */
  answerFields(origin: string | undefined): readonly string[] {
    const varies = this.#anyOrigin ? [] : ['vary', 'origin'];
    if (origin === undefined || !this.#allows(origin)) return varies;
    return [...this.#grant(origin), 'access-control-expose-headers', this.#exposed, ...varies];
  }

  /**
   * The answer to the question whether a request may be made; `undefined` from an origin that may not ask. `wanted`: the names of the fields that
   * the page will send.
   */
  preflightFields(origin: string, wanted: string | undefined): readonly string[] | undefined {
    if (!this.#allows(origin)) return undefined;
    const { maxAgeMs, requestHeaders } = this.#config;
    const echoes = requestHeaders.includes(ANY) && wanted !== undefined && FIELD_NAMES.test(wanted);
    return [
      ...this.#grant(origin),
      'access-control-allow-methods',
      METHODS,
      'access-control-allow-headers',
      echoes ? wanted : this.#allowed,
      'access-control-max-age',
      String(Math.floor(maxAgeMs / 1000)),
      'vary',
      'origin, access-control-request-method, access-control-request-headers',
    ];
  }

  #allows(origin: string): boolean {
    return this.#anyOrigin || this.#origins.has(origin.toLowerCase());
  }

  #grant(origin: string): readonly string[] {
    if (this.#anyOrigin) return ['access-control-allow-origin', ANY];
    const granted = ['access-control-allow-origin', origin];
    return this.#config.credentials ? [...granted, 'access-control-allow-credentials', 'true'] : granted;
  }
}

/** Whether a request only asks if another one may be made. Source: Fetch Standard, §3.3.2. */
export const isPreflight = (method: string | undefined, asksForMethod: string | undefined): boolean =>
  method === 'OPTIONS' && asksForMethod !== undefined;
