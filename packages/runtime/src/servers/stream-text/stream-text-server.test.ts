import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
  ModelMetadataRequestSchema,
  ModelMetadataResponseSchema,
  ModelStreamInferResponseSchema,
} from '@modelmesh/wire/inference';
import { systemClock } from '../../clock/index.ts';
import { callServer, serverContract } from '../contract.ts';
import { STREAM_REQUESTS_QUEUED_MAX } from '../oip/index.ts';
import { StreamTextServer } from './index.ts';

const never = new AbortController().signal;
const request = (modelId: string, modelPath = '') => ({ modelId, modelType: 't', modelPath, modelKey: '' });
const STREAM = '/inference.GRPCInferenceService/ModelStreamInfer';

const ask = (text: string): Uint8Array =>
  toBinary(
    ModelInferRequestSchema,
    create(ModelInferRequestSchema, {
      modelName: 'm',
      inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1n], contents: { bytesContents: [Buffer.from(text)] } }],
    }),
  );

const loaded = async (): Promise<StreamTextServer> => {
  const server = new StreamTextServer(systemClock);
  await server.load(request('m'), never);
  return server;
};

const textOf = (raw: Uint8Array | undefined): string =>
  Buffer.from(raw ?? [])
    .subarray(4)
    .toString();

describe('the stream-text server', () => {
  serverContract(() => {
    const server = new StreamTextServer(systemClock);
    return Promise.resolve({
      server,
      good: (modelId) => request(modelId),
      bad: { request: (modelId) => request(modelId, 'fail no reason'), kind: 'load-failed' },
      other: (modelId) => request(modelId, 'elsewhere'),
      [Symbol.asyncDispose]: () => server.close(),
    });
  });

  it('streams the words of every request in order, and they join to the text', async () => {
    const answer = await callServer(await loaded(), STREAM, [ask('one two  three'), ask('four')]);
    const words = answer.messages.map((message) =>
      textOf(fromBinary(ModelStreamInferResponseSchema, message).inferResponse?.rawOutputContents[0]),
    );

    assert.deepEqual(words, ['one', ' two', '  three', 'four']);
    assert.equal(answer.error, undefined);
  });

  it('begins every text with the word that the path of its model names', async () => {
    const server = new StreamTextServer(systemClock);
    await server.load(request('m', 'pause 1; tag alto'), never);
    const answer = await callServer(server, STREAM, [ask('one two')]);
    const words = answer.messages.map((message) =>
      textOf(fromBinary(ModelStreamInferResponseSchema, message).inferResponse?.rawOutputContents[0]),
    );

    assert.deepEqual(words, ['alto', ' one', ' two']);
  });

  it('tells an error in the stream and goes on with the next request', async () => {
    const answer = await callServer(await loaded(), STREAM, [ask('one <fail> two'), Buffer.of(0xff), ask('three')]);
    const parts = answer.messages.map((message) => {
      const { errorMessage, inferResponse } = fromBinary(ModelStreamInferResponseSchema, message);
      return errorMessage === '' ? textOf(inferResponse?.rawOutputContents[0]) : errorMessage;
    });

    assert.equal(parts.length, 4);
    assert.deepEqual([parts[0], parts[1], parts[3]], ['one', 'generation failed at word 1', 'three']);
    assert.match(parts[2] ?? '', /malformed ModelInferRequest/);
  });

  it('ends a stream for a model that is not loaded with NOT_FOUND, so that a mesh loads it again', async () => {
    const server = await loaded();
    await server.unload('m');
    const { messages, error } = await callServer(server, STREAM, [ask('one'), ask('two')]);

    assert.deepEqual([messages, error?.kind, error?.message], [[], 'model-not-found', 'the model m is not loaded']);
  });

  it('refuses a stream that asks far faster than it is answered', async () => {
    const requests = Array.from({ length: STREAM_REQUESTS_QUEUED_MAX + 2 }, () => ask('one'));

    assert.equal((await callServer(await loaded(), STREAM, requests)).error?.kind, 'overloaded');
  });

  it('answers a single inference with the whole text, and its metadata name the tensors', async () => {
    const server = await loaded();
    const infer = await callServer(server, '/inference.GRPCInferenceService/ModelInfer', [ask('one two')]);
    const metadata = await callServer(server, '/inference.GRPCInferenceService/ModelMetadata', [
      toBinary(ModelMetadataRequestSchema, create(ModelMetadataRequestSchema, { name: 'm' })),
    ]);

    assert.equal(textOf(fromBinary(ModelInferResponseSchema, infer.messages[0] ?? Buffer.of()).rawOutputContents[0]), 'one two');
    const { inputs, outputs } = fromBinary(ModelMetadataResponseSchema, metadata.messages[0] ?? Buffer.of());
    assert.deepEqual([inputs[0]?.name, outputs[0]?.name, inputs[0]?.datatype], ['text_input', 'text_output', 'BYTES']);
  });

  it('takes the model from the header of the mesh, and answers with the name that the caller used', async () => {
    const server = await loaded();
    const named = toBinary(
      ModelInferRequestSchema,
      create(ModelInferRequestSchema, { ...fromBinary(ModelInferRequestSchema, ask('one')), modelName: 'front' }),
    );
    const nameless = toBinary(
      ModelInferRequestSchema,
      create(ModelInferRequestSchema, { ...fromBinary(ModelInferRequestSchema, ask('one')), modelName: '' }),
    );
    const described = toBinary(ModelMetadataRequestSchema, create(ModelMetadataRequestSchema, { name: 'front' }));
    const call = async (method: string, message: Uint8Array): Promise<Uint8Array> => {
      const path = `/inference.GRPCInferenceService/${method}`;
      return (await callServer(server, path, [message], { 'mm-model-id': 'm' })).messages[0] ?? Buffer.of();
    };
    assert.deepEqual(
      [
        fromBinary(ModelInferResponseSchema, await call('ModelInfer', named)).modelName,
        fromBinary(ModelStreamInferResponseSchema, await call('ModelStreamInfer', named)).inferResponse?.modelName,
        fromBinary(ModelMetadataResponseSchema, await call('ModelMetadata', described)).name,
        fromBinary(ModelInferResponseSchema, await call('ModelInfer', nameless)).modelName,
        fromBinary(ModelStreamInferResponseSchema, await call('ModelStreamInfer', nameless)).inferResponse?.modelName,
        fromBinary(ModelMetadataResponseSchema, await call('ModelMetadata', Buffer.of())).name,
      ],
      ['front', 'front', 'front', 'm', 'm', 'm'],
    );
  });
});
