/** The table of all settings. Parsing, flags, variables and the reference are made from it; nothing is configured elsewhere. */
import { type Bytes, bytes, type DurationMs, durationMs, UNIT_BYTES } from '@modelmesh/core';
import type { CachePolicyName } from '@modelmesh/core/cache';
import { NO_TIMEOUT_MS } from './config.ts';
import { setting } from './setting.ts';
import { CLUSTER_SETTINGS } from './settings-cluster.ts';
import { CORS_SETTINGS } from './settings-cors.ts';
import { LIMIT_SETTINGS } from './settings-limits.ts';
import { METRICS_SETTINGS } from './settings-metrics.ts';
import { PEER_SETTINGS } from './settings-peer.ts';
import { REGISTRY_SETTINGS } from './settings-registry.ts';
import { RUNTIME_SETTINGS } from './settings-runtime.ts';
import { START_SETTINGS } from './settings-start.ts';
import { STRATEGY_SETTINGS } from './settings-strategies.ts';
import { TOKEN_SETTINGS } from './settings-tokens.ts';
import { WORKER_SETTINGS } from './settings-workers.ts';
import {
  duration,
  either,
  jsonText,
  listOf,
  oneOf,
  orWord,
  path,
  port,
  quantity,
  text,
  textMap,
  timesOf,
  type ValueKind,
  yesNo,
} from './value-kind.ts';

const host = text('a host name or address', /^[A-Za-z0-9_.:-]+$/);
const word = text('a word without blanks and slashes', /^[^\s/\p{Cc}]+$/u);
const anything: ValueKind<string> = { expected: 'text', parse: (raw) => (typeof raw === 'string' ? raw : undefined) };

/** The id of an instance is written into every model record, so ModelMesh keeps the last twelve characters of the pod's name. */
const POD_NAME_CHARS = 12;
const podName: ValueKind<string | null> = {
  expected: 'the name of a pod',
  parse: (raw) =>
    text('', /^[^\s,/\p{Cc}]+$/u)
      .parse(raw)
      ?.slice(-POD_NAME_CHARS),
};

const IDENTITY = {
  compat: setting<'none' | 'modelmesh'>({
    path: 'compat',
    kind: oneOf('none', 'modelmesh'),
    default: 'none',
    modelMesh: { names: ['MM_COMPAT'] },
    live: false,
    doc: "`modelmesh`: unset settings have ModelMesh's defaults and exhausted attempts its status code.",
  }),
  serviceName: setting<string | null>({
    path: 'serviceName',
    kind: word,
    default: 'model-mesh',
    modelMeshDefault: null,
    modelMesh: { names: ['MM_SERVICE_NAME', 'TAS_SERVICE_NAME'] },
    live: false,
    doc: 'Names the mesh: an element of every registry key. ModelMesh requires it.',
  }),
  instanceId: setting<string | null>({
    path: 'instanceId',
    kind: text('a word without blanks, commas and slashes', /^[^\s,/\p{Cc}]+$/u),
    default: null,
    defaultText: "the last twelve characters of the machine's name",
    modelMesh: { names: ['WKUBE_POD_NAME'], kind: podName },
    live: false,
    doc: 'Names this node in its mesh. Of a pod name the last twelve characters are taken.',
  }),
  location: setting<string | null>({
    path: 'location',
    kind: text(),
    default: null,
    defaultText: "the machine's name",
    modelMesh: { names: ['MM_LOCATION', 'WKUBE_NODE_IP'] },
    live: false,
    doc: 'The machine that this node runs on, as its record says.',
  }),
  zone: setting({
    path: 'zone',
    kind: anything,
    default: '',
    modelMesh: { names: ['MM_ZONE'] },
    live: false,
    doc: 'The zone that this node stands in, as its record says.',
  }),
  labels: setting<readonly string[]>({
    path: 'labels',
    kind: listOf(text('a label', /^[^\s,\p{Cc}]+$/u)),
    default: [],
    modelMesh: { names: ['MM_LABELS'] },
    live: false,
    doc: 'Labels of this node, as its record says.',
  }),
  endpointOwner: setting({
    path: 'defaultEndpointOwner',
    kind: anything,
    default: '',
    modelMesh: { names: ['MM_DEFAULT_VMODEL_OWNER'] },
    live: false,
    doc: 'Owner of endpoints that `setVModel` names without one.',
  }),
  dataDir: setting({ path: 'dataDir', kind: path, default: '.mmesh', live: false, doc: 'Where this node keeps its files.' }),
};

const managementPort = either(oneOf('shared', 'none'), port);

const LISTENERS = {
  inferenceHost: setting({
    path: 'listeners.inference.host',
    kind: host,
    default: '0.0.0.0',
    live: false,
    doc: 'Address that the inference port is bound to.',
  }),
  inferencePort: setting({
    path: 'listeners.inference.port',
    kind: port,
    default: 8033,
    modelMesh: { names: ['MM_SVC_GRPC_PORT', 'TAS_SVC_GRPC_PORT'] },
    live: false,
    doc: 'Port of inference over gRPC and REST, and of management unless that is moved. 0 takes a free one.',
  }),
  inferenceSocket: setting<string | null>({
    path: 'listeners.inference.socketPath',
    kind: path,
    default: null,
    live: false,
    doc: 'A unix socket that inference listens on instead of the port.',
  }),
  inferenceTls: setting<boolean | null>({
    path: 'listeners.inference.tls',
    kind: yesNo,
    default: null,
    defaultText: 'true if a certificate is configured',
    live: false,
    doc: 'Whether the inference port speaks TLS, and nothing else.',
  }),
  managementHost: setting<string | null>({
    path: 'listeners.management.host',
    kind: host,
    default: null,
    defaultText: 'as inference',
    live: false,
    doc: 'Address that a management port of its own is bound to.',
  }),
  managementPort: setting<'shared' | 'none' | number>({
    path: 'listeners.management.port',
    kind: managementPort,
    default: 'shared',
    live: false,
    doc: '`shared`: management is served on the inference port; `none`: not at all; or a port of its own.',
  }),
  managementTls: setting<boolean | null>({
    path: 'listeners.management.tls',
    kind: yesNo,
    default: null,
    defaultText: 'true if a certificate is configured',
    live: false,
    doc: 'Whether a management port of its own speaks TLS.',
  }),
  probesHost: setting({
    path: 'probes.host',
    kind: host,
    default: '0.0.0.0',
    live: false,
    doc: 'Address of `/ready` and `/live`.',
  }),
  probesPort: setting<number | null>({
    path: 'probes.port',
    kind: orWord(port, 'none'),
    default: 8089,
    modelMesh: { names: ['MM_PROBE_PORT'] },
    live: false,
    doc: 'Port of `/ready` and `/live`.',
  }),
  prestopHost: setting({ path: 'prestop.host', kind: host, default: '0.0.0.0', live: false, doc: 'Address of `/prestop`.' }),
  prestopPort: setting<number | null>({
    path: 'prestop.port',
    kind: orWord(port, 'none'),
    default: 8090,
    modelMesh: { names: ['MM_PRESTOP_WAIT_PORT'] },
    live: false,
    doc: 'Port of `/prestop`, which answers when this node has shut down.',
  }),
};

const TLS = {
  tlsCert: setting<string | null>({
    path: 'tls.certPath',
    kind: path,
    default: null,
    modelMesh: { names: ['MM_TLS_KEY_CERT_PATH', 'MM_SVC_GRPC_CA_CERT_PATH', 'TAS_SVC_GRPC_CA_CERT_PATH'] },
    live: true,
    doc: 'PEM file with the certificate chain. The files are watched and replaced without restart.',
  }),
  tlsKey: setting<string | null>({
    path: 'tls.keyPath',
    kind: path,
    default: null,
    modelMesh: { names: ['MM_TLS_PRIVATE_KEY_PATH', 'MM_SVC_GRPC_PRIVATE_KEY_PATH', 'TAS_SVC_GRPC_PRIVATE_KEY_PATH'] },
    live: true,
    doc: 'PEM file with the private key.',
  }),
  tlsPassphrase: setting<string | null>({
    path: 'tls.keyPassphrase',
    kind: anything,
    default: null,
    modelMesh: { names: ['MM_TLS_PRIVATE_KEY_PASSPHRASE', 'MM_SVC_GRPC_PRIVATE_KEY_PASSPHRASE'] },
    live: true,
    secret: true,
    doc: 'Opens an encrypted private key.',
  }),
  tlsClientAuth: setting<'none' | 'optional' | 'require'>({
    path: 'tls.clientAuth',
    kind: oneOf('none', 'optional', 'require'),
    default: 'none',
    modelMesh: { names: ['MM_TLS_CLIENT_AUTH'] },
    live: false,
    doc: 'Whether clients show a certificate. `optional`: one that is shown must be trusted.',
  }),
  tlsTrust: setting<readonly string[]>({
    path: 'tls.trustPaths',
    kind: listOf(path),
    default: [],
    defaultText: "the system's",
    modelMesh: { names: ['MM_TLS_TRUST_CERT_PATH'] },
    live: true,
    doc: 'PEM files, or folders of `.pem` and `.crt` files, of authorities that clients are trusted by.',
  }),
};

const RULES = {
  rulesInline: setting<string | null>({
    path: 'dataPlane.rules',
    kind: jsonText,
    default: null,
    defaultText: "the Open Inference Protocol's names are found, other methods are routed by headers",
    modelMeshDefault: '{"allowOtherRpcs": true}',
    modelMesh: { names: ['MM_DATAPLANE_CONFIG'] },
    live: true,
    doc: 'Methods that are allowed, and where the ids stand in their messages, in the JSON of ModelMesh.',
  }),
  rulesFile: setting<string | null>({
    path: 'dataPlane.rulesFile',
    kind: path,
    default: null,
    modelMesh: { names: ['MM_DATAPLANE_CONFIG_PATH'] },
    live: true,
    doc: 'The same in a file, which is watched.',
  }),
};

const TIMES_AND_LOG = {
  http2Engine: setting<'h2' | 'node-http2'>({
    path: 'http2.engine',
    kind: oneOf('h2', 'node-http2'),
    default: 'h2',
    live: false,
    doc: 'What carries HTTP/2: `h2`, frames of our own, or `node-http2`, the engine of Node, which costs more than twice the CPU a call.',
  }),
  cachePolicy: setting<CachePolicyName>({
    path: 'cache.policy',
    kind: oneOf('lru', 'cost-aware'),
    default: 'lru',
    live: false,
    doc: 'Which copies go first when room has to be made: `lru` those used longest ago, `cost-aware` those that cost the least seconds of loading for their memory.',
  }),
  failureExpiry: setting({
    path: 'cache.loadFailureExpiry',
    kind: duration(1000, NO_TIMEOUT_MS),
    default: durationMs(900_000),
    defaultText: '15m',
    modelMesh: { names: ['MM_LOAD_FAILURE_EXPIRY_TIME_MS'], kind: timesOf(1, 1000, NO_TIMEOUT_MS) },
    live: false,
    doc: 'A failed load is tried again after this time, half of it if the model is in use.',
  }),
  unloadReserve: setting<Bytes | null>({
    path: 'cache.unloadReserve',
    kind: orWord(quantity(0, Number.MAX_SAFE_INTEGER), 'auto'),
    default: null,
    defaultText: "auto: by ModelMesh's formula",
    live: false,
    doc: 'Memory that is kept free so that a load need not wait for an unload.',
  }),
  spaceWait: setting({
    path: 'cache.spaceWait',
    kind: duration(1000, 3_600_000),
    default: durationMs(180_000),
    defaultText: '3m',
    live: false,
    doc: 'A load that finds no room in this time is given up, which is no failure of the model.',
  }),
  minChurnAge: setting({
    path: 'cache.minChurnAge',
    kind: duration(0, NO_TIMEOUT_MS),
    default: durationMs(0),
    defaultText: '0ms',
    live: false,
    doc: 'A full cache whose least recently used copy was used within this time takes nothing in.',
  }),
  leakMax: setting({
    path: 'cache.leakBytesMax',
    kind: quantity(UNIT_BYTES, Number.MAX_SAFE_INTEGER),
    default: bytes(256 * 1024 * 1024),
    live: false,
    doc: 'Memory that the runtime may hold beyond what is booked; above it its copies are drained and it is started anew.',
  }),
  drainGrace: setting({
    path: 'cache.drainGrace',
    kind: duration(0, 3_600_000),
    default: durationMs(128_000),
    defaultText: '128s',
    live: false,
    doc: 'A copy that has to go waits this long for its calls.',
  }),
  shutdownTimeout: setting<DurationMs>({
    path: 'shutdownTimeout',
    kind: duration(0, 3_600_000),
    default: durationMs(30_000),
    defaultText: '30s',
    modelMesh: { names: ['SHUTDOWN_TIMEOUT_MS'], kind: timesOf(1, 0, 3_600_000) },
    live: false,
    doc: 'Calls in flight get this time when the node ends.',
  }),
  logLevel: setting<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>({
    path: 'log.level',
    kind: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal'),
    default: 'info',
    live: true,
    doc: 'The least level that is logged.',
  }),
  logCalls: setting({
    path: 'log.calls',
    kind: yesNo,
    default: false,
    modelMesh: { names: ['MM_LOG_EACH_INVOKE'] },
    live: true,
    doc: 'Whether each call of a runtime is logged.',
  }),
  logHeaders: setting<ReadonlyMap<string, string>>({
    path: 'log.headers',
    kind: textMap('an object of header names, each with the name of a log field', false),
    default: new Map(),
    defaultText: 'none',
    modelMesh: { names: ['MM_LOG_REQUEST_HEADERS'] },
    live: true,
    doc: 'Request headers that log lines of calls carry, and under which names.',
  }),
};

/** All settings by the name that code knows them by. */
export const SETTINGS = {
  ...IDENTITY,
  ...LISTENERS,
  ...TLS,
  ...REGISTRY_SETTINGS,
  ...START_SETTINGS,
  ...CLUSTER_SETTINGS,
  ...RUNTIME_SETTINGS,
  ...RULES,
  ...METRICS_SETTINGS,
  ...PEER_SETTINGS,
  ...CORS_SETTINGS,
  ...LIMIT_SETTINGS,
  ...WORKER_SETTINGS,
  ...TOKEN_SETTINGS,
  ...STRATEGY_SETTINGS,
  ...TIMES_AND_LOG,
};

/** Name of a setting in code. */
export type SettingName = keyof typeof SETTINGS;

/** The parsed values of all settings. */
export type SettingValues = {
  readonly [Name in SettingName]: (typeof SETTINGS)[Name]['default'];
};
