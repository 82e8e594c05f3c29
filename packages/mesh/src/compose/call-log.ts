import { GRPC_CODE, grpcCodeName, parseGrpcStatus } from '@modelmesh/wire/status';
import type { Config } from '../config/index.ts';
import type { CallFacts, CallMetrics } from '../dataplane/index.ts';
import { type Log, requestFields } from '../log/index.ts';
import type { CacheMetrics } from '../node/index.ts';

type Measurements = CallMetrics & CacheMetrics;

/** Measurements that also write a line for each call when that is configured (`MM_LOG_EACH_INVOKE`), with the headers that are to be logged. */
export class LoggedCalls implements Measurements {
  readonly #inner: Measurements;
  readonly #log: Log;
  #config: Pick<Config, 'logEachInvocation' | 'logHeaders'>;

  constructor(inner: Measurements, log: Log, config: Pick<Config, 'logEachInvocation' | 'logHeaders'>) {
    this.#inner = inner;
    this.#log = log;
    this.#config = config;
  }

  /** What is logged from now on. */
  follow(config: Pick<Config, 'logEachInvocation' | 'logHeaders'>): void {
    this.#config = config;
  }

  call(facts: CallFacts): void {
    this.#inner.call(facts);
    const { logEachInvocation, logHeaders } = this.#config;
    if (!logEachInvocation) return;
    const { method, code, durationMs, model, endpoint, headers, requestBytes, responseBytes } = facts;
    const ended = code === GRPC_CODE.OK ? 'answered' : `ended with ${grpcCodeName(parseGrpcStatus(String(code)))}`;
    this.#log.info('call', `${method} ${ended}`, {
      ...requestFields(logHeaders, (name) => headers.get(name)),
      model,
      endpoint,
      method,
      code,
      durationMs: Math.round(durationMs * 1000) / 1000,
      requestBytes,
      responseBytes,
      requestId: headers.get('x-request-id') ?? null,
      traceparent: headers.get('traceparent') ?? null,
    });
  }

  attempt(...facts: Parameters<CallMetrics['attempt']>): void {
    this.#inner.attempt(...facts);
  }

  cacheMiss(...facts: Parameters<CallMetrics['cacheMiss']>): void {
    this.#inner.cacheMiss(...facts);
  }

  cacheMetric(...facts: Parameters<CacheMetrics['cacheMetric']>): void {
    this.#inner.cacheMetric(...facts);
  }
}
