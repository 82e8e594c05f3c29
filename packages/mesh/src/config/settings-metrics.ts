import { setting } from './setting.ts';
import { integer, oneOf, orWord, port, text, yesNo } from './value-kind.ts';

const host = text('a host name or address', /^[A-Za-z0-9_.:-]+$/);

/** What is measured, and where it goes. */
export const METRICS_SETTINGS = {
  metricsHost: setting({ path: 'metrics.host', kind: host, default: '0.0.0.0', live: false, doc: 'Address of `/metrics`.' }),
  metricsPort: setting<number | null>({
    path: 'metrics.port',
    kind: orWord(port, 'none'),
    default: 2112,
    live: false,
    doc: 'Port of `/metrics` for Prometheus (`port` of `MM_METRICS`; `MM_METRICS=disabled` is `none`).',
  }),
  metricsScheme: setting<'http' | 'https'>({
    path: 'metrics.scheme',
    kind: oneOf('http', 'https'),
    default: 'http',
    modelMeshDefault: 'https',
    live: false,
    doc: "`https` takes the node's certificate, or makes one that it signs itself (`scheme` of `MM_METRICS`, where `https` is the default).",
  }),
  metricsFullNames: setting({
    path: 'metrics.fullMethodNames',
    kind: yesNo,
    default: false,
    live: false,
    doc: 'Whether the label `method` is `package.Service/Method` (`fq_names`).',
  }),
  metricsPerModel: setting({
    path: 'metrics.perModel',
    kind: yesNo,
    default: false,
    live: false,
    doc: 'Whether there are series for each model and endpoint (`per_model_metrics`).',
  }),
  metricsModelsMax: setting({
    path: 'metrics.modelsMax',
    kind: integer(1, 10_000),
    default: 200,
    live: false,
    doc: 'Models with series of their own at a time; the rest is counted as `other`.',
  }),
  metricsVariantsMax: setting({
    path: 'metrics.variantsMax',
    kind: integer(1, 10_000),
    default: 100,
    live: false,
    doc: 'Pairs of endpoint and variant with series of their own in each worker; the rest is counted as `other`.',
  }),
  metricsProcess: setting({
    path: 'metrics.process',
    kind: yesNo,
    default: true,
    live: false,
    doc: 'Whether CPU, memory and event loop of the process are shown (`mem_detail=none` is `false`).',
  }),
  metricsLogScrapes: setting({
    path: 'metrics.logScrapes',
    kind: yesNo,
    default: false,
    modelMesh: { names: ['MM_LOG_PROMETHEUS_REQS'] },
    live: false,
    doc: 'Whether each scrape is logged.',
  }),
  statsdHost: setting({
    path: 'statsd.host',
    kind: host,
    default: '127.0.0.1',
    live: false,
    doc: 'Where StatsD packets go.',
  }),
  statsdPort: setting<number | null>({
    path: 'statsd.port',
    kind: orWord(port, 'none'),
    default: null,
    live: false,
    doc: 'UDP port of an agent that takes StatsD (`port` of `MM_METRICS=statsd`, 8126 there). `metrics.fullMethodNames` counts for it too.',
  }),
  statsdLegacy: setting({
    path: 'statsd.legacy',
    kind: yesNo,
    default: false,
    live: false,
    doc: "Whether StatsD gets ModelMesh's older names without tags, such as `model-mesh.api-predict.OK` (`legacy`).",
  }),
};
