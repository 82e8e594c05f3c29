import { REVIEW_EVERY_MS, TAKES_PLACE_FROM } from './cardinality-budget.ts';
import {
  LIMITS,
  type MetricEntry,
  MODELMESH_METRICS,
  OWN_METRICS,
  PROCESS_METRICS,
  RULE_LIMITS,
  VARIANT_LIMITS,
  WORKER_METRICS,
} from './catalogue.ts';
import { METHODS_MAX } from './method-labels.ts';
import { MODEL_IDLE_MS } from './model-series.ts';
import { GAUGES_EVERY_MS } from './statsd-metrics.ts';
import { LEGACY_NAMES, STATSD_SUFFIX } from './statsd-names.ts';
import { PACKET_BYTES_MAX } from './statsd-sender.ts';

const COUNTERS = Object.keys(LEGACY_NAMES)
  .filter((name) => !(name in MODELMESH_METRICS))
  .map((name) => `\`${name}\``)
  .join(', ');

const INTRODUCTION = `# Metrics

<!-- Made from packages/mesh/src/metrics/catalogue.ts. Change the table, then run tools/docs/write-reference.ts; a test compares. -->

A node shows its metrics to Prometheus at \`/metrics\` (and \`/\`) on port 2112, in the text format 0.0.4; \`name[]\` in the query names the
metrics to show. \`metrics\` in [the configuration](configuration.md) moves the page, switches it off, or serves it over \`https\`: with
the node's certificate if it has one, otherwise with one that the node makes and signs itself at its start.

\`method\` is the part after the slash of the gRPC method unless \`metrics.fullMethodNames\` is set, \`code\` the name of the gRPC status.
${METHODS_MAX} methods have a label of their own, later ones are counted as \`other\`. With \`metrics.perModel\` all histograms also have \`modelId\` and
\`vModelId\`: \`metrics.modelsMax\` pairs at a time, the rest as \`other\`; a pair without calls for ${MODEL_IDLE_MS / 60_000} minutes gives its place away.

\`metrics.variantsMax\` pairs of \`endpoint\` and \`variant\` have series of their own in each worker, those that are called most; all others share the one
whose labels are \`other\`. A pair that is called ${TAKES_PLACE_FROM} times as often takes the place of another, looked at every ${REVIEW_EVERY_MS / 1000} seconds at most; what was measured of that
one is added to \`other\`, so that sums over all series stay exact.
`;

const STATSD = `## StatsD

With \`statsd.port\` (\`MM_METRICS=statsd\`) the same goes to an agent over UDP, lines of one moment together in packets of at most ${PACKET_BYTES_MAX} bytes. Names
end in \`${STATSD_SUFFIX}\` and are followed by \`#method=…,code=…\` where there are such labels; times are whole milliseconds, of calls those that
succeeded; sizes are sent as timings, as ModelMesh does; gauges come every ${GAUGES_EVERY_MS / 1000} seconds. Beside the table there are counters, since StatsD has no histograms:
${COUNTERS}. With \`statsd.legacy\` the names are ModelMesh's older ones, method and code in
the name: \`model-mesh.api-predict:12|ms\`, \`model-mesh.api-predict.OK:1|c\`; capacity and use are counted in units of 8 KiB.
`;

const DIFFERENCES = `## Differences from ModelMesh

- Times keep their fractions of a millisecond; ModelMesh cuts them, so that everything below one millisecond counts as 0.
- Metrics of the Java virtual machine (\`jvm_*\`, \`netty_*\`) do not exist; those of the process take their place.
- \`modelmesh_response_size_bytes\` also counts calls that failed after a part of their answer.
- StatsD is off unless it is configured, under \`MM_COMPAT=modelmesh\` too; ModelMesh sends it to port 8126 when \`MM_METRICS\` is not set.
`;

const LABELS: Readonly<Record<MetricEntry['labels'], string>> = {
  'strategy-outcome': '`strategy`, `outcome`',
  'strategy-reason': '`strategy`, `reason`',
  call: '`method`, `code`, (`modelId`, `vModelId`)',
  model: '(`modelId`, `vModelId`)',
  variant: '`endpoint`, `variant`',
  'variant-code': '`endpoint`, `variant`, `code`',
  'variant-reason': '`endpoint`, `variant`, `reason`',
  outcome: '`outcome`',
  shadow: '`endpoint`, `mirror`, `outcome`',
  limit: '`limit`',
  worker: '`worker`',
  reason: '`reason`',
  none: '',
};

function tableOf(entries: Readonly<Record<string, MetricEntry>>): string {
  const rows = Object.entries(entries).map(
    ([name, { type, labels, help }]) => `| \`${name}\` | ${type} | ${LABELS[labels]} | ${help} |`,
  );
  return ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function bucketsOf(entries: Readonly<Record<string, MetricEntry>>): string {
  const names = new Map<string, string[]>();
  for (const [name, { buckets }] of Object.entries(entries)) {
    if (buckets === undefined) continue;
    const bounds = buckets.join(', ');
    names.set(bounds, [...(names.get(bounds) ?? []), `\`${name}\``]);
  }
  return [...names].map(([bounds, metrics]) => `- ${bounds}: ${metrics.join(', ')}`).join('\n');
}

function limitsOf(): string {
  const own = Object.entries({ ...LIMITS, ...RULE_LIMITS, ...VARIANT_LIMITS }).map(
    ([name, bounds]) => `- \`${name}\`: ${bounds}`,
  );
  return [
    'Limits that `limit` names:',
    '',
    ...own,
    '- `http2.…`: those of HTTP/2, which have [a page of their own](http2.md)',
  ].join('\n');
}

/** The page `docs/reference/metrics.md`. */
export function metricsReference(): string {
  return [
    INTRODUCTION,
    `## ModelMesh's metrics\n\n${tableOf(MODELMESH_METRICS)}\n`,
    `Bounds of the buckets:\n\n${bucketsOf(MODELMESH_METRICS)}\n`,
    `## Metrics of our own\n\n${tableOf(OWN_METRICS)}\n\n${limitsOf()}\n`,
    `## Workers of the data plane\n\nWith \`workers\` above one. What each worker measures is summed at the scrape.\n\n${tableOf(WORKER_METRICS)}\n`,
    `## The process\n\n${tableOf(PROCESS_METRICS)}\n`,
    STATSD,
    DIFFERENCES,
  ].join('\n');
}
