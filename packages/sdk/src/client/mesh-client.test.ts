import assert from 'node:assert/strict';
import { createSecureServer, createServer, type Http2SecureServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { durationMs, MeshError } from '@modelmesh/core';
import { GrpcStatusError } from '@modelmesh/grpc/call';
import { TEST_CERTIFICATES } from '@modelmesh/grpc/testing';
import { ModelStatusInfo_ModelStatus } from '@modelmesh/wire/mmesh';
import { decodeInferRequest, encodeInferResponse, type InferRequest, NO_PARAMETERS } from '@modelmesh/wire/oip';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { elementsOf, MeshClient, type MeshClientOptions, RestClient, tensor } from './index.ts';

/** What the fake was asked over gRPC. */
interface Asked {
  readonly path: string;
  readonly message: Buffer;
  readonly headers: Readonly<Record<string, unknown>>;
}

interface Fake extends AsyncDisposable {
  readonly client: MeshClient;
  readonly asked: Asked[];
}

/** Answers each gRPC call with `answer`: a message, or a status with its text. */
async function serving(
  server: Http2Server | Http2SecureServer,
  answer: (asked: Asked) => Uint8Array | readonly [number, string] | undefined,
  options: (port: number) => MeshClientOptions = (port) => ({ server: `localhost:${port}` }),
): Promise<Fake> {
  const asked: Asked[] = [];
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', async (stream: ServerHttp2Stream, headers: Record<string, unknown>) => {
    stream.on('error', () => undefined);
    const body = Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>));
    const call = { path: String(headers[':path']), message: body.subarray(5), headers };
    asked.push(call);
    const answered = answer(call);
    if (answered === undefined) return;
    const isMessage = answered instanceof Uint8Array;
    const trailers = isMessage ? { 'grpc-status': '0' } : { 'grpc-status': String(answered[0]), 'grpc-message': answered[1] };
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    if (isMessage) {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(answered.length, 1);
      stream.write(Buffer.concat([head, answered]));
    }
    stream.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const client = new MeshClient(options((server.address() as AddressInfo).port));
  return {
    client,
    asked,
    [Symbol.asyncDispose]: async () => {
      client.close();
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const decoded = ({ message }: Asked): InferRequest => decodeInferRequest(message);
const doubled = (asked: Asked): Uint8Array => {
  const { modelName, modelVersion, id, inputs } = decoded(asked);
  const outputs = inputs.map((input) => {
    const values = new Float32Array(elementsOf(input, 'FP32').map((value) => value * 2));
    return { ...input, name: 'out', data: new Uint8Array(values.buffer) };
  });
  return Buffer.concat(encodeInferResponse({ modelName, modelVersion, id, parameters: NO_PARAMETERS, outputs }));
};
const x = tensor('x', 'FP32', [2], new Float32Array([1.5, -2]));

test('a model is asked with typed arrays and answers with them', async () => {
  await using fake = await serving(createServer(), doubled);
  const answer = await fake.client.infer({ model: 'm', version: '3', inputs: [x], outputs: ['out'], id: 'call-1' });
  assert.deepEqual(
    answer.outputs.map((output) => elementsOf(output, 'FP32')),
    [new Float32Array([3, -4])],
  );
  const [asked] = fake.asked;
  assert.equal(asked?.path, '/inference.GRPCInferenceService/ModelInfer');
  const { modelName, modelVersion, id, outputs } = decoded(asked);
  assert.deepEqual([modelName, modelVersion, id, outputs.map(({ name }) => name)], ['m', '3', 'call-1', ['out']]);
});

test('the JSON of REST goes over gRPC, outputs selected as it says', async () => {
  await using fake = await serving(createServer(), doubled);
  const request = '{"id":"7","inputs":[{"name":"x","datatype":"FP32","shape":[2],"data":[0.1,2]}],"outputs":[{"name":"out"}]}';
  const answer = await fake.client.inferJson('m', Buffer.from(request), { timeoutMs: durationMs(5000) });
  assert.equal(answer, '{"model_name":"m","id":"7","outputs":[{"name":"out","datatype":"FP32","shape":[2],"data":[0.2,4]}]}');
  assert.match(String(fake.asked[0]?.headers['grpc-timeout']), /^\d+[mun]?/);
  await assert.rejects(
    fake.client.inferJson('m', Buffer.from('{"inputs":')),
    (error) => error instanceof MeshError && error.kind === 'invalid-argument',
  );
});

test('an error of the mesh keeps its code and text; a call ends at its deadline', async () => {
  await using fake = await serving(createServer(), ({ path }) =>
    path.endsWith('ModelInfer') ? [GRPC_CODE.NOT_FOUND, 'model not found'] : undefined,
  );
  await assert.rejects(fake.client.infer({ model: 'm', inputs: [x] }), (error) => {
    assert.ok(error instanceof GrpcStatusError);
    assert.deepEqual([error.code, error.message], [GRPC_CODE.NOT_FOUND, 'model not found']);
    return true;
  });
  await assert.rejects(
    fake.client.modelMesh.getModelStatus('m', { timeoutMs: durationMs(20) }),
    (error) => error instanceof MeshError && error.kind === 'deadline-exceeded',
  );
});

test('an answer without fields is an answer of defaults', async () => {
  await using fake = await serving(createServer(), () => new Uint8Array(0));
  const { status } = await fake.client.modelMesh.getModelStatus('m');
  assert.equal(status, ModelStatusInfo_ModelStatus.NOT_FOUND);
  assert.deepEqual((await fake.client.modelMetadata('m')).inputs, []);
});

const { server: SERVER, client: CLIENT } = TEST_CERTIFICATES;
const SECURE = { ...SERVER, ca: CLIENT.cert, requestCert: true, rejectUnauthorized: true };
const TLS = { ca: [SERVER.cert], cert: CLIENT.cert, key: CLIENT.key };

test('over TLS both sides of a gRPC connection show their certificates', async () => {
  const at = (port: number): string => `https://localhost:${port}`;
  await using fake = await serving(createSecureServer(SECURE), doubled, (port) => ({ server: at(port), tls: TLS }));
  assert.equal((await fake.client.infer({ model: 'm', inputs: [x] })).outputs.length, 1);
  assert.equal(fake.asked[0]?.headers[':scheme'], 'https');
  await using untrusted = await serving(createSecureServer(SECURE), doubled, (port) => ({ server: at(port) }));
  await assert.rejects(
    untrusted.client.infer({ model: 'm', inputs: [x] }),
    (error) => error instanceof MeshError && error.kind === 'unavailable',
  );
});

test('over TLS both sides of REST show their certificates', async () => {
  const https = createHttpsServer(SECURE, (_request, response) => response.end('{"name":"n","ready":true}'));
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', () => resolve()));
  const url = `https://localhost:${(https.address() as AddressInfo).port}`;
  const [trusting, distrusting] = [new RestClient(url, TLS), new RestClient(url)];
  assert.equal((await trusting.status()).ready, true);
  await assert.rejects(
    distrusting.status(),
    (error) => error instanceof MeshError && error.kind === 'unavailable' && /certificate/.test(error.message),
  );
  for (const client of [trusting, distrusting]) client.close();
  https.closeAllConnections();
  await new Promise((resolve) => https.close(resolve));
});
