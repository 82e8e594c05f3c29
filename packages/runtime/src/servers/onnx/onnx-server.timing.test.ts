import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelInferRequestSchema } from '@modelmesh/wire/inference';
import { endOfTurn, systemClock } from '../../clock/index.ts';
import { createMemoryProbe } from '../../memory/index.ts';
import { createFileStorage, createStorage, type StorageAdapters } from '../../storage/index.ts';
import { generateModel, onnxModel } from '../../testing/index.ts';
import { OnnxServer, spawnWorker } from './index.ts';

const never = new AbortController().signal;

/** Requests per CPU second that the way through a worker must not fall below; it does several times as many on an idle machine. */
const REQUESTS_PER_CPU_SECOND_MIN = 15_000;

describe('the speed of the ONNX server', () => {
  let folder = '';
  let server: OnnxServer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mesh-speed-'));
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
      spawn: spawnWorker,
      probe: createMemoryProbe(),
      storage: createStorage({ file, http }),
      storageRoot: folder,
      facts: {
        capacityBytes: 1 << 30,
        loadingConcurrencyMax: 2,
        loadTimeoutMs: 60_000,
        defaultModelBytes: 1 << 20,
        version: 'test',
      },
      workersMin: 2,
      workersMax: 2,
      runsQueuedMax: 4096,
      runBytesQueuedMax: 1 << 28,
    });
    await server.start();
    await writeFile(join(folder, 'tiny.onnx'), Buffer.concat(generateModel({ weightBytes: 2048, seed: 1 }).chunks));
    await server.load({ modelId: 'tiny', modelType: '', modelPath: 'tiny.onnx', modelKey: '' }, never);
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  const request = toBinary(
    ModelInferRequestSchema,
    create(ModelInferRequestSchema, {
      modelName: 'tiny',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1n, 16n] }],
      rawInputContents: [new Uint8Array(64)],
    }),
  );
  const inferOnce = (modelId: string, bytes: Uint8Array): Promise<number> => {
    const begin = systemClock.monotonicMs();
    return new Promise((resolve, reject) => {
      server.infer(modelId, [bytes], bytes.length, {
        answered: () => resolve(systemClock.monotonicMs() - begin),
        failed: reject,
      });
    });
  };
  /** Latencies of `count` requests from `clients` callers that each wait for their answer. */
  const drive = async (count: number, clients: number): Promise<number[]> => {
    const latencies: number[] = [];
    let left = count;
    await Promise.all(
      Array.from({ length: clients }, async () => {
        while (left-- > 0) latencies.push(await inferOnce('tiny', request));
      }),
    );
    return latencies.sort((a, b) => a - b);
  };

  it('serves a tiny model with little work for each request', async (test) => {
    await drive(5_000, 32);
    for (const clients of [1, 8, 32]) {
      const before = process.cpuUsage();
      const latencies = await drive(10_000, clients);
      const { user, system } = process.cpuUsage(before);
      const perSecond = (10_000 / (user + system)) * 1e6;
      test.diagnostic(
        `${clients} callers: ${Math.round(perSecond)} requests per CPU second, p99 ${latencies[9_900]?.toFixed(2)} ms`,
      );
      if (clients === 32) assert.ok(perSecond >= REQUESTS_PER_CPU_SECOND_MIN, `${perSecond} requests per CPU second`);
    }
  });

  it('keeps a tiny model fast while a slow one runs without end on another worker', async (test) => {
    const size = 1024;
    const slow = onnxModel({
      inputs: [{ name: 'x', type: 'float', shape: [size, size] }],
      outputs: [{ name: 'y', type: 'float', shape: [size, size] }],
      nodes: Array.from({ length: 8 }, (_, i) => ({
        op: 'MatMul',
        inputs: [i === 0 ? 'x' : `t${i - 1}`, 'x'],
        outputs: [i === 7 ? 'y' : `t${i}`],
      })),
    });
    await writeFile(join(folder, 'slow.onnx'), slow);
    await drive(10, 1);
    await server.load({ modelId: 'slow', modelType: '', modelPath: 'slow.onnx', modelKey: '' }, never);
    const big = toBinary(
      ModelInferRequestSchema,
      create(ModelInferRequestSchema, {
        modelName: 'slow',
        inputs: [{ name: 'x', datatype: 'FP32', shape: [BigInt(size), BigInt(size)] }],
        rawInputContents: [new Uint8Array(size * size * 4)],
      }),
    );
    const slowMs = await inferOnce('slow', big);
    const alone = await drive(3_000, 4);
    let isOver = false;
    const loop = (async () => {
      while (!isOver) await inferOnce('slow', big);
    })();

    const beside = await drive(3_000, 4);
    isOver = true;
    await loop;

    const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)] ?? 0;
    test.diagnostic(
      `a run of ${slowMs.toFixed(0)} ms in a loop: p99 ${p99(alone).toFixed(2)} ms alone, ${p99(beside).toFixed(2)} ms beside it`,
    );
    assert.ok(p99(beside) < slowMs / 4, 'a tiny model never waits for the slow one to end');
  });
});
