import type { DurationMs, EndpointId, ModelKey } from '@modelmesh/core';
import type { HeaderReader } from '@modelmesh/wire/headers';
import { GRPC_CODE, grpcCodeName, grpcCodeOf } from '@modelmesh/wire/status';
import type { Config } from '../config/index.ts';
import {
  type AttemptOutcome,
  type CallFacts,
  type CallMetrics,
  NO_SINK,
  type ShadowFacts,
  type VariantSink,
} from '../dataplane/index.ts';
import { type Log, requestFields } from '../log/index.ts';
import type { CacheMetrics } from '../node/index.ts';

/** Milliseconds to the microsecond. */
const shownMs = (ms: number): number => Math.round(ms * 1000) / 1000;

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
    const ended = code === GRPC_CODE.OK ? 'answered' : `ended with ${grpcCodeName(grpcCodeOf(code))}`;
    this.#log.info('call', `${method} ${ended}`, {
      ...requestFields(logHeaders, (name) => headers.get(name)),
      model,
      endpoint,
      method,
      code,
      durationMs: shownMs(durationMs),
      requestBytes,
      responseBytes,
      requestId: headers.get('x-request-id') ?? null,
      traceparent: headers.get('traceparent') ?? null,
    });
  }

  /** A call that another node sent has its line there; here is one of the run, with what is logged of the headers at that node. */
  attempt(...facts: Parameters<CallMetrics['attempt']>): void {
    this.#inner.attempt(...facts);
    const [method, code, durationMs, model, log] = facts;
    if (log?.forwarded !== true || !this.#config.logEachInvocation) return;
    const { fields, requestId } = log;
    const message = `${method} ran here for another node`;
    this.#log.info('forwarded-call', message, { ...fields, model, method, code, durationMs: shownMs(durationMs), requestId });
  }

  loggedFields(headers: HeaderReader): Readonly<Record<string, string>> | null {
    const { logHeaders } = this.#config;
    return logHeaders.size === 0 ? null : requestFields(logHeaders, (name) => headers.get(name));
  }

  forwarded(outcome: AttemptOutcome): void {
    this.#inner.forwarded?.(outcome);
  }

  queued(waitedMs: DurationMs, model: ModelKey): void {
    this.#inner.queued?.(waitedMs, model);
  }

  shadow(facts: ShadowFacts): void {
    this.#inner.shadow?.(facts);
  }

  variant(endpoint: EndpointId, variant: string): VariantSink {
    return this.#inner.variant?.(endpoint, variant) ?? NO_SINK;
  }

  cacheMiss(...facts: Parameters<CallMetrics['cacheMiss']>): void {
    this.#inner.cacheMiss(...facts);
  }

  cacheMetric(...facts: Parameters<CacheMetrics['cacheMetric']>): void {
    this.#inner.cacheMetric(...facts);
  }
}
