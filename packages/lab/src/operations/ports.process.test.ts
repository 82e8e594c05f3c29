import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ModelFile, ROW, rowBody, writeModel } from '../faults/index.ts';
import { freeFolder, NodeProcess } from '../node-process/index.ts';
import { inferGrpc, inferRest, modelManifest, statusGrpc } from './ask-model.ts';
import { Http2Connection } from './http2-connection.ts';

const START_MS = 30_000;
const UNIMPLEMENTED = '12';
const HEALTH_CHECK = '/grpc.health.v1.Health/Check';

// One folder: the node is started three times, and its registry remembers the model.
let folder: Awaited<ReturnType<typeof freeFolder>>;
let model: ModelFile;

const start = (management: string): Promise<NodeProcess> =>
  NodeProcess.start({ folder: folder.path, flags: { 'listeners-management-port': management } });

/** What management answers at an address, over HTTP/1.1, HTTP/2 and gRPC. */
async function managementAt(address: string): Promise<readonly (number | string)[]> {
  using connection = new Http2Connection(`http://${address}`);
  const http1 = await fetch(`http://${address}/api/v1/models/m`);
  await http1.arrayBuffer();
  return [http1.status, (await connection.get('/api/v1/models/m')).status, await statusGrpc(connection, 'm')];
}

describe('the ports of a node', { concurrency: false }, () => {
  before(async () => {
    folder = await freeFolder();
    model = writeModel(folder.path, 'm', 1);
  });

  after(() => folder[Symbol.asyncDispose]());

  it('one port: gRPC, REST and management share a connection of HTTP/2 without TLS', { timeout: START_MS }, async () => {
    await using node = await start('shared');
    using connection = new Http2Connection(node.url);
    const applied = await connection.post('/api/v1/apply', modelManifest('m', model.uri));
    assert.equal(applied.status, 200, applied.body.toString());
    const answers = await Promise.all([inferGrpc(connection, 'm'), inferRest(connection, 'm'), inferGrpc(connection, 'm')]);
    for (const answer of answers) assert.deepEqual(answer, model.answer(ROW));
    assert.deepEqual(await managementAt(node.addresses.inference), [200, 200, '0']);
    assert.equal((await connection.get('/nothing/here')).status, 404);
    assert.equal(node.addresses.management, undefined);
  });

  it('two ports: management is on its own and no longer on that of inference, which alone infers', {
    timeout: START_MS,
  }, async () => {
    await using node = await start('0');
    const { inference, management = '' } = node.addresses;
    assert.deepEqual(await managementAt(management), [200, 200, '0']);
    assert.deepEqual(await managementAt(inference), [404, 404, UNIMPLEMENTED]);

    using connection = new Http2Connection(node.url);
    assert.deepEqual(await inferGrpc(connection, 'm'), model.answer(ROW));
    assert.deepEqual(await inferRest(connection, 'm'), model.answer(ROW));
    using other = new Http2Connection(`http://${management}`);
    assert.equal((await other.post('/v2/models/m/infer', rowBody())).status, 404);
    assert.equal(
      (await other.call('/inference.GRPCInferenceService/ModelInfer', [], { 'mm-model-id': 'm' })).status,
      UNIMPLEMENTED,
    );
    for (const one of [connection, other]) assert.equal((await one.call(HEALTH_CHECK, [])).status, '0');
  });

  it('management switched off: it is nowhere, and inference goes on', { timeout: START_MS }, async () => {
    await using node = await start('none');
    assert.equal(node.addresses.management, undefined);
    assert.deepEqual(await managementAt(node.addresses.inference), [404, 404, UNIMPLEMENTED]);
    using connection = new Http2Connection(node.url);
    assert.deepEqual(await inferGrpc(connection, 'm'), model.answer(ROW));
    assert.deepEqual(await inferRest(connection, 'm'), model.answer(ROW));
  });
});
