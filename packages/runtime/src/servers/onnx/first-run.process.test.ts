import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelInferRequestSchema } from '@modelmesh/wire/inference';
import { endOfTurn, systemClock } from '../../clock/index.ts';
import { createMemoryProbe } from '../../memory/index.ts';
import { createFileStorage, createStorage, type StorageAdapters } from '../../storage/index.ts';
import { GENERATED_WIDTH, generateModel, onnxModel } from '../../testing/index.ts';
import { callServer } from '../contract.ts';
import { OnnxServer, spawnWorker } from './index.ts';

const MIB = 1 << 20;
const never = new AbortController().signal;
const skip = process.platform === 'linux' ? false : 'threads and high-water marks are read from /proc';
/** The hidden layer of a model of 1 MiB has 8192 columns: so many rows of it are 64 MiB while a run goes on, more than malloc keeps back. */
const ROWS = 2048;
const HIDDEN_BYTES = 64 * MIB;

describe('what models take while they run', () => {
  let folder = '';
  let server: OnnxServer;
  const ports: ReturnType<typeof spawnWorker>[] = [];
  /** Called with each message for a worker, before it is sent. */
  let onPost: (kind: string) => void = () => {};

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mesh-first-run-'));
    await writeFile(join(folder, 'm.onnx'), Buffer.concat(generateModel({ weightBytes: MIB, seed: 1 }).chunks));
    const file = createFileStorage({ root: undefined });
    const http: StorageAdapters['http'] = {
      ...file,
      kind: 'http',
      fetch: () => Promise.reject(new Error('unused')),
      find: () => Promise.resolve(undefined),
    };
    server = new OnnxServer({
      clock: systemClock,
      endOfTurn,
      spawn: () => {
        const port = spawnWorker();
        const post = port.post.bind(port);
        port.post = (message, transfer) => {
          onPost(message.kind);
          post(message, transfer);
        };
        ports.push(port);
        return port;
      },
      probe: createMemoryProbe(),
      storage: createStorage({ file, http }),
      storageRoot: folder,
      facts: { capacityBytes: 1 << 30, loadingConcurrencyMax: 2, loadTimeoutMs: 60_000, defaultModelBytes: MIB, version: 'test' },
      workersMin: 1,
      workersMax: 1,
      runsQueuedMax: 100,
      runBytesQueuedMax: 64 * MIB,
    });
    await server.start();
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  const load = (modelId: string) => server.load({ modelId, modelType: '', modelPath: 'm.onnx', modelKey: '' }, never);
  const infer = async (modelName: string, rows: number): Promise<void> => {
    const raw = new Uint8Array(rows * GENERATED_WIDTH * 4);
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [BigInt(rows), BigInt(GENERATED_WIDTH)] }];
    const message = create(ModelInferRequestSchema, { modelName, inputs, rawInputContents: [raw] });
    const { error } = await callServer(server, '/inference.GRPCInferenceService/ModelInfer', [
      toBinary(ModelInferRequestSchema, message),
    ]);
    assert.equal(error, undefined);
  };
  const usageOf = (modelId: string) => {
    const [usage] = server.usage([modelId]);
    assert.ok(usage);
    return usage;
  };

  it('are no threads: many models with large products compute on the threads that the workers are', { skip }, async () => {
    const threads = (): number => readdirSync('/proc/self/task').length;
    await load('warm');
    await infer('warm', ROWS);
    const before = threads();
    for (let i = 0; i < 8; i++) {
      await load(`t${i}`);
      await infer(`t${i}`, ROWS);
    }
    assert.ok(threads() - before < 4, `${threads() - before} threads came with 8 models`);
    for (let i = 0; i < 8; i++) await server.unload(`t${i}`);
  });

  it('is measured by their first run, whose high water is told of from then on', { skip }, async (t) => {
    const probe = createMemoryProbe().watchPeak();
    const ballast = Buffer.alloc(8 * MIB, 1);
    if (probe() < ballast.length / 2) return t.skip('this system does not let a process reset its high-water mark');
    const sizeLoaded = await load('peak');
    assert.equal(usageOf('peak').peakBytes, usageOf('peak').measuredBytes, 'nothing has run');
    await infer('peak', ROWS);
    const { measuredBytes, peakBytes } = usageOf('peak');
    t.diagnostic(`loaded ${sizeLoaded}, measured ${measuredBytes}, peak ${peakBytes} bytes`);
    assert.ok(
      peakBytes - measuredBytes > HIDDEN_BYTES / 2,
      `a run takes ${HIDDEN_BYTES} bytes, ${peakBytes - measuredBytes} were seen`,
    );
  });

  it('are weights too that ONNX Runtime leaves in their file and maps, once for all sessions', { skip }, async () => {
    const weightBytes = 24 * MIB;
    const rows = weightBytes / 4 / GENERATED_WIDTH;
    await writeFile(join(folder, 'm.data'), Buffer.alloc(weightBytes, 1));
    const external = { location: 'm.data', offset: 0, length: weightBytes };
    const lookup = onnxModel({
      inputs: [{ name: 'i', type: 'int64', shape: [1] }],
      outputs: [{ name: 'y', type: 'float', shape: [1, GENERATED_WIDTH] }],
      initializers: [{ name: 'W', type: 'float', dims: [rows, GENERATED_WIDTH], external }],
      nodes: [{ op: 'Gather', inputs: ['W', 'i'], outputs: ['y'] }],
    });
    await writeFile(join(folder, 'lookup.onnx'), lookup);
    const before = (await server.processUsage()).privateBytes;
    const request = (modelId: string) => ({ modelId, modelType: '', modelPath: 'lookup.onnx', modelKey: '' });

    const size = await server.load(request('lookup'), never);
    await server.load(request('again'), never);
    const grown = (await server.processUsage()).privateBytes - before;
    await server.unload('lookup');
    await server.unload('again');
    const left = (await server.processUsage()).privateBytes - before;

    assert.ok(Math.abs(size - weightBytes) < 4 * MIB, `weights of ${weightBytes} bytes are measured as ${size}`);
    assert.ok(Math.abs(grown - weightBytes) < 8 * MIB, `with two sessions the process grew by ${grown} bytes`);
    assert.ok(left < 8 * MIB, `${left} bytes are left`);
  });

  /** As if the worker had said so of the first run of session `session`. */
  const firstRun = (session: number): void =>
    ports[0]?.onMessage?.({ kind: 'first-run', session, keptBytes: 5 * MIB, peakBytes: 9 * MIB });

  it('includes what a first run keeps, unless something loaded beside it', async () => {
    const sessions: number[] = [];
    const post = ports[0]?.post.bind(ports[0]);
    assert.ok(ports[0] && post);
    ports[0].post = (message, transfer) => {
      if (message.kind === 'load') sessions.push(message.session);
      post(message, transfer);
    };
    await load('kept');
    const loaded = usageOf('kept');
    const [session = 0] = sessions;

    onPost = (kind) => {
      if (kind === 'load') firstRun(session);
    };
    await load('beside');
    onPost = () => {};
    assert.deepEqual(usageOf('kept').peakBytes, loaded.peakBytes, 'the bytes may be of the load');

    const before = usageOf('kept').measuredBytes;
    firstRun(session);
    assert.deepEqual(usageOf('kept'), { modelId: 'kept', measuredBytes: before + 5 * MIB, peakBytes: before + 9 * MIB });
  });
});
