import assert from 'node:assert/strict';
import { request as openHttp, type RequestOptions } from 'node:http';
import { request as openHttps } from 'node:https';
import { after, before, describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { Health, HealthCheckResponse_ServingStatus as Serving } from '@modelmesh/wire/grpc-services';
import {
  GRPCInferenceService,
  type ModelInferRequest,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from '@modelmesh/wire/inference';
import { ModelMesh, ModelStatusInfo_ModelStatus as Status } from '@modelmesh/wire/mmesh';
import { freeFolder, NodeProcess, splitAddress } from '../node-process/index.ts';
import { certificate, TlsFiles } from '../operations/certificates.ts';
import { Http2Connection } from '../operations/http2-connection.ts';

const START_MS = 60_000;
const APP = 'https://app.example';
const INFER = `/${GRPCInferenceService.typeName}/ModelInfer`;
const TEXT = 'application/grpc-web-text';
const server = certificate();

const question = (model: string, text: string): ModelInferRequest =>
  create(ModelInferRequestSchema, {
    modelName: model,
    inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1n], contents: { bytesContents: [Buffer.from(text)] } }],
  });

/** A call of text inference in base64, in one request. */
function textBody(model: string, text: string): string {
  const message = toBinary(ModelInferRequestSchema, question(model, text));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]).toString('base64');
}

/** What is in the body of an answer in base64: its first message as text, and its last frame. */
function readText(body: string): { readonly text: string; readonly trailers: string } {
  const chunks = body.match(/[^=]+={0,2}/g) ?? [];
  const bytes = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk, 'base64')));
  const end = 5 + bytes.readUInt32BE(1);
  const answer = fromBinary(ModelInferResponseSchema, bytes.subarray(5, end));
  return {
    text: Buffer.from(answer.rawOutputContents[0] ?? []).toString('utf8', 4),
    trailers: bytes.toString('latin1', end + 5),
  };
}

type Fields = Readonly<Record<string, string>>;
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}
type Ask = (method: string, path: string, headers: Fields, body?: string) => Promise<Answer>;

/** Over HTTP/1.1 by Node's own client. */
const http1 =
  (url: string): Ask =>
  (method, path, headers, body) =>
    new Promise((resolve, reject) => {
      const options: RequestOptions & { ca: string } = { method, headers: { ...headers }, agent: false, ca: server.cert };
      const open = url.startsWith('https') ? openHttps : openHttp;
      const asking = open(`${url}${path}`, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString('latin1'),
          }),
        );
        response.on('error', reject);
      });
      asking.on('error', reject);
      asking.end(body);
    });

/** Over HTTP/2 by Node's own client. */
const http2 =
  (url: string): Ask =>
  async (method, path, headers, body) => {
    using connection = new Http2Connection(url, { ca: server.cert });
    const answer = await connection.request({ ':method': method, ':path': path, ...headers }, body);
    return { status: answer.status, headers: answer.headers, body: answer.body.toString('latin1') };
  };

for (const [what, isSafe] of [
  ['in plain text', false],
  ['under TLS', true],
] as const) {
  describe(`gRPC-Web at the port of a node, ${what}`, () => {
    let folder: Awaited<ReturnType<typeof freeFolder>>;
    let node: NodeProcess;
    let carriers: Readonly<Record<string, Ask>>;

    before(
      async () => {
        folder = await freeFolder();
        const files = new TlsFiles(folder.path);
        files.use(server);
        const flags = { 'runtime-server': 'stream-text', 'cors-origins': APP, 'cors-request-headers': 'x-tenant' };
        node = await NodeProcess.start({ folder: folder.path, flags: isSafe ? { ...flags, ...files.flags } : flags });
        const url = `${isSafe ? 'https' : 'http'}://localhost:${splitAddress(node.addresses.inference)[1]}`;
        carriers = { 'HTTP/1.1': http1(url), 'HTTP/2': http2(url) };
        const applied = await http1(url)('POST', '/api/v1/apply', { 'content-type': 'application/json' }, MANIFEST);
        assert.equal(applied.status, 200, applied.body);
      },
      { timeout: START_MS },
    );
    after(async () => {
      await node[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    });

    it('infers, over HTTP/1.1 and HTTP/2', async () => {
      for (const [carrier, ask] of Object.entries(carriers)) {
        const answer = await ask('POST', INFER, { 'content-type': TEXT, origin: APP }, textBody('story', 'one two'));
        assert.equal(answer.headers['content-type'], `${TEXT}+proto`, carrier);
        assert.equal(answer.headers['access-control-allow-origin'], APP);
        const { text, trailers } = readText(answer.body);
        assert.equal(text, 'one two');
        assert.match(trailers, /^grpc-status: 0\r\n/);
      }
    });

    it('says in the headers why a call failed before it had an answer', async () => {
      for (const ask of Object.values(carriers)) {
        const answer = await ask('POST', INFER, { 'content-type': TEXT, origin: APP }, textBody('nobody', 'x'));
        assert.deepEqual([answer.status, answer.headers['grpc-status'], answer.body], [200, '5', '']);
        assert.match(String(answer.headers['access-control-expose-headers']), /grpc-status, grpc-message/);
      }
    });

    it('refuses a second message in words', async () => {
      for (const ask of Object.values(carriers)) {
        const body = `${textBody('story', 'one')}${textBody('story', 'two')}`;
        const answer = await ask('POST', INFER, { 'content-type': TEXT }, body);
        assert.equal(answer.headers['grpc-status'], '12');
        assert.match(decodeURIComponent(String(answer.headers['grpc-message'])), /one message in a request/);
      }
    });

    it('tells pages of listed origins that they may ask, for gRPC-Web, REST and management alike, and others nothing', async () => {
      for (const ask of Object.values(carriers)) {
        for (const path of [INFER, '/v2/models/story/infer', '/api/v1/models']) {
          const wanted = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-tenant' };
          const asked = await ask('OPTIONS', path, { origin: APP, ...wanted });
          assert.deepEqual([asked.status, asked.headers['access-control-allow-origin']], [204, APP], path);
          assert.match(String(asked.headers['access-control-allow-headers']), /x-grpc-web.*mm-model-id.*x-tenant/);
          const other = await ask('OPTIONS', path, { origin: 'https://evil.example', ...wanted });
          const told = Object.keys(other.headers).filter((name) => name.startsWith('access-control-'));
          assert.deepEqual(told, [], path);
        }
        const rest = await ask('GET', '/v2/models/story', { origin: APP });
        assert.deepEqual([rest.status, rest.headers['access-control-allow-origin']], [200, APP]);
      }
    });
  });
}

describe('a client of gRPC-Web that others wrote', () => {
  it('infers, streams, manages, asks for health, and reads why a call failed', async () => {
    await using node = await NodeProcess.start({ flags: { 'runtime-server': 'stream-text' } });
    const transport = createGrpcWebTransport({ baseUrl: node.url });
    const management = createClient(ModelMesh, transport);
    const asked = { modelId: 'story', modelInfo: { type: 'text', path: '' }, loadNow: true, sync: true };
    assert.equal((await management.registerModel(asked)).status, Status.LOADED);
    assert.equal((await createClient(Health, transport).check({})).status, Serving.SERVING);
    const inference = createClient(GRPCInferenceService, transport);
    const answer = await inference.modelInfer(question('story', 'one two'), { timeoutMs: 20_000 });
    assert.equal(Buffer.from(answer.rawOutputContents[0] ?? []).toString('utf8', 4), 'one two');
    await assert.rejects(inference.modelInfer(question('nobody', 'x')), (error) => {
      assert.ok(error instanceof ConnectError);
      assert.equal(error.code, Code.NotFound);
      assert.match(error.rawMessage, /nobody/);
      return true;
    });
    const watching = new AbortController();
    for await (const { status } of createClient(Health, transport).watch({}, { signal: watching.signal })) {
      assert.equal(status, Serving.SERVING);
      break;
    }
    watching.abort();
  });
});

const MANIFEST = JSON.stringify({
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Model',
  metadata: { name: 'story' },
  spec: { format: { name: 'text' }, storage: { uri: 'pause 1' } },
});
