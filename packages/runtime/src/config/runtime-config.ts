import { type DurationMs, durationMs, MeshError } from '@modelmesh/core';
import type { ListenTarget } from '@modelmesh/grpc/listen';
import { VariableReader } from './variable-reader.ts';

/** Servers that a runtime process can be. */
export type ServerKind = 'onnx' | 'null' | 'stream-text';

const SERVER_KINDS: readonly ServerKind[] = ['onnx', 'null', 'stream-text'];

/** What defaults depend on. */
export interface Machine {
  /** Memory that this process may use: the container's limit where there is one, else the machine's. */
  readonly memoryBytes: number;
  readonly cores: number;
  readonly temporaryFolder: string;
}

/** Everything a runtime process is told; frozen at its start. */
export interface RuntimeConfig {
  readonly server: ServerKind;
  readonly listen: ListenTarget;
  readonly capacityBytes: number;
  readonly defaultModelBytes: number;
  readonly loadingConcurrencyMax: number;
  readonly loadTimeoutMs: DurationMs;
  readonly workersMin: number;
  readonly workersMax: number;
  readonly runsQueuedMax: number;
  readonly runBytesQueuedMax: number;
  readonly messageBytesMax: number;
  readonly streamsMax: number;
  readonly storageRoot: string | undefined;
  readonly cacheFolder: string;
  readonly cacheBytes: number;
  readonly downloadBytesMax: number;
  readonly downloadSilenceMs: DurationMs;
  readonly graceMs: DurationMs;
  /** Ends with its parent: when the standard input ends. An IPC channel is always watched. */
  readonly endsWithStdin: boolean;
}

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
/** Share of the memory that models get; the rest is for the process itself, its requests and everyone else. */
const CAPACITY_SHARE = 0.5;
/** The null server's, whose models take no memory: the same on every machine. */
const NULL_CAPACITY_BYTES = 8 * GiB;
const CAPACITY_BYTES_MIN = 64 * MiB;
/** The largest message that a node can be told to take, and what it may add to one. */
const MESSAGE_BYTES_MAX = 2 * GiB + 2048;

/** Names of all variables with what they mean, for the reference and for typing errors. */
export const RUNTIME_VARIABLES = {
  MESH_RUNTIME_SERVER: 'onnx (default), null or stream-text',
  MESH_RUNTIME_SOCKET: 'absolute path of the unix socket to listen on',
  MESH_RUNTIME_HOST: 'address to listen on with MESH_RUNTIME_PORT; 127.0.0.1 by default',
  MESH_RUNTIME_PORT: 'TCP port to listen on instead of a socket; 0 takes any free one',
  MESH_RUNTIME_CAPACITY_BYTES:
    'memory for models; half of the memory that the process may use by default, 8 GiB with the null server',
  MESH_RUNTIME_DEFAULT_MODEL_BYTES: 'booked for a model of unknown size; 1 MiB by default',
  MESH_RUNTIME_LOADING_CONCURRENCY: 'models that load at once; 2 by default',
  MESH_RUNTIME_LOAD_TIMEOUT_MS: 'how long a load may take; 90 000 by default',
  MESH_RUNTIME_WORKERS: 'threads that run models; one for each core by default',
  MESH_RUNTIME_WORKERS_MAX: 'threads while loads would disturb runs; two more by default',
  MESH_RUNTIME_RUNS_QUEUED_MAX: 'requests that may wait for one thread; 4096 by default',
  MESH_RUNTIME_RUN_BYTES_QUEUED_MAX: 'bytes of such requests; 256 MiB by default',
  MESH_RUNTIME_MESSAGE_BYTES_MAX: 'largest inference message; 16 MiB by default',
  MESH_RUNTIME_STREAMS_MAX: 'open calls on one connection; 1000 by default',
  MESH_RUNTIME_STORAGE_ROOT: 'absolute folder for relative model paths, which nothing may leave',
  MESH_RUNTIME_CACHE_FOLDER: 'absolute folder for downloads, of this process alone',
  MESH_RUNTIME_CACHE_BYTES: 'bytes of downloads that are kept; 10 GiB by default',
  MESH_RUNTIME_DOWNLOAD_BYTES_MAX: 'largest file that is downloaded; 10 GiB by default',
  MESH_RUNTIME_DOWNLOAD_SILENCE_MS: 'how long a download may stand still; 30 000 by default',
  MESH_RUNTIME_GRACE_MS: 'how long calls may go on after SIGTERM; 10 000 by default',
  MESH_RUNTIME_ENDS_WITH_STDIN: 'true: ends when its standard input does',
} as const;

const PREFIX = 'MESH_RUNTIME_';

/**
 * Reads the configuration from variables; those of other names are not looked at.
 *
 * @throws {MeshError} `invalid-argument` that lists all problems, each with name, value and expectation.
 */
export function parseRuntimeConfig(variables: Readonly<Record<string, string | undefined>>, machine: Machine): RuntimeConfig {
  const read = new VariableReader(variables);
  for (const [name, value] of Object.entries(variables)) {
    if (name.startsWith(PREFIX) && value !== undefined && !Object.hasOwn(RUNTIME_VARIABLES, name)) {
      read.problem(name, value, `one of the names ${Object.keys(RUNTIME_VARIABLES).join(', ')}`);
    }
  }
  const workersMin = read.whole('MESH_RUNTIME_WORKERS', Math.max(1, Math.min(64, machine.cores)), 1, 256);
  const server = read.choice('MESH_RUNTIME_SERVER', 'onnx', SERVER_KINDS);
  const config: RuntimeConfig = {
    server,
    listen: readListen(read),
    capacityBytes: read.whole('MESH_RUNTIME_CAPACITY_BYTES', defaultCapacity(server, machine), CAPACITY_BYTES_MIN, 2 ** 52),
    defaultModelBytes: read.whole('MESH_RUNTIME_DEFAULT_MODEL_BYTES', MiB, 8192, 2 ** 52),
    loadingConcurrencyMax: read.whole('MESH_RUNTIME_LOADING_CONCURRENCY', 2, 1, 256),
    loadTimeoutMs: durationMs(read.whole('MESH_RUNTIME_LOAD_TIMEOUT_MS', 90_000, 100, 86_400_000)),
    workersMin,
    workersMax: read.whole('MESH_RUNTIME_WORKERS_MAX', workersMin + 2, 1, 512),
    runsQueuedMax: read.whole('MESH_RUNTIME_RUNS_QUEUED_MAX', 4096, 1, 1_000_000),
    runBytesQueuedMax: read.whole('MESH_RUNTIME_RUN_BYTES_QUEUED_MAX', 256 * MiB, 1024, 2 ** 40),
    messageBytesMax: read.whole('MESH_RUNTIME_MESSAGE_BYTES_MAX', 16 * MiB, 1024, MESSAGE_BYTES_MAX),
    streamsMax: read.whole('MESH_RUNTIME_STREAMS_MAX', 1000, 1, 1_000_000),
    storageRoot: read.path('MESH_RUNTIME_STORAGE_ROOT'),
    cacheFolder: read.path('MESH_RUNTIME_CACHE_FOLDER') ?? `${machine.temporaryFolder}/modelmesh-files`,
    cacheBytes: read.whole('MESH_RUNTIME_CACHE_BYTES', 10 * GiB, MiB, 2 ** 52),
    downloadBytesMax: read.whole('MESH_RUNTIME_DOWNLOAD_BYTES_MAX', 10 * GiB, 1024, 2 ** 52),
    downloadSilenceMs: durationMs(read.whole('MESH_RUNTIME_DOWNLOAD_SILENCE_MS', 30_000, 100, 3_600_000)),
    graceMs: durationMs(read.whole('MESH_RUNTIME_GRACE_MS', 10_000, 0, 3_600_000)),
    endsWithStdin: read.choice('MESH_RUNTIME_ENDS_WITH_STDIN', 'false', ['true', 'false']) === 'true',
  };
  checkCombinations(read, config);
  if (read.problems.length > 0)
    throw new MeshError('invalid-argument', `the runtime cannot start:\n  ${read.problems.join('\n  ')}`);
  return Object.freeze(config);
}

function readListen(read: VariableReader): ListenTarget {
  const path = read.path('MESH_RUNTIME_SOCKET');
  const port = read.text('MESH_RUNTIME_PORT');
  if (path !== undefined && port !== undefined) read.problem('MESH_RUNTIME_PORT', port, 'no port beside MESH_RUNTIME_SOCKET');
  if (path !== undefined) return { kind: 'unix', path };
  if (port === undefined) read.problem('MESH_RUNTIME_SOCKET', '', 'an absolute path, or MESH_RUNTIME_PORT');
  return {
    kind: 'tcp',
    host: read.text('MESH_RUNTIME_HOST') ?? '127.0.0.1',
    port: read.whole('MESH_RUNTIME_PORT', 0, 0, 65_535),
  };
}

/** What the contract asks for: room for several models; spec `modelmesh.md` §1.3. */
function checkCombinations(read: VariableReader, config: RuntimeConfig): void {
  const { capacityBytes, defaultModelBytes, workersMin, workersMax } = config;
  const needed = Math.max(2 * defaultModelBytes, Math.min(512 * MiB, 10 * defaultModelBytes));
  if (capacityBytes < needed) {
    read.problem(
      'MESH_RUNTIME_CAPACITY_BYTES',
      String(capacityBytes),
      `at least ${needed} with models of ${defaultModelBytes} bytes`,
    );
  }
  if (workersMax < workersMin)
    read.problem('MESH_RUNTIME_WORKERS_MAX', String(workersMax), `at least MESH_RUNTIME_WORKERS, which is ${workersMin}`);
}

function defaultCapacity(server: ServerKind, machine: Machine): number {
  if (server === 'null') return NULL_CAPACITY_BYTES;
  return Math.max(CAPACITY_BYTES_MIN, Math.floor((machine.memoryBytes * CAPACITY_SHARE) / MiB) * MiB);
}
