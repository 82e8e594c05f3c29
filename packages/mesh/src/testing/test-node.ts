import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { durationMs, instanceId } from '@modelmesh/core';
import { type CacheConfig, DEFAULT_CACHE_CONFIG } from '@modelmesh/core/cache';
import { Scope } from '@modelmesh/core/scope';
import { SeededRandom } from '@modelmesh/core/testing';
import { GrpcClient, GrpcRouter } from '@modelmesh/grpc/call';
import { createFrameEngine, DEFAULT_STREAM_LIMITS, type ServerConnection } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { registryLayout, schemaKey } from '@modelmesh/wire/registry';
import { allowAll } from '../authz/index.ts';
import type { CallMetrics } from '../dataplane/index.ts';
import { DataPlane } from '../dataplane/index.ts';
import { type Kv, openRegistry } from '../kv/index.ts';
import { allocateCounters, createInProcessLink, type MethodRules } from '../link/index.ts';
import { ALONE, type RunningControl, startControl, systemClock } from '../node/index.ts';
import { GrpcRuntime } from '../runtime/index.ts';
import { EchoRuntime, type EchoRuntimeOptions } from './echo-runtime.ts';

const MIB = 1024 * 1024;

/** What a test may want otherwise. */
export interface TestNodeOptions {
  readonly rules?: MethodRules;
  readonly runtime?: Omit<EchoRuntimeOptions, 'path'>;
  readonly cache?: Partial<CacheConfig>;
  readonly metrics?: Partial<CallMetrics>;
  /** Calls that may wait for a free stream to the runtime. */
  readonly runtimeQueueMax?: number;
  /** Registers management and other local services. */
  readonly serve?: (router: GrpcRouter, control: RunningControl, dataPlane: DataPlane) => void;
}

/** A node in this process with an echoing runtime behind real sockets: control, data plane and one gRPC port. */
export class TestNode {
  readonly runtime: EchoRuntime;
  readonly running: RunningControl;
  readonly dataPlane: DataPlane;
  readonly port: number;
  readonly client: GrpcClient;
  readonly #close: () => Promise<void>;

  private constructor(
    parts: Pick<TestNode, 'runtime' | 'running' | 'dataPlane' | 'port' | 'client'>,
    close: () => Promise<void>,
  ) {
    this.runtime = parts.runtime;
    this.running = parts.running;
    this.dataPlane = parts.dataPlane;
    this.port = parts.port;
    this.client = parts.client;
    this.#close = close;
  }

  /** Starts everything and waits until the runtime is ready. */
  static async start(options: TestNodeOptions = {}): Promise<TestNode> {
    const folder = mkdtempSync(join(tmpdir(), 'mesh-node-'));
    const path = join(folder, 'rt.sock');
    const runtime = new EchoRuntime({ path, ...options.runtime });
    await runtime.listen();
    const failures: unknown[] = [];
    const scope = new Scope('test', ({ error }) => failures.push(error));
    const { dataPlane, running, kv, grpcRuntime } = await startNode(options, path, scope);
    const router = new GrpcRouter({ clock, timers, messageBytesMax: TEST_LIMITS.messageBytesMax, fallback: dataPlane.accept });
    options.serve?.(router, running, dataPlane);
    const connections = new Set<ServerConnection>();
    const server = await listen(router, connections);
    const { port } = server.address() as AddressInfo;
    const connection = engine.connect({ kind: 'tcp', host: '127.0.0.1', port }, DEFAULT_STREAM_LIMITS);
    const client = new GrpcClient(connection, { clock, timers, authority: 'localhost', messageBytesMax: 64 * MIB });
    return new TestNode({ runtime, running, dataPlane, port, client }, async () => {
      connection.close();
      for (const open of connections) open.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      dataPlane.close();
      await running.close();
      await scope.close();
      await grpcRuntime.close();
      await runtime.kill();
      await kv.close();
      rmSync(folder, { recursive: true });
      if (failures.length > 0) throw failures[0];
    });
  }

  /** Ends everything. @throws the first error of a loop that nobody caught */
  close(): Promise<void> {
    return this.#close();
  }
}

const clock = systemClock;
const timers = new TimerWheel(clock);
// Overwrites what was consumed or given away, so that whoever still reads it is found out.
const engine = createFrameEngine({ clock, poison: true });

const TEST_LIMITS = {
  messageBytesMax: 16 * MIB,
  replayBytesPerCallMax: 256 * 1024,
  replayBytesMax: 64 * MIB,
  openingBytesMax: 64 * MIB,
  inflateRatioMax: 256,
  multiParallelism: 4,
  waitingCallsPerModelMax: 4096,
  waitingCallsMax: 16_384,
  runtimeWaitersMax: 4096,
  unaryTimeoutMs: durationMs(300_000),
};

interface StartedNode {
  readonly dataPlane: DataPlane;
  readonly running: RunningControl;
  readonly kv: Kv;
  readonly grpcRuntime: GrpcRuntime;
}

/** Control and data plane of one node in front of the runtime at `path`; resolves when the runtime is ready. */
async function startNode(options: TestNodeOptions, path: string, scope: Scope): Promise<StartedNode> {
  const link = createInProcessLink({ clone: true });
  const counters = allocateCounters(1, 1024);
  const instance = instanceId('inst1');
  const dataPlane = new DataPlane({
    worker: 0,
    instance,
    clock,
    // Of its own, so that a suite can see that no deadline of a call is left.
    timers: new TimerWheel(clock),
    engine,
    runtimeLimits: {
      ...DEFAULT_STREAM_LIMITS,
      queuedStreamsMax: options.runtimeQueueMax ?? DEFAULT_STREAM_LIMITS.queuedStreamsMax,
    },
    counters,
    link: link.dataPlane,
    metrics: { call: () => {}, attempt: () => {}, cacheMiss: () => {}, ...options.metrics },
    authorizer: allowAll,
    limits: TEST_LIMITS,
    rules: options.rules ?? { rules: new Map(), allowOthers: true },
    random: new SeededRandom(1, 'variants'),
  });
  const layout = registryLayout({ root: '', prefix: 'mm', service: 'test' });
  const kv = await openRegistry('memory', { location: '', clock, schemaKey: schemaKey(layout) });
  const targets = [{ kind: 'unix', path }] as const;
  const limits = DEFAULT_STREAM_LIMITS;
  const grpcRuntime = new GrpcRuntime({ engine, limits, clock, timers, targets, inference: null, process: null });
  const running = await startControl({
    ...ALONE,
    instance,
    location: 'here',
    zone: '',
    labels: new Set(),
    defaultEndpointOwner: '',
    cache: { ...DEFAULT_CACHE_CONFIG, ...options.cache },
    clock,
    scope,
    kv,
    layout,
    runtime: grpcRuntime,
    counters,
    link: link.control,
    metrics: { cacheMetric: () => {} },
  });
  dataPlane.start();
  await runtimeReady(running);
  return { dataPlane, running, kv, grpcRuntime };
}

function runtimeReady(running: RunningControl): Promise<void> {
  return new Promise((resolve) => {
    if (running.control.ready) {
      resolve();
      return;
    }
    const end = running.control.subscribe(0, (event) => {
      if (event.kind !== 'runtime-ready') return;
      queueMicrotask(() => end());
      resolve();
    });
  });
}

function listen(router: GrpcRouter, connections: Set<ServerConnection>): Promise<Server> {
  const server = createServer((socket) => {
    const info = { remoteAddress: socket.remoteAddress ?? '', encrypted: false, clientCertificate: undefined };
    const connection = engine.serve(socket, info, DEFAULT_STREAM_LIMITS, router.accept);
    connections.add(connection);
    connection.onClose = () => connections.delete(connection);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
