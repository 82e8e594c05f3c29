import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { bytes, durationMs } from '@modelmesh/core';
import { allowAll } from '../../authz/index.ts';
import { ByteBudget } from '../call/index.ts';
import { Freezer, PeerMesh, type PeerNode, until } from '../peers/testing/index.ts';
import { restHandler } from './index.ts';
import { ExchangeServers, echo, jsonOf, OipRuntime, TestRepository } from './testing/index.ts';

const MIB = 1024 * 1024;
const INPUTS = [{ name: 'x', datatype: 'FP32', shape: [-1] }];

describe('REST for a model that is at another node', () => {
  const runtime = new OipRuntime();
  const repository = new TestRepository();
  let mesh: PeerMesh;
  let entry: PeerNode;
  let holder: PeerNode;
  let servers: ExchangeServers;

  before(async () => {
    const runtimeAt = await runtime.listen();
    const methods = Object.fromEntries(
      ['ModelInfer', 'ModelMetadata'].map((name) => [`inference.GRPCInferenceService/${name}`, [1]]),
    );
    mesh = await PeerMesh.of(['a', 'b'], (name) => (name === 'b' ? { runtimeAt, methods } : {}));
    [entry, holder] = [mesh.at(0), mesh.at(1)];
    runtime.models.set('m', { platform: 't_t', inputs: INPUTS, infer: echo });
    await holder.route('m', holder.serve('m'));
    await entry.route('m', null, ['b']);
    const { plane } = entry.dataPlane;
    const handler = restHandler({
      plane,
      repository,
      authorizer: allowAll,
      limits: { bodyBytesMax: bytes(16 * MIB), unaryTimeoutMs: durationMs(30_000) },
      bodies: new ByteBudget(64 * MIB),
      server: { name: 'model-mesh', version: 'test' },
    });
    servers = await ExchangeServers.start((exchange) => handler.handle(exchange));
  });
  after(async () => {
    await servers.close();
    await mesh[Symbol.asyncDispose]();
    await runtime.close();
  });

  const get = (path: string, headers = {}) => servers.client.ask('http1', { path, headers });
  const post = (path: string, body: unknown) => servers.client.ask('http1', { method: 'POST', path, body: JSON.stringify(body) });
  const asked = (method: string): number => runtime.seen.filter((call) => call.method.endsWith(method)).length;

  it('infers over V2, with the name that was asked for', async () => {
    const answer = await post('/v2/models/m/infer', { inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1, 2] }] });
    assert.equal(answer.status, 200, answer.body.toString());
    const { model_name: name, outputs } = jsonOf(answer) as {
      model_name: string;
      outputs: readonly { data: readonly number[] }[];
    };
    assert.deepEqual([name, outputs[0]?.data], ['m', [1, 2]]);
  });

  it('asks the other node for the metadata that V1 needs once, as long as the claim is the same', async () => {
    for (const round of [1, 2, 3]) {
      const answer = await post('/v1/models/m:predict', { instances: [round, 5] });
      assert.equal(answer.status, 200, answer.body.toString());
      assert.deepEqual(jsonOf(answer), { predictions: [round, 5] });
    }
    assert.equal(asked('ModelMetadata'), 1);
    await entry.route('m', null, ['b'], entry.dataPlane.plane.clock.wallMs());
    await post('/v1/models/m:predict', { instances: [1] });
    assert.equal(asked('ModelMetadata'), 2, 'another claim may be another life of the copy');
  });

  it('sends a large body on, also when control has to say first where to', async () => {
    const data = Array.from({ length: 40_000 }, (_, at) => at);
    const body = { inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length], data }] };
    const known = await post('/v2/models/m/infer', body);
    await entry.route('m', null);
    entry.locate = () => ({ kind: 'peer', instance: holder.instance, intent: 'load' });
    const located = await post('/v2/models/m/infer', body);
    for (const answer of [known, located]) {
      assert.equal(answer.status, 200, answer.body.subarray(0, 300).toString());
      const { outputs } = jsonOf(answer) as { outputs: readonly { data: readonly number[] }[] };
      assert.deepEqual(outputs[0]?.data, data);
    }
  });

  it('waits for the other node where it falls silent and nobody else can take the call, with a large body as with a small one', async () => {
    await using way = await Freezer.before(Number(holder.asPeer.address.split(':')[1]));
    await entry.knows([{ ...holder.asPeer, address: way.address }]);
    await entry.route('m', null, ['b']);
    const error = { kind: 'registry-unavailable', message: 'no model is loaded', retryAfterMs: null } as const;
    entry.locate = () => ({ kind: 'failed', where: 'nowhere', error });
    const infer = (count: number) =>
      post('/v2/models/m/infer', { inputs: [{ name: 'x', datatype: 'FP32', shape: [count], data: Array(count).fill(1) }] });
    assert.equal((await infer(1)).status, 200);
    const [states, questions] = [entry.heard('peer-state').length, entry.heard('locate').length];
    way.freeze();
    const small = infer(1);
    await until(() => entry.heard('peer-state').length > states);
    const large = infer(40_000);
    await until(() => entry.heard('locate').length > questions + 1);
    way.thaw();
    for (const answer of await Promise.all([small, large])) assert.equal(answer.status, 200, answer.body.toString());
    await entry.knows([holder.asPeer]);
  });

  /** Registered through another node a moment ago: the entry hears of it when it asks the registry itself. */
  const registeredElsewhere = (name: string): void => {
    entry.lookUp = async (names) => {
      if (!names.includes(name)) return;
      runtime.models.set(name, { platform: 't_t', inputs: INPUTS, infer: echo });
      await holder.route(name, holder.serve(name));
      await entry.route(name, null, ['b']);
      repository.states.set(name, { state: 'READY' });
    };
  };

  for (const [what, name, path] of [
    ['metadata', 'new-1', '/v2/models/new-1'],
    ['readiness', 'new-2', '/v2/models/new-2/ready'],
    ['the status of V1', 'new-3', '/v1/models/new-3'],
  ] as const)
    it(`tells ${what} of a model that another node has just registered`, async () => {
      registeredElsewhere(name);
      const answer = await get(path);
      assert.equal(answer.status, 200, answer.body.toString());
      assert.equal((jsonOf(answer) as { name: string }).name, name);
    });

  it('loads such a model over the repository', async () => {
    registeredElsewhere('new-4');
    const answer = await post('/v2/repository/models/new-4/load', {});
    assert.equal(answer.status, 200, answer.body.toString());
    assert.deepEqual(repository.loads, ['new-4']);
  });

  it('says 404 where the registry knows no more', async () => {
    entry.lookUp = async () => {};
    const asked = entry.heard('look-up').length;
    for (const path of ['/v2/models/wrong-1', '/v2/models/wrong-2/ready', '/v1/models/wrong-3']) {
      const answer = await get(path);
      assert.deepEqual([answer.status, answer.body.toString().includes('wrong')], [404, true]);
    }
    const questions = entry.heard('look-up').slice(asked);
    assert.deepEqual(
      questions.map(({ names }) => names),
      [['wrong-1'], ['wrong-2'], ['wrong-3']],
    );
  });

  it('gives the registry no longer than the call has', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    entry.lookUp = () => promise;
    for (const path of ['/v2/models/slow-1', '/v2/models/slow-2/ready']) {
      const answer = await get(path, { 'mm-timeout-ms': '50' });
      assert.equal(answer.status, 504);
      assert.match(answer.body.toString(), /while the registry was asked for the model/);
    }
    resolve();
  });
});
