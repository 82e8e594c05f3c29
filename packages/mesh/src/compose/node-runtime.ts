import { resolve } from 'node:path';
import type { Clock } from '@modelmesh/core';
import type { ConnectTarget, StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import type { EmbeddedLimits, RuntimeConfig } from '../config/index.ts';
import type { Log } from '../log/index.ts';
import { EmbeddedProcess, GrpcRuntime, type Runtime } from '../runtime/index.ts';

/** What a runtime is composed of. */
export interface NodeRuntimeParts {
  readonly engine: StreamEngine;
  readonly limits: StreamLimits;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly log: Log;
  /** Program and arguments that start the embedded runtime. */
  readonly embeddedCommand: readonly string[];
  /** Environment that a child process inherits. */
  readonly environment: Readonly<Record<string, string>>;
  readonly messageBytesMax: number;
}

/** The runtime of a node: a child process of its own, or one that is found running. */
export function composeRuntime(config: RuntimeConfig, parts: NodeRuntimeParts): Runtime {
  const { engine, limits, clock, timers, log } = parts;
  if (config.kind === 'external') {
    const { management: targets, inference } = config;
    return new GrpcRuntime({ engine, limits, clock, timers, targets, inference, process: null });
  }
  const target: ConnectTarget = { kind: 'unix', path: resolve(config.socketPath) };
  const process = new EmbeddedProcess({
    command: parts.embeddedCommand,
    environment: embeddedEnvironment(config, parts),
    clock,
    stopGraceMs: config.limits.stopGraceMs,
    onLine: (line) => log.debug('runtime-output', line),
    onEnded: (message) => log.warn('runtime-ended', message),
  });
  return new GrpcRuntime({ engine, limits, clock, timers, targets: [target], inference: null, process });
}

/** What a message that the node takes may grow by when the model's key is put into it: the runtime takes that much more. */
const INJECTED_BYTES_MAX = 2048;
/** Of the time that a runtime gets to end, calls may go on for this share; in the rest it unloads. */
const CALLS_SHARE_OF_GRACE = 0.8;

type EmbeddedConfig = Extract<RuntimeConfig, { readonly kind: 'embedded' }>;

/** The environment of the embedded runtime: the node's without the node's own settings, and what the runtime is told. */
export function embeddedEnvironment(
  config: EmbeddedConfig,
  { environment, messageBytesMax }: Pick<NodeRuntimeParts, 'environment' | 'messageBytesMax'>,
): Record<string, string> {
  return { ...inherited(environment), ...placeVariables(config), ...limitVariables(config.limits, messageBytesMax) };
}

/** What it serves, where and with which means; the names are its own (`packages/runtime`). */
function placeVariables(config: EmbeddedConfig): Record<string, string> {
  const variables: Record<string, string> = {
    MESH_RUNTIME_SERVER: config.server,
    MESH_RUNTIME_SOCKET: resolve(config.socketPath),
    MESH_RUNTIME_CACHE_FOLDER: resolve(config.cacheDir),
    MESH_RUNTIME_ENDS_WITH_STDIN: 'true',
  };
  if (config.capacityBytes !== null) variables.MESH_RUNTIME_CAPACITY_BYTES = String(config.capacityBytes);
  if (config.workers !== null) variables.MESH_RUNTIME_WORKERS = String(config.workers);
  if (config.storageRoot !== null) variables.MESH_RUNTIME_STORAGE_ROOT = resolve(config.storageRoot);
  return variables;
}

function limitVariables(limits: EmbeddedLimits, messageBytesMax: number): Record<string, string> {
  const variables: Record<string, string> = {
    MESH_RUNTIME_MESSAGE_BYTES_MAX: String(messageBytesMax + INJECTED_BYTES_MAX),
    MESH_RUNTIME_DEFAULT_MODEL_BYTES: String(limits.defaultModelBytes),
    MESH_RUNTIME_LOADING_CONCURRENCY: String(limits.loadingConcurrency),
    MESH_RUNTIME_LOAD_TIMEOUT_MS: String(limits.loadTimeoutMs),
    MESH_RUNTIME_RUNS_QUEUED_MAX: String(limits.runsQueuedMax),
    MESH_RUNTIME_RUN_BYTES_QUEUED_MAX: String(limits.runBytesQueuedMax),
    MESH_RUNTIME_STREAMS_MAX: String(limits.streamsMax),
    MESH_RUNTIME_CACHE_BYTES: String(limits.cacheBytes),
    MESH_RUNTIME_DOWNLOAD_BYTES_MAX: String(limits.downloadBytesMax),
    MESH_RUNTIME_DOWNLOAD_SILENCE_MS: String(limits.downloadSilenceMs),
    MESH_RUNTIME_GRACE_MS: String(Math.floor(limits.stopGraceMs * CALLS_SHARE_OF_GRACE)),
  };
  if (limits.workersMax !== null) variables.MESH_RUNTIME_WORKERS_MAX = String(limits.workersMax);
  return variables;
}

/** The node's own settings are not the runtime's, though most names are alike. */
function inherited(environment: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(?:MESH|MM)_/.test(name)));
}
