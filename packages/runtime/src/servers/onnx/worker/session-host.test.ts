import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelInferRequestSchema, ModelInferResponseSchema } from '@modelmesh/wire/inference';
import type { Ort } from './ort.ts';
import { type FromWorker, readBatch, writeBatch } from './protocol.ts';
import { SessionHost } from './session-host.ts';

const MIB = 1 << 20;

/** ONNX Runtime as the host sees it: one model that gives back what it gets, in a process whose memory the test moves. */
class World {
  readonly told: FromWorker[] = [];
  readonly options: unknown[] = [];
  privateBytes = 100 * MIB;
  /** What a run keeps, and how far memory goes up while it runs. */
  keepsBytes = 0;
  peakBytes = 0;
  fails = false;
  collections = 0;
  readonly host: SessionHost;
  #told: () => void = () => {};

  constructor() {
    const probe = {
      read: () => this.privateBytes,
      readAsync: () => Promise.resolve(this.privateBytes),
      scriptBytes: () => 0,
      watchPeak: () => () => this.peakBytes,
    };
    this.host = new SessionHost(this.#ort(), probe, {
      send: (message) => {
        this.told.push(message);
        this.#told();
      },
      nowMs: () => 0,
      collectGarbage: () => void this.collections++,
      close: () => {},
    });
  }

  /** Waits until so many messages were sent. */
  async until(count: number): Promise<void> {
    while (this.told.length < count) await new Promise<void>((resolve) => (this.#told = resolve));
  }

  #ort(): Ort {
    class Tensor {
      readonly data: unknown;
      readonly dims: readonly number[];
      constructor(_type: string, data: unknown, dims: readonly number[]) {
        this.data = data;
        this.dims = dims;
      }
    }
    const spec = (name: string) => ({ name, isTensor: true, type: 'float32', shape: [2] });
    const session = {
      inputMetadata: [spec('x')],
      outputMetadata: [spec('y')],
      run: async ({ x }: Record<string, Tensor>) => {
        if (this.fails) throw new Error('Non-zero status code returned while running Add node');
        this.privateBytes += this.keepsBytes;
        return { y: x };
      },
      release: async () => {},
    };
    const InferenceSession = {
      create: async (_path: string, options: unknown) => {
        this.options.push(options);
        return session;
      },
    };
    return { Tensor, InferenceSession } as unknown as Ort;
  }

  async load(): Promise<void> {
    this.host.receive({ kind: 'load', session: 1, model: { modelId: 'm', path: '/m.onnx', unshaped: new Set() } });
    await this.until(1);
    assert.equal(this.told.shift()?.kind, 'loaded');
  }

  /** Runs the model once. @returns the kinds of what the host told, and the code of the answer */
  async run(messages: number): Promise<readonly [kinds: readonly string[], code: number]> {
    const content = toBinary(
      ModelInferRequestSchema,
      create(ModelInferRequestSchema, {
        modelName: 'm',
        inputs: [{ name: 'x', datatype: 'FP32', shape: [2n], contents: { fp32Contents: [1, 2] } }],
      }),
    );
    const write = (target: Buffer, offset: number): void => void target.set(content, offset);
    this.host.receive({ kind: 'runs', batch: writeBatch([{ runId: 1, code: 1, byteCount: content.length, write }]) });
    await this.until(messages);
    const told = this.told.splice(0);
    let answered = -1;
    for (const message of told) {
      if (message.kind !== 'answers') continue;
      readBatch(message.batch, (_runId, code, start, end) => {
        answered = code;
        if (code === 0)
          assert.equal(fromBinary(ModelInferResponseSchema, new Uint8Array(message.batch, start, end - start)).modelName, 'm');
      });
      this.measurements.push(...told.filter((one) => one.kind === 'first-run'));
    }
    return [told.map(({ kind }) => kind), answered];
  }

  readonly measurements: FromWorker[] = [];
}

describe('the host of sessions', () => {
  it('gives a model one thread to compute with, and no arena that keeps what a run frees', async () => {
    const world = new World();
    await world.load();
    assert.equal(world.options.length, 1);
    const { intraOpNumThreads, interOpNumThreads, executionMode, enableCpuMemArena } = world.options[0] as Record<
      string,
      unknown
    >;
    assert.deepEqual([intraOpNumThreads, interOpNumThreads, executionMode, enableCpuMemArena], [1, 1, 'sequential', false]);
  });

  it('measures what the first run of a model keeps and how far memory went up, and no later run', async () => {
    const world = new World();
    await world.load();
    world.keepsBytes = 3 * MIB;
    world.peakBytes = 8 * MIB;
    assert.deepEqual(await world.run(2), [['first-run', 'answers'], 0]);
    assert.deepEqual(world.measurements, [{ kind: 'first-run', session: 1, keptBytes: 3 * MIB, peakBytes: 8 * MIB }]);
    assert.deepEqual(await world.run(1), [['answers'], 0]);
  });

  it('measures the next run when the first one failed', async () => {
    const world = new World();
    await world.load();
    world.fails = true;
    const [kinds, code] = await world.run(1);
    assert.deepEqual(kinds, ['answers']);
    assert.notEqual(code, 0);
    world.fails = false;
    assert.deepEqual(await world.run(2), [['first-run', 'answers'], 0]);
  });

  it('collects garbage when it is told to rest', () => {
    const at = new World();
    at.host.receive({ kind: 'rest' });
    assert.equal(at.collections, 1);
  });

  it('counts memory that went down during the first run as nothing kept', async () => {
    const world = new World();
    await world.load();
    world.keepsBytes = -MIB;
    await world.run(2);
    assert.deepEqual(world.measurements, [{ kind: 'first-run', session: 1, keptBytes: 0, peakBytes: 0 }]);
  });
});
