import { bytes, durationMs, instanceId, unitsForBytes } from '@modelmesh/core';
import { DEFAULT_SCALING_CONFIG, type ScalingConfig } from '@modelmesh/core/scaling';
import type { ConnectTarget } from '@modelmesh/grpc/stream';
import { peerOf } from './assemble-peer.ts';
import {
  type AdminListenerConfig,
  type Config,
  type CorsConfig,
  type DataPlaneRulesConfig,
  type EmbeddedLimits,
  type LimitsConfig,
  type ListenerConfig,
  type ListenerRole,
  type MetricsConfig,
  NO_LIMIT,
  NO_TIMEOUT_MS,
  type RegistryConfig,
  type RuntimeConfig,
  type StrategiesConfig,
  type TlsConfig,
  type TokensConfig,
  type TypeConstraintsConfig,
} from './config.ts';
import type { Resolved } from './layer.ts';
import { type ConfigProblem, shownValue } from './problem.ts';
import { SETTINGS, type SettingName, type SettingValues } from './settings.ts';

/** What the machine says of itself. */
export interface Machine {
  readonly hostName: string;
  /** Folder for temporary files. */
  readonly tempFolder: string;
}

/** Bytes of a unix socket's path: what the smallest of the supported systems takes to listen on. */
const SOCKET_PATH_BYTES_MAX = 103;
const INSTANCE_ID_CHARS = 12;

/** What assembling reads and adds to. */
export interface Assembling {
  readonly machine: Machine;
  readonly info: MetricsConfig['info'];
  readonly problems: ConfigProblem[];
  readonly warnings: ConfigProblem[];
}

type EtcdSource = Extract<RegistryConfig, { readonly kind: 'etcd' }>['from'];

/** Makes the configuration of checked values, checks what they mean together, and freezes it. Only valid if no problem was added. */
export function assembleConfig(resolved: Resolved, around: Assembling): Config {
  const { values } = resolved;
  const problem: AddProblem = (name, expected) => {
    const shown = SETTINGS[name].path;
    const value = 'secret' in SETTINGS[name] ? null : shownOrNull(values[name]);
    around.problems.push({ name: shown, value, from: resolved.from.get(name) ?? 'default', expected });
  };
  const tls = tlsOf(values, problem);
  const config: Config = {
    modelMeshCompat: values.compat === 'modelmesh',
    serviceName: serviceNameOf(values, problem),
    instanceId: instanceId(values.instanceId ?? idOfMachine(around.machine.hostName)),
    registryPrefix: values.registryPrefix,
    location: values.location ?? around.machine.hostName,
    zone: values.zone,
    labels: new Set([...values.labels].sort()),
    defaultEndpointOwner: values.endpointOwner,
    dataDir: values.dataDir,
    listeners: listenersOf(values, tls !== null, problem),
    probes: adminListener(values.probesHost, values.probesPort),
    prestop: adminListener(values.prestopHost, values.prestopPort),
    metrics: metricsOf(values, around.info),
    statsd: statsdOf(values),
    tls,
    cors: corsOf(values, problem),
    tokens: tokensOf(values),
    strategies: strategiesOf(values),
    plugins: values.plugins,
    registry: registryOf(values, resolved, problem),
    readOnly: values.readOnly,
    staticModels: { inline: values.staticModels, file: values.staticModelsFile },
    peer: peerOf(values, resolved, around.machine, problem),
    runtime: runtimeOf(values, resolved, around.machine, problem),
    dataPlaneRules: rulesOf(values, resolved, problem),
    typeConstraints: constraintsOf(values, problem),
    scaling: scalingOf(values),
    failFast: { enabled: values.failFast, periodMs: values.failFastPeriod },
    limits: limitsOf(values, problem),
    cache: {
      policy: values.cachePolicy,
      loadFailureExpiryMs: values.failureExpiry,
      unloadReserveUnits: values.unloadReserve === null ? null : unitsForBytes(values.unloadReserve),
      drainGraceMs: values.drainGrace,
      spaceWaitMs: values.spaceWait,
      minChurnAgeMs: values.minChurnAge,
      leakMaxUnits: unitsForBytes(values.leakMax),
    },
    http2Engine: values.http2Engine,
    workers: values.workers,
    workerThreads: values.workerThreads,
    shutdownTimeoutMs: values.shutdownTimeout,
    logLevel: values.logLevel,
    logEachInvocation: values.logCalls,
    logHeaders: values.logHeaders,
  };
  checkPorts(config, values, problem);
  return deepFreeze(config);
}

/** Adds a problem of a setting: what it has to be. */
export type AddProblem = (name: SettingName, expected: string) => void;

const shownOrNull = (value: unknown): string | null => (value === null || value === undefined ? null : shownValue(value));

function serviceNameOf({ serviceName }: SettingValues, problem: AddProblem): string {
  if (serviceName === null) problem('serviceName', 'a name: MM_SERVICE_NAME is required under MM_COMPAT=modelmesh');
  return serviceName ?? '';
}

/** The last characters of the machine's name that an id may have. */
const idOfMachine = (hostName: string): string => hostName.replace(/[\s,/]/g, '').slice(-INSTANCE_ID_CHARS) || 'node';

const adminListener = (host: string, port: number | null): AdminListenerConfig | null => (port === null ? null : { host, port });

function tlsOf(values: SettingValues, problem: AddProblem): TlsConfig | null {
  const { tlsCert: certPath, tlsKey: keyPath, tlsPassphrase: keyPassphrase, tlsClientAuth: clientAuth, tlsTrust } = values;
  if (certPath === null && keyPath === null) {
    const needsKey = 'it unset, or a certificate and its key (tls.certPath, tls.keyPath)';
    if (clientAuth !== 'none') problem('tlsClientAuth', needsKey);
    if (keyPassphrase !== null) problem('tlsPassphrase', needsKey);
    if (tlsTrust.length > 0) problem('tlsTrust', needsKey);
    if (values.inferenceTls === true) problem('inferenceTls', needsKey);
    if (values.managementTls === true) problem('managementTls', needsKey);
    return null;
  }
  if (certPath === null) problem('tlsCert', 'the certificate of the key that tls.keyPath names');
  if (keyPath === null) problem('tlsKey', 'the private key of the certificate that tls.certPath names');
  if (tlsTrust.length > 0 && clientAuth === 'none') problem('tlsTrust', 'it unset, or tls.clientAuth optional or require');
  return { certPath: certPath ?? '', keyPath: keyPath ?? '', keyPassphrase, clientAuth, trustPaths: tlsTrust };
}

function strategiesOf(values: SettingValues): StrategiesConfig {
  const { strategyPeriod: periodMs, pickWait: pickWaitMaxMs, pickBudget, weightsWait: weightsWaitMaxMs } = values;
  return { periodMs, pickWaitMaxMs, pickBudgetMs: durationMs(pickBudget / 1000), weightsWaitMaxMs };
}

/** Nodes that share a registry must share their keys too: none of them may make its own. */
function tokensOf({ tokenKeys, tokensRemembered: rememberedMax, registryKind, dataDir }: SettingValues): TokensConfig {
  if (tokenKeys !== null) return { keys: { kind: 'named', path: tokenKeys }, rememberedMax };
  return { keys: registryKind === 'etcd' ? { kind: 'none' } : { kind: 'own', path: `${dataDir}/token-keys` }, rememberedMax };
}

function corsOf(values: SettingValues, problem: AddProblem): CorsConfig {
  const { corsOrigins: origins, corsCredentials: credentials } = values;
  if (credentials && origins.includes('*')) problem('corsCredentials', 'false, or origins by name instead of * (cors.origins)');
  return {
    origins,
    requestHeaders: values.corsRequestHeaders,
    answerHeaders: values.corsAnswerHeaders,
    maxAgeMs: values.corsMaxAge,
    credentials,
  };
}

function listenersOf(values: SettingValues, hasTls: boolean, problem: AddProblem): readonly ListenerConfig[] {
  const own = typeof values.managementPort === 'number';
  const roles: ListenerRole[] = values.managementPort === 'shared' ? ['inference', 'management'] : ['inference'];
  const socketPath = values.inferenceSocket;
  if (socketPath !== null) checkSocketPath('inferenceSocket', socketPath, problem);
  const inference: ListenerConfig = {
    roles: new Set(roles),
    host: values.inferenceHost,
    port: values.inferencePort,
    ...(socketPath === null ? {} : { socketPath }),
    tls: values.inferenceTls ?? (hasTls && socketPath === null),
  };
  if (!own) return [inference];
  const management: ListenerConfig = {
    roles: new Set<ListenerRole>(['management']),
    host: values.managementHost ?? values.inferenceHost,
    port: Number(values.managementPort),
    tls: values.managementTls ?? hasTls,
  };
  return [inference, management];
}

function checkSocketPath(name: SettingName, path: string, problem: AddProblem): void {
  const length = Buffer.byteLength(path);
  if (length > SOCKET_PATH_BYTES_MAX)
    problem(name, `a path of at most ${SOCKET_PATH_BYTES_MAX} bytes, for more no system can listen on; this one has ${length}`);
}

function metricsOf(values: SettingValues, info: MetricsConfig['info']): MetricsConfig | null {
  const listener = adminListener(values.metricsHost, values.metricsPort);
  if (listener === null) return null;
  return {
    listener,
    scheme: values.metricsScheme,
    fullMethodNames: values.metricsFullNames,
    perModel: values.metricsPerModel,
    modelsMax: values.metricsModelsMax,
    variantsMax: values.metricsVariantsMax,
    processMetrics: values.metricsProcess,
    logScrapes: values.metricsLogScrapes,
    info,
  };
}

function statsdOf(values: SettingValues): Config['statsd'] {
  const { statsdHost: host, statsdPort: port, statsdLegacy: legacy, metricsFullNames: fullMethodNames } = values;
  return port === null ? null : { host, port, legacy, fullMethodNames };
}

function registryOf(values: SettingValues, { from }: Resolved, problem: AddProblem): RegistryConfig {
  if (values.registryKind !== 'etcd')
    for (const name of ['registryFile' as const, ...ETCD_SETTINGS])
      if (from.has(name)) problem(name, 'it unset, or registry.kind etcd');
  if (values.registryKind !== 'sqlite' && from.has('registryPath')) problem('registryPath', 'it unset, or registry.kind sqlite');
  if (values.registryKind === 'memory') return { kind: 'memory' };
  if (values.registryKind === 'etcd') return { kind: 'etcd', from: etcdOf(values, from, problem) };
  return { kind: 'sqlite', path: values.registryPath ?? `${values.dataDir}/registry.sqlite` };
}

const ETCD_SETTINGS = [
  'registryEndpoints',
  'registryRoot',
  'registryCa',
  'registryCert',
  'registryKey',
  'registryUser',
  'registryPasswordFile',
  'registryAuthority',
] as const;

function etcdOf(values: SettingValues, from: Resolved['from'], problem: AddProblem): EtcdSource {
  const { registryFile: file, registryEndpoints: endpoints } = values;
  if (file !== null) {
    for (const name of ETCD_SETTINGS) if (from.has(name)) problem(name, 'it unset, as registry.file is set');
    return { file };
  }
  const { registryCa: caPath, registryCert: certPath, registryKey: keyPath } = values;
  const { registryUser: user, registryPasswordFile: passwordFile } = values;
  if (endpoints.length === 0) problem('registryEndpoints', 'at least one, such as etcd.example:2379');
  const [first] = endpoints;
  if (endpoints.some(({ scheme }) => scheme !== first?.scheme)) problem('registryEndpoints', 'all of them http, or all https');
  if (first?.scheme === 'http') {
    const needsTls = 'it unset, or registry.endpoints with https';
    if (caPath !== null) problem('registryCa', needsTls);
    if (certPath !== null) problem('registryCert', needsTls);
    if (keyPath !== null) problem('registryKey', needsTls);
  }
  if (certPath === null && keyPath !== null) problem('registryCert', 'the certificate of the key that registry.keyPath names');
  if (certPath !== null && keyPath === null)
    problem('registryKey', 'the private key of the certificate that registry.certPath names');
  if (user === null && passwordFile !== null) problem('registryUser', 'the user whose password registry.passwordFile holds');
  if (user !== null && passwordFile === null) problem('registryPasswordFile', 'the file with the password of registry.user');
  const rootPrefix = values.registryRoot ?? '';
  return {
    settings: { endpoints, rootPrefix, caPath, certPath, keyPath, user, passwordFile, authority: values.registryAuthority },
  };
}

const EMBEDDED_ONLY = [
  'runtimeSocket',
  'runtimeCapacity',
  'runtimeWorkers',
  'storageRoot',
  'runtimeCache',
  'runtimeServer',
  'runtimeWorkersMax',
  'runtimeDefaultModel',
  'runtimeLoading',
  'runtimeLoadTimeout',
  'runtimeRuns',
  'runtimeRunBytes',
  'runtimeStreams',
  'runtimeCacheBytes',
  'runtimeDownload',
  'runtimeSilence',
  'runtimeStopGrace',
] as const;
const EXTERNAL_ONLY = ['runtimeManagement', 'runtimeInference'] as const;

function runtimeOf(values: SettingValues, { from }: Resolved, machine: Machine, problem: AddProblem): RuntimeConfig {
  const embedded = values.runtimeKind === 'embedded';
  const foreign: readonly SettingName[] = embedded ? EXTERNAL_ONLY : EMBEDDED_ONLY;
  for (const name of foreign) {
    if (from.has(name)) problem(name, `it unset, or runtime.kind ${embedded ? 'external' : 'embedded'}`);
  }
  if (!embedded) {
    const { runtimeManagement: management, runtimeInference: inference } = values;
    if (management.length === 0) problem('runtimeManagement', 'at least one address');
    for (const target of management) checkTarget('runtimeManagement', target, problem);
    if (inference !== null) checkTarget('runtimeInference', inference, problem);
    return { kind: 'external', management, inference };
  }
  if (values.runtimeSocket !== null) checkSocketPath('runtimeSocket', values.runtimeSocket, problem);
  return {
    kind: 'embedded',
    server: values.runtimeServer,
    socketPath: values.runtimeSocket ?? defaultSocket(values, machine),
    capacityBytes: values.runtimeCapacity,
    workers: values.runtimeWorkers,
    storageRoot: values.storageRoot,
    cacheDir: values.runtimeCache ?? `${values.dataDir}/cache`,
    limits: embeddedLimitsOf(values, problem),
  };
}

const MIB = 1024 * 1024;
/** Several models must fit, or the cache cannot work: what the contract asks for (spec `modelmesh.md` §1.3), checked by the runtime too. */
const capacityNeeded = (modelBytes: number): number => Math.max(2 * modelBytes, Math.min(512 * MIB, 10 * modelBytes));

function embeddedLimitsOf(values: SettingValues, problem: AddProblem): EmbeddedLimits {
  const { runtimeWorkers: workers, runtimeWorkersMax: workersMax, runtimeCapacity, runtimeDefaultModel } = values;
  if (workers !== null && workersMax !== null && workersMax < workers)
    problem('runtimeWorkersMax', `no less than runtime.workers, which is ${workers}`);
  const neededBytes = capacityNeeded(runtimeDefaultModel);
  if (runtimeCapacity !== null && runtimeCapacity < neededBytes)
    problem('runtimeCapacity', `at least ${neededBytes} with runtime.defaultModelBytes of ${runtimeDefaultModel}`);
  return {
    workersMax,
    defaultModelBytes: runtimeDefaultModel,
    loadingConcurrency: values.runtimeLoading,
    loadTimeoutMs: values.runtimeLoadTimeout,
    runsQueuedMax: values.runtimeRuns,
    runBytesQueuedMax: values.runtimeRunBytes,
    streamsMax: values.runtimeStreams,
    cacheBytes: values.runtimeCacheBytes,
    downloadBytesMax: values.runtimeDownload,
    downloadSilenceMs: values.runtimeSilence,
    stopGraceMs: values.runtimeStopGrace,
  };
}

function checkTarget(name: SettingName, target: ConnectTarget, problem: AddProblem): void {
  if (target.kind === 'unix') checkSocketPath(name, target.path, problem);
}

/** Beside the node's other files; in the folder for temporary ones when that path is too long, told apart by a hash of it. */
function defaultSocket({ dataDir }: SettingValues, { tempFolder }: Machine): string {
  const beside = `${dataDir}/runtime.sock`;
  if (Buffer.byteLength(beside) <= SOCKET_PATH_BYTES_MAX) return beside;
  let hash = 0;
  for (const unit of Buffer.from(dataDir)) hash = (Math.imul(hash, 31) + unit) >>> 0;
  return `${tempFolder}/mmesh-${hash.toString(16)}.sock`;
}

function rulesOf(values: SettingValues, { from }: Resolved, problem: AddProblem): DataPlaneRulesConfig {
  const { rulesInline: json, rulesFile: path } = values;
  if (path !== null) {
    if (from.has('rulesInline')) problem('rulesFile', 'it unset, as dataPlane.rules is set');
    return { kind: 'file', path };
  }
  return json === null ? { kind: 'default' } : { kind: 'inline', json };
}

function constraintsOf(values: SettingValues, problem: AddProblem): TypeConstraintsConfig {
  const { typeConstraints: json, typeConstraintsFile: path } = values;
  if (json !== null) {
    if (path !== null) problem('typeConstraintsFile', 'it unset, as placement.typeConstraints is set');
    return { kind: 'inline', json };
  }
  return path === null ? { kind: 'none' } : { kind: 'file', path };
}

const scalingOf = (values: SettingValues): ScalingConfig => ({
  ...DEFAULT_SCALING_CONFIG,
  callsPerMinuteMax: values.callsPerMinute,
  concurrencyPercent: values.concurrencyPercent,
  meanQueueMaxMs: values.queueTime,
  hotCallsPerCopyMax: values.hotCalls,
  scaleUpsInFlightMax: values.scaleUpsInFlight,
});

function limitsOf(values: SettingValues, problem: AddProblem): LimitsConfig {
  if (values.replayPerCall > values.replay) problem('replayPerCall', 'no more than limits.replayBytesMax');
  if (values.shadowCallBytes > values.shadowBytes) problem('shadowCallBytes', 'no more than limits.shadowBytesMax');
  if (values.waitingPerModel > values.waiting) problem('waitingPerModel', 'no more than limits.waitingCallsMax');
  if (values.connectionAgeGrace !== null && values.connectionAgeMax === null)
    problem('connectionAgeGrace', 'it unset, or limits.connectionAgeMax set');
  if (values.restLargeBodies > values.restBodies) problem('restLargeBodies', 'no more than limits.restBodiesBytesMax');
  if (values.streamWindow > values.connectionWindow) problem('streamWindow', 'no more than limits.connectionWindowBytes');
  return {
    messageBytesMax: values.messageBytesMax,
    turnsPerCopyMax: values.turnsPerCopy === 'derived' ? null : (values.turnsPerCopy ?? NO_LIMIT),
    headerListBytesMax: values.headerListBytesMax,
    streamsPerConnectionMax: values.streamsPerConnectionMax,
    streamWindowBytes: values.streamWindow,
    streamWindowBytesMax: bytes(Math.max(values.streamWindow, values.streamWindowMax)),
    connectionWindowBytes: values.connectionWindow,
    connectionsMax: values.connectionsMax,
    connectionAgeMaxMs: values.connectionAgeMax,
    connectionAgeGraceMs: values.connectionAgeGrace,
    replayBytesPerCallMax: values.replayPerCall,
    replayBytesMax: values.replay,
    waitingCallsPerModelMax: values.waitingPerModel,
    waitingCallsMax: values.waiting,
    shadows: {
      callBytesMax: values.shadowCallBytes,
      bytesMax: values.shadowBytes,
      queuedMax: values.shadowQueue,
      concurrencyMax: values.shadowConcurrency,
      timeoutMs: values.shadowTimeout,
    },
    runtimeQueueMax: values.runtimeQueue,
    openingBytesMax: values.opening,
    restBodyBytesMax: values.restBody,
    restBodiesBytesMax: values.restBodies,
    restLargeBodiesBytesMax: values.restLargeBodies,
    decompressionRatioMax: values.decompressionRatio,
    multiModelParallelism: values.multiParallelism,
    unaryTimeoutMs: values.unaryTimeout ?? durationMs(NO_TIMEOUT_MS),
    loadQueueMax: values.loadQueue,
    copiesMax: values.copies,
  };
}

/** Two listeners of one port would find it taken; said here before any of them is opened. */
function checkPorts(config: Config, values: SettingValues, problem: AddProblem): void {
  const used: { readonly port: number; readonly path: string }[] = [];
  const claim = (name: SettingName, port: number | null | undefined): void => {
    if (port === null || port === undefined || port === 0) return;
    const other = used.find((claimed) => claimed.port === port);
    if (other !== undefined) problem(name, `a port that nothing else has: ${other.path} has it${advice(name)}`);
    used.push({ port, path: SETTINGS[name].path });
  };
  if (values.inferenceSocket === null) claim('inferencePort', values.inferencePort);
  claim('managementPort', typeof values.managementPort === 'number' ? values.managementPort : null);
  claim('probesPort', config.probes?.port);
  claim('prestopPort', config.prestop?.port);
  claim('metricsPort', config.metrics?.listener.port);
  claim('peerPort', config.peer?.port);
}

const advice = (name: SettingName): string =>
  name === 'managementPort' ? '; `shared` serves management on the inference port' : '';

/** Maps and sets are typed as read-only and cannot be frozen. */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || value instanceof Map || value instanceof Set) return value;
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}
