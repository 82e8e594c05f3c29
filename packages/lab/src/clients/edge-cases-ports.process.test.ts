import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { rawMethod } from '@modelmesh/grpc/call';
import { selfSignedCertificate } from '@modelmesh/mesh/certificates';
import { Health, HealthCheckResponse_ServingStatus, reflectionV1, reflectionV1Alpha } from '@modelmesh/wire/grpc-services';
import { GRPCInferenceService } from '@modelmesh/wire/inference';
import { freeFolder, NodeProcess, realClock, splitAddress } from '../node-process/index.ts';

const { serverLive, serverReady } = GRPCInferenceService.method;
const METHOD = rawMethod('/inference.GRPCInferenceService/ModelInfer').path;

/** Says something on a connection, and what comes back until the other side ends it. */
async function converse(node: NodeProcess, said: string): Promise<string> {
  const [host, port] = splitAddress(node.addresses.inference);
  const socket = connect(Number(port), host, () => socket.write(said));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Header fields, body and trailers of one request over HTTP/2. */
async function requestOver(session: ClientHttp2Session, fields: Record<string, string>, body = Buffer.alloc(0)) {
  const stream = session.request(fields, { endStream: false });
  let trailers: Record<string, unknown> = {};
  stream.on('trailers', (block) => {
    trailers = block;
  });
  stream.end(body);
  const [headers] = await once(stream, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { headers, body: Buffer.concat(chunks), trailers };
}

/** The service names that a reflection service lists; both versions have the same messages. */
async function listed(node: NodeProcess, reflection: typeof reflectionV1 | typeof reflectionV1Alpha): Promise<string[]> {
  async function* question() {
    yield { messageRequest: { case: 'listServices' as const, value: '' } };
  }
  const desc = reflection.ServerReflection.method
    .serverReflectionInfo as typeof reflectionV1.ServerReflection.method.serverReflectionInfo;
  for await (const { messageResponse } of node.client.bidi(desc, question())) {
    if (messageResponse.case === 'listServicesResponse') return messageResponse.value.service.map(({ name }) => name).toSorted();
  }
  return [];
}

/** A call of gRPC that names a model that nobody registered. */
const unknownModel = {
  ':method': 'POST',
  ':path': METHOD,
  'content-type': 'application/grpc',
  te: 'trailers',
  'mm-model-id': 'x',
};

describe('edge cases of the Open Inference Protocol at the port of a node', () => {
  let node: NodeProcess;
  before(async () => {
    node = await NodeProcess.start({ flags: { 'runtime-server': 'null' } });
  });
  after(() => node[Symbol.asyncDispose]());

  it('30: grpc.health.v1 and reflection stand beside the health of OIP, on one port', async () => {
    const rest = await Promise.all(
      ['live', 'ready'].map(async (what) => {
        const response = await fetch(`${node.url}/v2/health/${what}`);
        await response.arrayBuffer();
        return response.status;
      }),
    );
    assert.deepEqual(rest, [200, 200]);
    assert.equal((await node.client.unary(serverLive, {})).live, true);
    assert.equal((await node.client.unary(serverReady, {})).ready, true);
    for (const service of ['', GRPCInferenceService.typeName]) {
      const { status } = await node.client.unary(Health.method.check, { service });
      assert.equal(status, HealthCheckResponse_ServingStatus.SERVING, service);
    }
    await assert.rejects(node.client.unary(Health.method.check, { service: 'no.Such' }), { code: 5 });
    const names = await listed(node, reflectionV1);
    assert.deepEqual(await listed(node, reflectionV1Alpha), names);
    for (const service of [
      GRPCInferenceService.typeName,
      Health.typeName,
      'mmesh.ModelMesh',
      reflectionV1.ServerReflection.typeName,
    ])
      assert.ok(names.includes(service), `${service} is not among ${names.join(', ')}`);
  });

  it('32: HTTP/1.1 keeps a connection, and answers pipelined requests in their order', async () => {
    const ask = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;
    const heard = await converse(
      node,
      ask('/v2/models/nobody') + ask('/v2/health/live') + ask('/v2/models/none') + ask('/v2', 'connection: close\r\n'),
    );
    assert.deepEqual(
      [...heard.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
      ['404', '200', '404', '200'],
    );
    assert.ok(heard.indexOf('nobody') < heard.indexOf('none'), 'each answer is that of its request');
  });

  it('32: HTTP/2 by prior knowledge serves REST and gRPC on the port of HTTP/1.1, errors of gRPC in trailers', async () => {
    const session = connectHttp2(node.url);
    const rest = await requestOver(session, { ':path': '/v2/models/nobody' });
    assert.deepEqual([rest.headers[':status'], rest.headers['content-type']], [404, 'application/json']);
    const call = await requestOver(session, unknownModel, Buffer.from([0, 0, 0, 0, 0]));
    // Without any message the header block is the trailers (gRPC over HTTP/2, Trailers-Only).
    assert.deepEqual([call.headers[':status'], call.headers['content-type']], [200, 'application/grpc']);
    const status = { ...call.headers, ...call.trailers };
    assert.equal(status['grpc-status'], '5');
    assert.match(decodeURIComponent(String(status['grpc-message'])), /model not found/);
    assert.equal(call.body.length, 0);
    session.close();
  });

  it('32: ALPN on TLS chooses HTTP/2 or HTTP/1.1, and both answer', async () => {
    await using folder = await freeFolder();
    const { cert, key } = selfSignedCertificate(['localhost'], realClock.wallMs());
    const [certPath, keyPath] = [join(folder.path, 'tls.crt'), join(folder.path, 'tls.key')];
    writeFileSync(certPath, cert);
    writeFileSync(keyPath, key);
    const flags = { 'runtime-server': 'null', 'tls-cert-path': certPath, 'tls-key-path': keyPath };
    await using secure = await NodeProcess.start({ flags });
    const [host, port] = splitAddress(secure.addresses.inference);
    const chosen = async (ALPNProtocols: string[]): Promise<string | false | null> => {
      const socket = connectTls({ host, port: Number(port), servername: 'localhost', ca: cert, ALPNProtocols });
      await once(socket, 'secureConnect');
      socket.destroy();
      return socket.alpnProtocol;
    };
    assert.deepEqual([await chosen(['h2', 'http/1.1']), await chosen(['http/1.1'])], ['h2', 'http/1.1']);
    const session = connectHttp2(`https://localhost:${port}`, { ca: cert, host });
    const call = await requestOver(session, unknownModel);
    assert.equal({ ...call.headers, ...call.trailers }['grpc-status'], '5');
    session.close();
    const socket = connectTls({ host, port: Number(port), servername: 'localhost', ca: cert, ALPNProtocols: ['http/1.1'] }, () =>
      socket.write('GET /v2/health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'),
    );
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 200/);
  });
});
