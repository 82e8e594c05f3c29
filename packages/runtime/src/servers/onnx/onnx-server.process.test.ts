import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { durationMs } from '@modelmesh/core';
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
  ModelMetadataRequestSchema,
  ModelMetadataResponseSchema,
} from '@modelmesh/wire/inference';
import { endOfTurn, systemClock } from '../../clock/index.ts';
import { createMemoryProbe } from '../../memory/index.ts';
import { ContentCache, createFileStorage, createHttpStorage, createStorage } from '../../storage/index.ts';
import { generateModel, type OnnxTypeName, onnxModel } from '../../testing/index.ts';
import { callServer, serverContract } from '../contract.ts';
import { OnnxServer, spawnWorker } from './index.ts';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const never = new AbortController().signal;

describe('the ONNX server', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mesh-onnx-'));
    for (const name of ['good', 'other'])
      await writeFile(join(folder, `${name}.onnx`), Buffer.concat(generateModel({ weightBytes: 1 << 20, seed: 1 }).chunks));
    await writeFile(join(folder, 'corrupt.onnx'), 'this is no model');
  });
  after(() => rm(folder, { recursive: true }));

  const makeServer = async (differing: Partial<ConstructorParameters<typeof OnnxServer>[0]> = {}): Promise<OnnxServer> => {
    const cache = await ContentCache.open({ folder: join(folder, 'cache'), budgetBytes: 1 << 30 });
    const server = new OnnxServer({
      clock: systemClock,
      endOfTurn,
      spawn: spawnWorker,
      probe: createMemoryProbe(),
      storage: createStorage({
        file: createFileStorage({ root: undefined }),
        http: createHttpStorage({ cache, clock: systemClock, fileBytesMax: 1 << 30, silenceMs: durationMs(1000) }),
      }),
      storageRoot: folder,
      facts: {
        capacityBytes: 1 << 30,
        loadingConcurrencyMax: 2,
        loadTimeoutMs: 60_000,
        defaultModelBytes: 1 << 20,
        version: 'test',
      },
      workersMin: 1,
      workersMax: 2,
      runsQueuedMax: 100,
      runBytesQueuedMax: 1 << 24,
      ...differing,
    });
    await server.start();
    return server;
  };
  const request = (modelId: string, modelPath: string, modelKey = '') => ({ modelId, modelType: 'onnx', modelPath, modelKey });

  describe('by the contract', () => {
    serverContract(async () => {
      const server = await makeServer();
      return {
        server,
        good: (modelId) => request(modelId, 'good.onnx'),
        bad: { request: (modelId) => request(modelId, 'corrupt.onnx'), kind: 'invalid-argument' },
        other: (modelId) => request(modelId, 'other.onnx'),
        [Symbol.asyncDispose]: () => server.close(),
      };
    });
  });

  describe('with models', () => {
    let server: OnnxServer;
    before(async () => {
      server = await makeServer();
    });
    after(() => server.close());

    const load = async (modelId: string, bytes: Uint8Array): Promise<void> => {
      await writeFile(join(folder, `${modelId}.onnx`), bytes);
      await server.load(request(modelId, `${modelId}.onnx`), never);
    };
    const infer = async (init: MessageInitShape<typeof ModelInferRequestSchema>) => {
      const bytes = toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, init));
      const { messages, error } = await callServer(server, INFER, [bytes]);
      if (error !== undefined) throw error;
      return fromBinary(ModelInferResponseSchema, messages[0] ?? Buffer.of());
    };
    const failureOf = async (modelId: string, path: string, key = '') => {
      const error = await server.load(request(modelId, path, key), never).then(
        () => undefined,
        (thrown: { kind: string; message: string }) => thrown,
      );
      assert.ok(error);
      return `${error.kind}: ${error.message}`;
    };

    it('answers exactly, with the name asked for and the id echoed', async () => {
      const model = generateModel({ weightBytes: 1 << 16, seed: 7 });
      await load('exact', Buffer.concat(model.chunks));
      const rows = [
        [1, 2, 3, -1, 0, 0, 1, 2, -3, 2, 1, 0, -1, 1, 2, 3],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
      ];
      const raw = new Uint8Array(Float32Array.from(rows.flat()).buffer);

      const answer = await infer({
        modelName: 'exact',
        id: 'call-9',
        inputs: [{ name: 'x', datatype: 'FP32', shape: [2n, 16n] }],
        rawInputContents: [raw],
      });

      assert.deepEqual([answer.modelName, answer.id], ['exact', 'call-9']);
      assert.deepEqual(
        answer.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
        [{ name: 'y', datatype: 'FP32', shape: [2n, 16n] }],
      );
      const values = Array.from(new Float32Array(Uint8Array.from(answer.rawOutputContents[0] ?? []).buffer));
      assert.deepEqual(
        values,
        rows.flatMap((row) => model.answer(row)),
      );
    });

    const values: [OnnxTypeName, string, Uint8Array][] = [
      ['bool', 'BOOL', Uint8Array.of(1, 0)],
      ['uint8', 'UINT8', Uint8Array.of(0, 255)],
      ['uint16', 'UINT16', new Uint8Array(Uint16Array.of(0, 65535).buffer)],
      ['uint32', 'UINT32', new Uint8Array(Uint32Array.of(0, 4294967295).buffer)],
      ['uint64', 'UINT64', new Uint8Array(BigUint64Array.of(0n, 2n ** 64n - 1n).buffer)],
      ['int8', 'INT8', new Uint8Array(Int8Array.of(-128, 127).buffer)],
      ['int16', 'INT16', new Uint8Array(Int16Array.of(-32768, 32767).buffer)],
      ['int32', 'INT32', new Uint8Array(Int32Array.of(-2147483648, 2147483647).buffer)],
      ['int64', 'INT64', new Uint8Array(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n).buffer)],
      ['float16', 'FP16', Uint8Array.of(0x00, 0x3c, 0x01, 0x7e)],
      ['float', 'FP32', new Uint8Array(Float32Array.of(0.1, Number.NEGATIVE_INFINITY).buffer)],
      ['double', 'FP64', new Uint8Array(Float64Array.of(0.1, Number.NaN).buffer)],
      ['string', 'BYTES', Buffer.concat([Buffer.of(0, 0, 0, 0, 7, 0, 0, 0), Buffer.from('é 🦊')])],
    ];
    for (const [type, datatype, raw] of values) {
      it(`carries ${datatype} there and back bit for bit`, async () => {
        const modelId = `identity-${type}`;
        await load(
          modelId,
          onnxModel({
            inputs: [{ name: 'a', type, shape: ['n'] }],
            outputs: [{ name: 'b', type, shape: ['n'] }],
            nodes: [{ op: 'Identity', inputs: ['a'], outputs: ['b'] }],
          }),
        );

        const answer = await infer({
          modelName: modelId,
          inputs: [{ name: 'a', datatype, shape: [2n] }],
          rawInputContents: [raw],
        });

        assert.equal(answer.outputs[0]?.datatype, datatype);
        assert.deepEqual(Buffer.from(answer.rawOutputContents[0] ?? []), Buffer.from(raw));
      });
    }

    it('gives only the outputs that were asked for, in their order, and describes all of them', async () => {
      await load(
        'two',
        onnxModel({
          inputs: [{ name: 'a', type: 'float', shape: ['n', 2] }],
          outputs: [
            { name: 'neg', type: 'float', shape: ['n', 2] },
            { name: 'abs', type: 'float', shape: ['n', 2] },
          ],
          nodes: [
            { op: 'Neg', inputs: ['a'], outputs: ['neg'] },
            { op: 'Abs', inputs: ['a'], outputs: ['abs'] },
          ],
        }),
      );
      const ask = (outputs: string[]) =>
        infer({
          modelName: 'two',
          inputs: [{ name: 'a', datatype: 'FP32', shape: [1n, 2n], contents: { fp32Contents: [1, -2] } }],
          outputs: outputs.map((name) => ({ name })),
        });

      assert.deepEqual(
        (await ask([])).outputs.map(({ name }) => name),
        ['neg', 'abs'],
      );
      assert.deepEqual(
        (await ask(['abs'])).outputs.map(({ name }) => name),
        ['abs'],
      );
      assert.deepEqual(
        (await ask(['abs', 'neg'])).outputs.map(({ name }) => name),
        ['abs', 'neg'],
      );
      await assert.rejects(ask(['zzz']), {
        kind: 'invalid-argument',
        message: 'unknown output "zzz"; the model gives "neg", "abs"',
      });
      const metadata = await callServer(server, '/inference.GRPCInferenceService/ModelMetadata', [
        toBinary(ModelMetadataRequestSchema, create(ModelMetadataRequestSchema, { name: 'two' })),
      ]);
      const { platform, inputs, outputs } = fromBinary(ModelMetadataResponseSchema, metadata.messages[0] ?? Buffer.of());
      assert.equal(platform, 'onnx_onnxv1');
      assert.deepEqual(
        inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
        [{ name: 'a', datatype: 'FP32', shape: [-1n, 2n] }],
      );
      assert.deepEqual(
        outputs.map(({ name }) => name),
        ['neg', 'abs'],
      );
    });

    it('takes a tensor of unknown rank and a scalar', async () => {
      await load(
        'ranks',
        onnxModel({
          inputs: [
            { name: 'any', type: 'float' },
            { name: 'scalar', type: 'float', shape: [] },
          ],
          outputs: [{ name: 'sum', type: 'float' }],
          nodes: [{ op: 'Add', inputs: ['any', 'scalar'], outputs: ['sum'] }],
        }),
      );
      const answer = await infer({
        modelName: 'ranks',
        inputs: [
          { name: 'scalar', datatype: 'FP32', shape: [], contents: { fp32Contents: [2] } },
          { name: 'any', datatype: 'FP32', shape: [1n, 2n], contents: { fp32Contents: [1, 2] } },
        ],
      });

      assert.deepEqual(answer.outputs[0]?.shape, [1n, 2n]);
      await assert.rejects(
        infer({
          modelName: 'ranks',
          inputs: [
            { name: 'scalar', datatype: 'FP32', shape: [1n], contents: { fp32Contents: [2] } },
            { name: 'any', datatype: 'FP32', shape: [1n], contents: { fp32Contents: [1] } },
          ],
        }),
        { message: 'input "scalar": expected shape [], got [1]' },
      );
    });

    it('says that sizes do not go together when only the run can find out', async () => {
      await load(
        'pair',
        onnxModel({
          inputs: [
            { name: 'a', type: 'float', shape: ['n'] },
            { name: 'b', type: 'float', shape: ['m'] },
          ],
          outputs: [{ name: 'c', type: 'float', shape: ['k'] }],
          nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['c'] }],
        }),
      );
      const tensor = (name: string, count: number) => ({
        name,
        datatype: 'FP32',
        shape: [BigInt(count)],
        contents: { fp32Contents: Array(count).fill(1) },
      });

      await assert.rejects(
        infer({ modelName: 'pair', inputs: [tensor('a', 7), tensor('b', 8)] }),
        (error: { kind: string; message: string }) => {
          assert.equal(error.kind, 'invalid-argument');
          assert.match(error.message, /cannot be run with these inputs.*7 by 8/);
          assert.doesNotMatch(error.message, /onnxruntime_src/);
          return true;
        },
      );
    });

    it('names a model that is not loaded, and asks for a name', async () => {
      await assert.rejects(infer({ modelName: 'stranger' }), {
        kind: 'model-not-found',
        message: 'the model stranger is not loaded',
      });
      await assert.rejects(infer({}), { kind: 'invalid-argument' });
      const byHeader = await callServer(server, INFER, [toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, {}))], {
        'mm-model-id': 'exact',
      });
      assert.match(byHeader.error?.message ?? '', /missing input "x"/, 'the header names the model where the payload does not');
    });

    it('says clearly what is wrong with a model', async () => {
      const weights = { name: 'w', type: 'float' as const, dims: [2], external: { location: 'w.bin', offset: 0, length: 8 } };
      const external = onnxModel({
        inputs: [{ name: 'a', type: 'float', shape: [2] }],
        outputs: [{ name: 'b', type: 'float', shape: [2] }],
        initializers: [weights],
        nodes: [{ op: 'Add', inputs: ['a', 'w'], outputs: ['b'] }],
      });
      const noSuchOperator = onnxModel({
        inputs: [{ name: 'a', type: 'float', shape: [2] }],
        outputs: [{ name: 'b', type: 'float', shape: [2] }],
        nodes: [{ op: 'Frobnicate', inputs: ['a'], outputs: ['b'] }],
      });
      await mkdir(join(folder, 'external'));
      await writeFile(join(folder, 'external', 'model.onnx'), external);
      await writeFile(join(folder, 'operator.onnx'), noSuchOperator);
      const good = Buffer.concat(generateModel({ weightBytes: 1 << 20, seed: 1 }).chunks);
      await writeFile(join(folder, 'cut.onnx'), good.subarray(0, good.length / 2));
      await mkdir(join(folder, 'empty'));

      assert.match(await failureOf('f', 'gone.onnx'), /^not-found: there is no file or folder .*gone\.onnx/);
      assert.match(await failureOf('f', 'corrupt.onnx'), /^invalid-argument: not a valid ONNX file: at byte/);
      assert.match(await failureOf('f', 'cut.onnx'), /^invalid-argument: not a valid ONNX file/);
      assert.match(await failureOf('f', 'empty'), /^not-found: there is no ONNX file in .*expected model\.onnx/);
      assert.match(await failureOf('f', 'external'), /^not-found: the model keeps weights in .*w\.bin, and that file is missing/);
      assert.match(await failureOf('f', 'operator.onnx'), /^invalid-argument: .*operator\.onnx is not an ONNX model.*Frobnicate/);
      assert.match(await failureOf('f', 'good.onnx', `{"sha256":"${'ab'.repeat(32)}"}`), /^failed-precondition: .*sha256/);
      assert.match(
        await failureOf('f', 'good.onnx', '{"format":{"name":"sklearn"}}'),
        /^invalid-argument: .*format "sklearn"; this runtime loads onnx/,
      );
      assert.deepEqual(server.usage(['f']), []);
    });

    it('loads a model with external weights and a folder by version', async () => {
      await writeFile(join(folder, 'external', 'w.bin'), new Uint8Array(Float32Array.of(10, 20).buffer));
      await server.load(request('external', 'external'), never);
      const answer = await infer({
        modelName: 'external',
        inputs: [{ name: 'a', datatype: 'FP32', shape: [2n], contents: { fp32Contents: [1, 2] } }],
      });

      assert.deepEqual(new Float32Array(Uint8Array.from(answer.rawOutputContents[0] ?? []).buffer), Float32Array.of(11, 22));
    });

    it('spreads the sessions of one model over workers, and answers from all of them', async () => {
      const bytes = Buffer.concat(generateModel({ weightBytes: 1 << 16, seed: 3 }).chunks);
      await writeFile(join(folder, 'wide.onnx'), bytes);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      await server.load(request('wide', 'wide.onnx', JSON.stringify({ instances: 2, sha256 })), never);

      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          infer({
            modelName: 'wide',
            id: String(i),
            inputs: [{ name: 'x', datatype: 'FP32', shape: [1n, 16n] }],
            rawInputContents: [new Uint8Array(64)],
          }),
        ),
      );

      assert.deepEqual(
        answers.map(({ id }) => id),
        Array.from({ length: 20 }, (_, i) => String(i)),
      );
      await server.unload('wide');
    });
  });

  it('forgets a model whose worker is lost, wherever else it had sessions, and loads it again', async () => {
    const ports: ReturnType<typeof spawnWorker>[] = [];
    const spawn = (): ReturnType<typeof spawnWorker> => {
      const port = spawnWorker();
      ports.push(port);
      return port;
    };
    const server = await makeServer({ spawn });
    const wide = request('wide', 'good.onnx', '{"instances":2}');
    await server.load(wide, never);

    ports[0]?.onExit?.('as if it had run out of memory');

    const bytes = toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { modelName: 'wide' }));
    assert.equal((await callServer(server, INFER, [bytes])).error?.kind, 'model-not-found');
    assert.deepEqual(server.usage([]), []);
    await server.load(wide, never);
    assert.match((await callServer(server, INFER, [bytes])).error?.message ?? '', /missing input "x"/);
    await server.close();
    ports[0]?.post({ kind: 'end' }, []);
  });

  it('refuses requests beyond its queue and answers the others', async () => {
    const server = await makeServer({ runsQueuedMax: 3 });
    await server.load(request('m', 'good.onnx'), never);
    const bytes = toBinary(
      ModelInferRequestSchema,
      create(ModelInferRequestSchema, {
        modelName: 'm',
        inputs: [{ name: 'x', datatype: 'FP32', shape: [1n, 16n] }],
        rawInputContents: [new Uint8Array(64)],
      }),
    );

    const answers = await Promise.all(Array.from({ length: 5 }, () => callServer(server, INFER, [bytes])));

    assert.deepEqual(
      answers.map(({ error }) => error?.kind),
      [undefined, undefined, undefined, 'overloaded', 'overloaded'],
    );
    assert.match(answers[3]?.error?.message ?? '', /3 requests of .* bytes waiting; the limits are 3 and/);
    await server.close();
  });
});
