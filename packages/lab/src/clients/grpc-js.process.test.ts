import assert from 'node:assert/strict';
import type { EventEmitter } from 'node:events';
import { after, before, describe, it } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { Health, HealthCheckResponse_ServingStatus } from '@modelmesh/wire/grpc-services';
import { GRPCInferenceService } from '@modelmesh/wire/inference';
import { ModelMesh, ModelStatusInfo_ModelStatus } from '@modelmesh/wire/mmesh';
import { applyModel, LONG_GRACE, leavesAtOnce, type ModelFile, ROW, taken, writeModel } from '../faults/index.ts';
import { NodeProcess, realClock } from '../node-process/index.ts';
import { applyExamples } from './examples.ts';
import { GrpcJsClient } from './grpc-js-client.ts';

const { modelInfer, modelMetadata, modelStreamInfer, serverReady } = GRPCInferenceService.method;
const rows = (values: readonly number[], width: number) => ({
  shape: [BigInt(values.length / width), BigInt(width)],
  contents: { fp32Contents: [...values] },
});
const row = (modelName: string) => ({ modelName, inputs: [{ name: 'x', datatype: 'FP32', ...rows(ROW, ROW.length) }] });
const iris = (modelName: string, modelVersion = '', values = [6.3, 3.3, 4.7, 1.6]) => ({
  modelName,
  modelVersion,
  inputs: [{ name: 'features', datatype: 'FP32', ...rows(values, 4) }],
});
const floats = (raw: Uint8Array | undefined): number[] => [...new Float32Array(new Uint8Array(raw ?? []).buffer)];
const longs = (raw: Uint8Array | undefined): bigint[] => [...new BigInt64Array(new Uint8Array(raw ?? []).buffer)];

/** The code that a conversation ends with. */
const statusOf = (talk: EventEmitter): Promise<number> =>
  new Promise((resolve) => talk.once('status', ({ code }: grpc.StatusObject) => resolve(code)));

describe('grpc-js, as its users have it, and a node with ONNX models', () => {
  let node: NodeProcess;
  let client: GrpcJsClient;
  let file: ModelFile;
  before(async () => {
    node = await NodeProcess.start({ flags: LONG_GRACE });
    await applyExamples(node);
    file = writeModel(node.folder, 'generated', 7);
    await applyModel(node, 'generated', { storage: { uri: file.uri } });
    client = new GrpcJsClient(node.addresses.inference);
  });
  after(async () => {
    client[Symbol.dispose]();
    await node[Symbol.asyncDispose]();
  });

  /** Calls that are made while the runtime stands still, so that none of them can be answered. */
  const whileFrozen = async <Result>(happen: () => Promise<Result>): Promise<Result> => {
    const { runtimePid } = node;
    process.kill(runtimePid, 'SIGSTOP');
    try {
      return await happen();
    } finally {
      process.kill(runtimePid, 'SIGCONT');
    }
  };
  const answersRow = async (): Promise<void> => {
    const { response } = await client.unary(modelInfer, row('generated'));
    assert.deepEqual(floats(response?.rawOutputContents[0]), file.answer(ROW));
  };

  it('gets exact values of floats, and of integers that no double can hold', async () => {
    const { response, status } = await client.unary(modelInfer, { ...row('generated'), id: 'asked-1' });
    assert.equal(status.code, grpc.status.OK, status.details);
    assert.deepEqual([response?.modelName, response?.id], ['generated', 'asked-1']);
    assert.deepEqual(floats(response?.rawOutputContents[0]), file.answer(ROW));
    const contents = { int64Contents: [9_007_199_254_740_993n] };
    const whole = await client.unary(modelInfer, {
      modelName: 'int64',
      inputs: [{ name: 'id', datatype: 'INT64', shape: [1n], contents }],
    });
    assert.deepEqual(whole.response?.rawOutputContents.map(longs), [[9_007_199_254_740_994n], [993n]]);
  });

  it('is answered under the name that it used, over gRPC as over REST, with the version that this means', async () => {
    const { shape, contents } = rows([6.3, 3.3, 4.7, 1.6], 4);
    const body = JSON.stringify({
      inputs: [{ name: 'features', datatype: 'FP32', shape: shape.map(Number), data: contents.fp32Contents }],
    });
    const answers: unknown[] = [];
    for (const [name, version] of [
      ['iris', ''],
      ['iris', '1'],
      ['iris@1', ''],
    ] as const) {
      const { response } = await client.unary(modelInfer, iris(name, version));
      const path = `/v2/models/${name}${version === '' ? '' : `/versions/${version}`}/infer`;
      const rest = await fetch(`${node.url}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
      const json = (await rest.json()) as { model_name: string; model_version: string; outputs: { data: number[] }[] };
      assert.deepEqual(longs(response?.rawOutputContents[0]).map(Number), json.outputs[0]?.data);
      answers.push([response?.modelName, json.model_name, json.model_version]);
    }
    assert.deepEqual(answers, [
      ['iris', 'iris', '2'],
      ['iris', 'iris', '1'],
      ['iris@1', 'iris@1', '1'],
    ]);
    assert.equal((await client.unary(modelMetadata, { name: 'iris' })).response?.name, 'iris');
    const byHeader = await client.unary(modelInfer, iris(''), { metadata: { 'mm-model-id': 'iris@1' } });
    assert.equal(byHeader.response?.modelName, 'iris@1', 'a message that names nothing is answered under the name in the header');
  });

  it('names the model in its metadata, as text or as bytes, which wins over the message', async () => {
    for (const metadata of [{ 'mm-model-id': 'generated' }, { 'mm-model-id-bin': Buffer.from('generated') }]) {
      const { response, headers, status } = await client.unary(modelInfer, row('nobody'), { metadata });
      assert.equal(status.code, grpc.status.OK, status.details);
      assert.deepEqual(floats(response?.rawOutputContents[0]), file.answer(ROW));
      assert.match(String(headers?.get('content-type')), /^application\/grpc/);
      const own = Object.keys({ ...headers?.getMap(), ...status.metadata.getMap() }).filter((name) => /^(mm|mesh)-/.test(name));
      assert.deepEqual(own, [], 'nothing of the mesh is told');
    }
  });

  it('gets the code and the sentence of an error', async () => {
    const unknown = await client.unary(modelInfer, row('nobody'));
    assert.equal(unknown.status.code, grpc.status.NOT_FOUND);
    assert.match(unknown.status.details, /nobody/);
    const missing = await client.unary(modelInfer, { ...row('generated'), inputs: [] });
    assert.equal(missing.status.code, grpc.status.INVALID_ARGUMENT);
    assert.match(missing.status.details, /missing input "x"/);
    const metadata = { 'mm-model-id': 'generated' };
    const notServed = await client.unary({ ...serverReady, name: 'NoSuchMethod' }, {}, { metadata });
    assert.equal(notServed.status.code, grpc.status.UNIMPLEMENTED);
    assert.match(notServed.status.details, /inference\.GRPCInferenceService\/NoSuchMethod/);
    await answersRow();
  });

  it('ends at its deadline, and the node counts no call after it', async () => {
    await answersRow();
    await whileFrozen(async () => {
      const deadline = realClock.wallMs() + 200;
      const { status } = await client.unary(modelInfer, row('generated'), { deadline });
      assert.equal(status.code, grpc.status.DEADLINE_EXCEEDED);
    });
    await answersRow();
    await leavesAtOnce(node, 'generated');
  });

  it('cancels a call that the runtime has, and the node counts no call after it', async () => {
    await answersRow();
    await whileFrozen(async () => {
      const { call, outcome } = client.start(modelInfer, row('generated'));
      await taken(node);
      call.cancel();
      assert.equal((await outcome).status.code, grpc.status.CANCELLED);
      await taken(node);
    });
    await answersRow();
    await leavesAtOnce(node, 'generated');
  });

  it('sends what gzip makes of a large batch, and messages of megabytes', async () => {
    using gzip = new GrpcJsClient(node.addresses.inference, {
      'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
    });
    const batch = Array.from({ length: 50_000 }, () => [6.3, 3.3, 4.7, 1.6]).flat();
    for (const caller of [gzip, client]) {
      const { response, status } = await caller.unary(modelInfer, iris('iris', '2', batch));
      assert.equal(status.code, grpc.status.OK, status.details);
      const labels = longs(response?.rawOutputContents[0]);
      assert.equal(labels.length, 50_000);
      assert.ok(labels.every((label) => label === 1n));
    }
  });

  it('holds a conversation of several requests, each answered before the next, an error among them', async () => {
    const talk = client.bidi(modelStreamInfer);
    const heard: string[] = [];
    const requests = [row('generated'), { ...row('generated'), inputs: [] }, { ...row('generated'), id: 'last' }];
    const ended = statusOf(talk);
    talk.write(requests.shift() ?? {});
    for await (const { errorMessage, inferResponse } of talk) {
      if (errorMessage === '') assert.deepEqual(floats(inferResponse?.rawOutputContents[0]), file.answer(ROW));
      heard.push(errorMessage === '' ? `answer ${inferResponse?.id}` : errorMessage);
      const next = requests.shift();
      if (next === undefined) talk.end();
      else talk.write(next);
    }
    assert.equal(await ended, grpc.status.OK);
    assert.equal(heard.length, 3);
    assert.match(heard[1] ?? '', /missing input "x"/);
    assert.deepEqual([heard[0], heard[2]], ['answer ', 'answer last']);
  });

  it('manages models, and asks for health', async () => {
    const registered = await client.unary(ModelMesh.method.registerModel, {
      modelId: 'by-grpc-js',
      modelInfo: { type: 'onnx', path: file.path },
      loadNow: true,
      sync: true,
    });
    assert.equal(registered.response?.status, ModelStatusInfo_ModelStatus.LOADED, registered.status.details);
    const { response } = await client.unary(modelInfer, row('by-grpc-js'));
    assert.deepEqual(floats(response?.rawOutputContents[0]), file.answer(ROW));
    await client.unary(ModelMesh.method.unregisterModel, { modelId: 'by-grpc-js' });
    const gone = await client.unary(ModelMesh.method.getModelStatus, { modelId: 'by-grpc-js' });
    assert.equal(gone.response?.status, ModelStatusInfo_ModelStatus.NOT_FOUND);
    const health = await client.unary(Health.method.check, { service: '' });
    assert.equal(health.response?.status, HealthCheckResponse_ServingStatus.SERVING);
  });
});

describe('grpc-js and a node whose runtime streams its answers', () => {
  let node: NodeProcess;
  let client: GrpcJsClient;
  before(async () => {
    node = await NodeProcess.start({ flags: { ...LONG_GRACE, 'runtime-server': 'stream-text' } });
    for (const [tag, version] of [
      ['alto', '1'],
      ['basso', '2'],
    ] as const)
      await applyModel(node, tag, { storage: { uri: `/pause 0; tag ${tag}` }, spec: { family: 'choir', version } });
    client = new GrpcJsClient(node.addresses.inference);
  });
  after(async () => {
    client[Symbol.dispose]();
    await node[Symbol.asyncDispose]();
  });

  const sing = (text: string, modelName = 'choir', modelVersion = '') => ({
    modelName,
    modelVersion,
    inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1n], contents: { bytesContents: [Buffer.from(text)] } }],
  });
  /** What a stream of these requests was answered with, and how it ended. */
  const conversation = async (requests: readonly ReturnType<typeof sing>[]): Promise<readonly [string[], number]> => {
    const talk = client.bidi(modelStreamInfer);
    const ended = statusOf(talk);
    for (const request of requests) talk.write(request);
    talk.end();
    const heard: string[] = [];
    try {
      for await (const { errorMessage, inferResponse } of talk) {
        const raw = Buffer.from(inferResponse?.rawOutputContents[0] ?? [])
          .subarray(4)
          .toString();
        heard.push(errorMessage === '' ? `${inferResponse?.modelName}: ${raw}` : errorMessage);
      }
    } catch {
      // The status says how it ended.
    }
    return [heard, await ended];
  };

  it('gets many answers to one request', async () => {
    const [heard, code] = await conversation([sing('one two')]);
    assert.deepEqual([heard, code], [['choir: basso', 'choir:  one', 'choir:  two'], 0]);
  });

  it('names model and version in the first of several requests; the others go to the same model, whatever they name', async () => {
    const [heard, code] = await conversation([sing('a', 'choir', '1'), sing('b', 'choir', '2'), sing('c', 'nobody')]);
    assert.deepEqual(heard, ['choir: alto', 'choir:  a', 'choir: alto', 'choir:  b', 'nobody: alto', 'nobody:  c']);
    assert.equal(code, 0);
  });

  it('hears of a generation that fails in the middle, after its words, and the next request is answered', async () => {
    const [heard, code] = await conversation([sing('one <fail> two'), sing('three')]);
    assert.deepEqual(heard, ['choir: basso', 'choir:  one', 'generation failed at word 2', 'choir: basso', 'choir:  three']);
    assert.equal(code, 0);
  });

  it('is told that the first request of a stream names nothing that exists', async () => {
    assert.deepEqual(await conversation([sing('a', 'nobody'), sing('b')]), [[], grpc.status.NOT_FOUND]);
  });
});
