import { type Bytes, bytes, durationMs } from '@modelmesh/core';
import type { ConnectTarget } from '@modelmesh/grpc/stream';
import { type Setting, setting } from './setting.ts';
import { duration, integer, listOf, oneOf, orWord, path, quantity, target, text } from './value-kind.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
/** Bounds are those of the runtime process, so that what a node takes its runtime takes. */
const BYTES_MAX = 2 ** 52;

const word = text('a word without blanks and slashes', /^[^\s/\p{Cc}]+$/u);

const count = (name: string, fallback: number, max: number, doc: string): Setting<number> =>
  setting({ path: `runtime.${name}`, kind: integer(1, max), default: fallback, live: false, doc });

const size = (name: string, fallback: number, min: number, max: number, doc: string): Setting<Bytes> =>
  setting({ path: `runtime.${name}`, kind: quantity(min, max), default: bytes(fallback), live: false, doc });

/** The runtime beside the node: which it is, where it is, and the bounds of one that the node starts itself. */
export const RUNTIME_SETTINGS = {
  runtimeKind: setting<'embedded' | 'external'>({
    path: 'runtime.kind',
    kind: oneOf('embedded', 'external'),
    default: 'embedded',
    modelMeshDefault: 'external',
    live: false,
    doc: '`embedded`: this node starts its runtime as a child process; `external`: it connects to one.',
  }),
  runtimeServer: setting({
    path: 'runtime.server',
    kind: word,
    default: 'onnx',
    live: false,
    doc: 'What the embedded runtime serves.',
  }),
  runtimeSocket: setting<string | null>({
    path: 'runtime.socketPath',
    kind: path,
    default: null,
    defaultText: '`runtime.sock` in `dataDir`, or in the folder for temporary files if that path is too long',
    live: false,
    doc: 'Unix socket of the embedded runtime.',
  }),
  runtimeCapacity: setting<Bytes | null>({
    path: 'runtime.capacityBytes',
    kind: orWord(quantity(64 * MIB, BYTES_MAX), 'auto'),
    default: null,
    defaultText: "auto: a share of the machine's memory",
    live: false,
    doc: 'Memory that models of the embedded runtime may take.',
  }),
  runtimeWorkers: setting<number | null>({
    path: 'runtime.workers',
    kind: orWord(integer(1, 256), 'auto'),
    default: null,
    defaultText: 'auto',
    live: false,
    doc: 'Threads of the embedded runtime that run models.',
  }),
  storageRoot: setting<string | null>({
    path: 'runtime.storageRoot',
    kind: path,
    default: null,
    defaultText: 'none: absolute paths and URLs only',
    live: false,
    doc: 'Folder against which relative paths of models are read.',
  }),
  runtimeCache: setting<string | null>({
    path: 'runtime.cacheDir',
    kind: path,
    default: null,
    defaultText: '`cache` in `dataDir`',
    live: false,
    doc: 'Where the embedded runtime keeps files that it fetched.',
  }),
  runtimeManagement: setting<readonly ConnectTarget[]>({
    path: 'runtime.management',
    kind: listOf(target),
    default: [
      { kind: 'unix', path: '/tmp/mmesh/grpc.sock' },
      { kind: 'tcp', host: 'localhost', port: 8085 },
    ],
    defaultText: '`unix:/tmp/mmesh/grpc.sock`, `localhost:8085`',
    live: false,
    doc: 'Addresses of an external runtime, asked in turn until one is ready.',
  }),
  runtimeInference: setting<ConnectTarget | null>({
    path: 'runtime.inference',
    kind: orWord(target, 'same'),
    default: null,
    defaultText: 'same: as management',
    live: false,
    doc: 'Where an external runtime takes inference calls.',
  }),
  runtimeWorkersMax: setting<number | null>({
    path: 'runtime.workersMax',
    kind: orWord(integer(1, 512), 'auto'),
    default: null,
    defaultText: 'auto: two more than `runtime.workers`',
    live: false,
    doc: 'Threads of the embedded runtime while loads would disturb running models.',
  }),
  runtimeDefaultModel: size(
    'defaultModelBytes',
    MIB,
    8192,
    BYTES_MAX,
    'Booked by the embedded runtime for a model of unknown size.',
  ),
  runtimeLoading: count('loadingConcurrency', 2, 256, 'Models that the embedded runtime loads at the same time.'),
  runtimeLoadTimeout: setting({
    path: 'runtime.loadTimeout',
    kind: duration(100, 86_400_000),
    default: durationMs(90_000),
    defaultText: '90s',
    live: false,
    doc: 'How long a load of the embedded runtime may take, its download included.',
  }),
  runtimeRuns: count('runsQueuedMax', 4096, 1_000_000, 'Requests that may wait for one thread of the embedded runtime.'),
  runtimeRunBytes: size('runBytesQueuedMax', 256 * MIB, 1024, 2 ** 40, 'Bytes of requests that wait for one thread.'),
  runtimeStreams: count(
    'streamsMax',
    1000,
    1_000_000,
    'Open calls on one connection to the embedded runtime; further ones wait.',
  ),
  runtimeCacheBytes: size('cacheBytes', 10 * GIB, MIB, BYTES_MAX, 'Files that were fetched and are kept in `runtime.cacheDir`.'),
  runtimeDownload: size('downloadBytesMax', 10 * GIB, 1024, BYTES_MAX, 'The largest file that the embedded runtime fetches.'),
  runtimeSilence: setting({
    path: 'runtime.downloadSilence',
    kind: duration(100, 3_600_000),
    default: durationMs(30_000),
    defaultText: '30s',
    live: false,
    doc: 'How long a download of the embedded runtime may stand still.',
  }),
  runtimeStopGrace: setting({
    path: 'runtime.stopGrace',
    kind: duration(0, 3_600_000),
    default: durationMs(5000),
    defaultText: '5s',
    live: false,
    doc: 'The embedded runtime gets this time to end when it is told to, then it is killed.',
  }),
};
