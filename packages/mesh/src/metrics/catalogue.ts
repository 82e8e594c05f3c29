import { LATENCY_BOUNDS_MS, type RuleLimitLabel, type VariantLimitLabel } from '../link/index.ts';
import type { LimitName } from '../node/index.ts';

/** One metric: what the page and the registry need to know of it. */
export interface MetricEntry {
  readonly type: 'histogram' | 'counter' | 'gauge';
  /**
   * `call`: `method` and `code`; `variant`: `endpoint` and `variant`, with `code` or `reason`; `shadow`: `endpoint`, `mirror` and `outcome`; `worker`: its number; `reason`: why; it and `model` get `modelId` and `vModelId` when series per model are configured. `outcome`: how it ended. `limit`: one
   * of {@link LIMITS}, {@link RULE_LIMITS} and {@link VARIANT_LIMITS}, or of `HTTP2_LIMITS` behind `http2.`.
   */
  readonly labels:
    | 'call'
    | 'model'
    | 'variant'
    | 'variant-code'
    | 'variant-reason'
    | 'shadow'
    | 'strategy-outcome'
    | 'strategy-reason'
    | 'outcome'
    | 'limit'
    | 'worker'
    | 'reason'
    | 'none';
  readonly buckets?: readonly number[];
  readonly help: string;
}

/** Four times the bound before, eight times. */
const byFour = (first: number): readonly number[] => Array.from({ length: 8 }, (_, at) => first * 4 ** at);

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Bounds of ModelMesh's histograms (spec `modelmesh.md` §6.5). */
const TIME_MS: readonly number[] = LATENCY_BOUNDS_MS;
const AGE_MS = [
  30_000,
  5 * MINUTE_MS,
  15 * MINUTE_MS,
  HOUR_MS,
  4 * HOUR_MS,
  12 * HOUR_MS,
  DAY_MS,
  7 * DAY_MS,
  30 * DAY_MS,
  90 * DAY_MS,
] as const;
const MODEL_BYTES = byFour(256 * 1024);
const MESSAGE_BYTES = byFour(128);

const callTime = (help: string) => ({ type: 'histogram', labels: 'call', buckets: TIME_MS, help }) as const;
const callSize = (help: string) => ({ type: 'histogram', labels: 'call', buckets: MESSAGE_BYTES, help }) as const;
const modelTime = (help: string) => ({ type: 'histogram', labels: 'model', buckets: TIME_MS, help }) as const;
const counter = (help: string) => ({ type: 'counter', labels: 'none', help }) as const;
const gauge = (help: string) => ({ type: 'gauge', labels: 'none', help }) as const;

/** ModelMesh's metrics: its names, types, buckets and labels. Source: spec `modelmesh.md` §6.5. */
export const MODELMESH_METRICS = {
  modelmesh_api_request_milliseconds: callTime('Time of calls as their callers saw them, whatever came of them'),
  modelmesh_invoke_model_milliseconds: callTime('Time of one attempt against the local runtime'),
  modelmesh_request_size_bytes: callSize('Size of the messages that callers sent'),
  modelmesh_response_size_bytes: callSize('Size of the messages that callers got'),
  modelmesh_cache_miss_milliseconds: modelTime('Time that a call waited for a load, if more than 10 ms'),
  modelmesh_loadmodel_milliseconds: modelTime('Time of a load that succeeded'),
  modelmesh_unloadmodel_milliseconds: modelTime('Time of an unload'),
  modelmesh_req_queue_delay_milliseconds: modelTime('Time that a call waited for a copy with limited concurrency'),
  modelmesh_loading_queue_delay_milliseconds: modelTime('Time that a model waited to be loaded'),
  modelmesh_model_sizing_milliseconds: modelTime('Time that the runtime took to measure a model'),
  modelmesh_age_at_eviction_milliseconds: {
    type: 'histogram',
    labels: 'model',
    buckets: AGE_MS,
    help: 'Time since the last use of a model that had to make room',
  },
  modelmesh_loaded_model_size_bytes: {
    type: 'histogram',
    labels: 'model',
    buckets: MODEL_BYTES,
    help: 'Measured size of a model that was loaded',
  },
  modelmesh_loadmodel_failure: counter('Loads that failed'),
  modelmesh_unloadmodel_failure: counter('Unloads that were given up'),
  modelmesh_unloadmodel_attempt_failure: counter('Attempts to unload that failed'),
  modelmesh_models_loaded_total: gauge('Models with at least one copy; shown by the leader alone'),
  modelmesh_models_with_failure_total: gauge('Models with failed loads; shown by the leader alone'),
  modelmesh_models_managed_total: gauge('Models that are registered; shown by the leader alone'),
  modelmesh_instance_lru_seconds: gauge('Last use of the copy that would go first, as seconds since 1970'),
  modelmesh_instance_lru_age_seconds: gauge('Time since the last use of the copy that would go first'),
  modelmesh_instance_capacity_bytes: gauge('Memory that copies can fill, without the unload reserve'),
  modelmesh_instance_used_bytes: gauge('Memory of copies that are loaded, loading or wanted'),
  modelmesh_instance_used_bps: gauge('Used memory as parts of ten thousand of the capacity'),
  modelmesh_instance_models_total: gauge('Copies on this instance'),
} as const satisfies Readonly<Record<string, MetricEntry>>;

/** Metrics that ModelMesh does not have. */
export const OWN_METRICS = {
  mesh_forwarded_calls_total: {
    type: 'counter',
    labels: 'outcome',
    help: 'Attempts of calls at other nodes: `answered`, else why not, in the words of the records of calls (`connection-lost`, `not-here`, …)',
  },
  mesh_variant_requests_total: {
    type: 'counter',
    labels: 'variant-code',
    help: 'Calls of variants at the node where they entered, by gRPC code; one that another variant answered instead counts for both. Errors are those that are not `OK`',
  },
  mesh_variant_picks_total: {
    type: 'counter',
    labels: 'variant-reason',
    help: 'Calls by why they got their variant: `only`, `label`, `named`, `rule`, `rule-split`, `sticky`, `weights`, `strategy`, `unavailable` (the picked one cannot be loaded), `fallback` (it did not answer)',
  },
  mesh_variant_request_milliseconds: {
    type: 'histogram',
    labels: 'variant',
    buckets: TIME_MS,
    help: 'Time of calls at variants, whatever came of them',
  },
  mesh_shadow_calls_total: {
    type: 'counter',
    labels: 'shadow',
    help: 'Calls that a shadow was to get: how the answers compare (`equal`, `differs`, `flip`: a class is another one, `incomparable`), which call failed (`live-only` succeeded, `shadow-only`, `both-failed`), or why the shadow did not get it (`dropped-` and `call-bytes`, `worker-bytes`, `queue-full`: a limit of `limits.shadow…`; `no-free-room`: its copy would have pushed out another one; `no-model`, `not-taken`, `live-cancelled`, `closing`)',
  },
  mesh_instance_booked_bytes: gauge('Memory of everything that may be resident, copies that leave included'),
  mesh_connections: gauge('Connections that are open, over all ports'),
  mesh_connections_refused_total: counter('Connections that were closed at once because there were too many'),
  mesh_strategy_answers_total: {
    type: 'counter',
    labels: 'strategy-outcome',
    help: 'Questions to strategies of plug-ins in the path of requests: `picked` a variant, `left` it to the weights, `threw` (also for an answer that is no variant), or `late`: the request did not wait any longer',
  },
  mesh_strategy_barred: {
    type: 'gauge',
    labels: 'strategy-reason',
    help: 'Strategies of plug-ins that this node does not ask any more: it `throws`, is `slow`, or `endless`',
  },
  mesh_tokens_total: {
    type: 'counter',
    labels: 'outcome',
    help: 'Tokens of sticky endpoints: `issued` to clients, `verified` by their signature, `remembered` as verified before, else why one counted for nothing (`malformed`, `unknown-key`, `forged`, `expired`, `other-endpoint`)',
  },
  mesh_tokens_remembered: gauge('Verified tokens that are remembered, at most `tokens.rememberedMax` a worker'),
  mesh_tokens_forgotten_total: counter('Verified tokens that were forgotten because others came (`tokens.rememberedMax`)'),
  mesh_limits_reached_total: {
    type: 'counter',
    labels: 'limit',
    help: 'How often something was refused, left out or ended because a limit of the node was reached',
  },
} as const satisfies Readonly<Record<string, MetricEntry>>;

/** Limits of a node that are no setting, by their label: what they bound, and what becomes of what is beyond. */
export const LIMITS = {
  'copy-waiters': 'callers that wait for copies on this node; further ones are refused',
  'explain-questions':
    'questions to the data plane, why calls went where they did or how shadows compare, of each kind at a time; further ones are refused',
  'file-releases': 'unregistered models whose files the runtime is still to give back; those of further ones stay',
  'gone-instances':
    'instances that went within the last minute, whose models are loaded elsewhere; those of further ones are loaded by calls',
  parameters: 'dynamic parameters that are read from the registry; further ones are ignored',
  'strategy-figures': 'endpoints whose strategy learns from the calls of this node; those of further ones are not counted',
  proposals: 'models of each kind that an instance proposes a further copy of between two runs; further ones are not proposed',
} as const satisfies Readonly<Record<LimitName, string>>;

/** Limits of the rules of endpoints, by their label. */
export const RULE_LIMITS = {
  'rules.evaluationCost':
    'headers, query parameters and characters that a rule may look at in one call; beyond, the rule has no value and does not match',
  'rules.payloadBytes': 'bytes of a request in which payload fields are looked for; what is not found in them counts as absent',
} as const satisfies Readonly<Record<RuleLimitLabel, string>>;

/** Limits of the variants of endpoints, by their label. */
export const VARIANT_LIMITS = {
  'variants.concurrencyMax':
    'calls of one variant that a node runs at a time, as its policy says; further ones go to the fallback or are refused',
} as const satisfies Readonly<Record<VariantLimitLabel, string>>;

/** Metrics of the process. The names are those that Node's programs have in common. */
export const PROCESS_METRICS = {
  process_cpu_seconds_total: counter('CPU time of this process, user and system'),
  process_resident_memory_bytes: gauge('Resident memory of this process'),
  nodejs_heap_size_used_bytes: gauge('Used heap of the main thread'),
  nodejs_heap_size_total_bytes: gauge('Heap of the main thread'),
  nodejs_external_memory_bytes: gauge('Memory outside the heap, buffers included'),
  nodejs_eventloop_lag_mean_seconds: gauge('Delay of the event loop since the last scrape, mean'),
  nodejs_eventloop_lag_p99_seconds: gauge('Delay of the event loop since the last scrape, 99th percentile'),
  nodejs_eventloop_lag_max_seconds: gauge('Delay of the event loop since the last scrape, maximum'),
} as const satisfies Readonly<Record<string, MetricEntry>>;

/** Metrics of workers of the data plane that have threads of their own; they are not there without any. */
export const WORKER_METRICS = {
  mesh_worker_streams: {
    type: 'gauge',
    labels: 'worker',
    help: 'Streams that are open at the ports of a worker, a mean over a second',
  },
  mesh_worker_eventloop_lag_p99_seconds: {
    type: 'gauge',
    labels: 'worker',
    help: "Delay of a worker's event loop since the last scrape, 99th percentile",
  },
  mesh_worker_restarts_total: {
    type: 'counter',
    labels: 'reason',
    help: 'Workers that were replaced: `silent`, no sign of life for a second, or `ended`, by an error that nobody caught',
  },
  mesh_worker_connections_shed_total: counter('Connections that were asked to end because their worker had too many streams'),
} as const satisfies Readonly<Record<string, MetricEntry>>;

/** Names of {@link MODELMESH_METRICS} of one type. */
export type NamesOf<Table, Type extends MetricEntry['type']> = {
  [Name in keyof Table]: Table[Name] extends { readonly type: Type } ? Name : never;
}[keyof Table] &
  string;
