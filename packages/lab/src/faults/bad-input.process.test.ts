import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import { tensor } from '@modelmesh/sdk/client';
import { applyExamples } from '../clients/examples.ts';
import { NodeProcess } from '../node-process/index.ts';
import { MODEL_INFER, rowRequest } from './asking.ts';

const FEATURES = { name: 'features', datatype: 'FP32', shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] };
const MIB = 1024 * 1024;

interface Refusal {
  readonly status: number;
  readonly error: string;
}

describe('bad input gets a clear error that names the thing', () => {
  let node: NodeProcess;
  before(async () => {
    node = await NodeProcess.start();
    await applyExamples(node);
  });
  after(() => node[Symbol.asyncDispose]());

  const post = async (path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Refusal> => {
    const response = await fetch(`${node.url}${path}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : Buffer.from(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
    const { error } = (await response.json()) as { error: string };
    return { status: response.status, error };
  };
  const infer = (body: unknown, headers?: Record<string, string>): Promise<Refusal> =>
    post('/v2/models/iris/infer', typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body), headers);
  const refused = (refusal: Refusal, status: number, error: RegExp): void => {
    assert.equal(refusal.status, status, refusal.error);
    assert.match(refusal.error, error);
  };

  it('an unknown model', async () => {
    refused(await post('/v2/models/nobody/infer', JSON.stringify({ inputs: [FEATURES] })), 404, /"nobody" not found/);
  });

  it('an unknown version', async () => {
    const body = JSON.stringify({ inputs: [FEATURES] });
    refused(await post('/v2/models/iris/versions/9/infer', body), 404, /version "9" of model "iris" not found/);
  });

  it('a tensor with a wrong name, and one that is missing', async () => {
    refused(await infer({ inputs: [{ ...FEATURES, name: 'petals' }] }), 400, /petals.*features/);
    refused(await infer({ inputs: [] }), 400, /features/);
  });

  it('a tensor with a wrong type', async () => {
    refused(
      await infer({ inputs: [{ ...FEATURES, datatype: 'INT64', data: [1, 2, 3, 4] }] }),
      400,
      /features.*(FP32.*INT64|INT64.*FP32)/,
    );
  });

  it('a tensor with a wrong shape', async () => {
    refused(
      await infer({ inputs: [{ ...FEATURES, shape: [1, 3], data: [1, 2, 3] }] }),
      400,
      /features.*(\[-1, ?4\].*\[1, ?3\]|\[1, ?3\].*\[-1, ?4\])/,
    );
  });

  it('a shape that does not count its elements', async () => {
    refused(await infer({ inputs: [{ ...FEATURES, shape: [1, 5] }] }), 400, /features/);
  });

  it('a truncated binary section, and a header that is longer than the body', async () => {
    const head = JSON.stringify({
      inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 4], parameters: { binary_data_size: 16 } }],
    });
    const short = Buffer.concat([Buffer.from(head), Buffer.alloc(12)]);
    const length = { 'inference-header-content-length': String(head.length), 'content-type': 'application/octet-stream' };
    refused(await infer(short, length), 400, /features/);
    refused(await infer(short, { ...length, 'inference-header-content-length': '9999' }), 400, /9999/);
  });

  it('invalid JSON, with the position', async () => {
    refused(await infer('{"inputs": [,]}'), 400, /line 1, column 13/);
  });

  it('invalid UTF-8', async () => {
    refused(await infer(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), 400, /UTF-8/);
  });

  it('a message over the limit, over REST and gRPC', async () => {
    refused(await infer(new Uint8Array(80 * MIB)), 413, /limit|larger|bytes/);
    const call = node.client.call(rawMethod('/any.Service/Call'), [new Uint8Array(17 * MIB)], {
      headers: ['mm-model-id', 'iris@1'],
    });
    await assert.rejects(
      call,
      (error: unknown) => error instanceof GrpcStatusError && error.code === 8 && /16777216/.test(error.message),
    );
  });

  it('metadata over the limit', async () => {
    const metadata = (fields: number): string[] => Array.from({ length: fields }, (_, at) => [`x-${at}`, 'x'.repeat(60)]).flat();
    const inputs = [tensor('features', 'FP32', [1, 4], Float32Array.from(FEATURES.data))];
    const request = { ...rowRequest('iris'), inputs };
    const ask = (fields: number) => node.client.call(MODEL_INFER, request, { headers: metadata(fields) });
    assert.ok((await ask(500)).outputs.length > 0);
    await assert.rejects(
      ask(700),
      (error: unknown) =>
        error instanceof GrpcStatusError &&
        error.code === 8 &&
        /a header list of \d{5} bytes is above the limit of 65536 bytes \(headerListBytesMax\)/.test(error.message),
    );
    assert.ok((await ask(500)).outputs.length > 0);
    const response = await fetch(`${node.url}/v2`, { headers: { 'x-large': 'x'.repeat(100_000) } });
    assert.equal(response.status, 431);
  });

  it('a decompression bomb', async () => {
    const bomb = gzipSync(new Uint8Array(200 * MIB));
    refused(await infer(bomb, { 'content-encoding': 'gzip' }), 413, /bytes|times/);
  });

  it('and the node goes on answering', async () => {
    const response = await fetch(`${node.url}/v2/models/iris/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: [FEATURES] }),
    });
    assert.equal(response.status, 200);
  });
});
