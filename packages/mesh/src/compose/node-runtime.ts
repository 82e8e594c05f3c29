import { resolve } from 'node:path';
import type { Clock } from '@modelmesh/core';
import type { ConnectTarget, StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import type { RuntimeConfig } from '../config/index.ts';
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
    environment: { ...inherited(parts.environment), ...variablesOf(config, parts.messageBytesMax) },
    clock,
    onLine: (line) => log.debug('runtime-output', line),
    onEnded: (message) => log.warn('runtime-ended', message),
  });
  return new GrpcRuntime({ engine, limits, clock, timers, targets: [target], inference: null, process });
}

/** What the embedded runtime is told; the names are its own (`packages/runtime`). */
function variablesOf(config: Extract<RuntimeConfig, { kind: 'embedded' }>, messageBytesMax: number): Record<string, string> {
  const variables: Record<string, string> = {
    MESH_RUNTIME_SERVER: config.server,
    MESH_RUNTIME_SOCKET: resolve(config.socketPath),
    MESH_RUNTIME_CACHE_FOLDER: resolve(config.cacheDir),
    MESH_RUNTIME_MESSAGE_BYTES_MAX: String(messageBytesMax),
    MESH_RUNTIME_ENDS_WITH_STDIN: 'true',
  };
  if (config.capacityBytes !== null) variables.MESH_RUNTIME_CAPACITY_BYTES = String(config.capacityBytes);
  if (config.workers !== null) variables.MESH_RUNTIME_WORKERS = String(config.workers);
  if (config.storageRoot !== null) variables.MESH_RUNTIME_STORAGE_ROOT = resolve(config.storageRoot);
  return variables;
}

/** The node's own settings are not the runtime's, though some names are alike. */
function inherited(environment: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(?:MESH|MM)_/.test(name)));
}
