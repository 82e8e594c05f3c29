import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Authorizer } from '../../authz/index.ts';
import { echo, errorOf, overBoth, type RestRig } from './testing/index.ts';

const INFER = '/v2/models/echo/infer';
const REQUEST = { inputs: [{ name: 'x', datatype: 'INT8', shape: [1], data: [1] }] };

async function prepare(rig: RestRig): Promise<void> {
  await rig.model('echo', { behaviour: { inputs: [], infer: echo } });
  await rig.model('modèle', { behaviour: { inputs: [], infer: echo } });
}

overBoth('what a client sends with its call', {}, prepare, (on) => {
  const seen = (): ReadonlyMap<string, string> => {
    const raw = on.rig.runtime.seen.at(-1)?.headers.raw() ?? [];
    const fields = new Map<string, string>();
    for (let at = 0; at < raw.length; at += 2) fields.set(raw[at] ?? '', raw[at + 1] ?? '');
    return fields;
  };

  it('reaches the runtime as metadata: trace context, request id and its own fields', async () => {
    const headers = {
      'X-Request-Id': 'request 1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=b',
      authorization: 'Bearer t',
      'x-own': 'value',
      'x-raw-bin': 'AQI=',
    };
    const answer = await on.post(INFER, REQUEST, headers);
    assert.equal(answer.headers['x-request-id'], 'request 1');
    const fields = seen();
    for (const [name, value] of Object.entries(headers)) assert.equal(fields.get(name.toLowerCase()), value, name);
    assert.equal(fields.get('content-type'), 'application/grpc');
    assert.equal(fields.get(':path'), '/inference.GRPCInferenceService/ModelInfer');
    assert.match(fields.get('grpc-timeout') ?? '', /^\d+m$/);
  });

  it('does not reach the runtime where it speaks of HTTP, of the mesh, or cannot be metadata', async () => {
    await on.post(INFER, REQUEST, {
      accept: '*/*',
      'accept-encoding': 'gzip',
      'mm-timeout-ms': '5000',
      'mm-model-id': 'another',
      'mesh-hop': '1',
      'grpc-encoding': 'gzip',
      'user-agent': 'test',
      'x-broken-bin': 'not base64!',
      'x-accents': 'caf\u00e9',
      'x!odd': '1',
    });
    const fields = seen();
    for (const name of [
      'accept',
      'accept-encoding',
      'mm-timeout-ms',
      'mesh-hop',
      'grpc-encoding',
      'user-agent',
      'content-length',
    ])
      assert.equal(fields.has(name), false, name);
    for (const name of ['x-broken-bin', 'x-accents', 'x!odd', 'host', 'connection']) assert.equal(fields.has(name), false, name);
    assert.equal(fields.get('mm-model-id'), 'echo');
  });

  it('names the model in binary form, and in plain form where that can be', async () => {
    await on.post('/v2/models/mod%C3%A8le/infer', REQUEST);
    assert.equal(seen().get('mm-model-id'), undefined);
    assert.equal(Buffer.from(seen().get('mm-model-id-bin') ?? '', 'base64').toString(), 'modèle');
    assert.equal(on.rig.runtime.seen.at(-1)?.request?.modelName, 'modèle');
    assert.equal(on.rig.runtime.seen.at(-1)?.request?.modelVersion, '');
  });

  it('comes back with a failure too, as far as it is the request id', async () => {
    const answer = await on.post('/v2/models/unknown/infer', REQUEST, { 'x-request-id': 'r2' });
    assert.equal(errorOf(answer, 404).length > 0, true);
    assert.equal(answer.headers['x-request-id'], 'r2');
  });

  it('is in the record of a call that failed', async () => {
    await on.post(INFER, REQUEST, { 'x-request-id': 'r3', 'mm-timeout-ms': '20', 'null-delay': '10000' });
    await on.rig.settled();
    const record = on.rig.records.at(-1);
    assert.deepEqual([record?.requestId, record?.model], ['r3', 'echo']);
    // Runtime and mesh watch the same deadline; either may be first.
    assert.match(record?.outcome ?? '', /^deadline-exceeded|code 4$/);
  });
});

const SELECTIVE: Authorizer = {
  authorize: (_principal, { verb, target }) =>
    verb === 'read' && target !== 'secret' ? { kind: 'allow' } : { kind: 'deny', reason: `no ${verb} of ${target} for you` },
};

overBoth('a caller who may not', { authorizer: SELECTIVE }, prepare, (on) => {
  it('is refused, with the reason, before anything is read or called', async () => {
    const calls = on.rig.runtime.seen.length;
    for (const [path, sentence] of [
      [INFER, 'no infer of inference.GRPCInferenceService/ModelInfer for you'],
      ['/v1/models/echo:predict', 'no infer of inference.GRPCInferenceService/ModelInfer for you'],
      ['/v2/models/echo/generate_stream', 'no infer of inference.GRPCInferenceService/ModelStreamInfer for you'],
      ['/v2/repository/models/echo/load', 'no write of echo for you'],
      ['/v2/repository/models/echo/unload', 'no write of echo for you'],
    ] as const)
      assert.equal(errorOf(await on.post(path, REQUEST), 403), sentence);
    assert.equal(errorOf(await on.get('/v2/models/secret'), 403), 'no read of secret for you');
    assert.equal(errorOf(await on.get('/v2/models/secret/ready'), 403), 'no read of secret for you');
    assert.equal(on.rig.runtime.seen.length, calls);
    assert.deepEqual([on.rig.repository.loads, on.rig.repository.unloads], [[], []]);
  });

  it('may read what is allowed, and probe', async () => {
    for (const path of ['/', '/v2', '/v2/health/live', '/v2/health/ready', '/v2/models', '/v1/models'])
      assert.equal((await on.get(path)).status, 200, path);
  });
});

overBoth('a node whose memory for bodies is used up', { heldBytesMax: 50_000 }, prepare, (on) => {
  it('says so, for questions and for answers, and goes on', async () => {
    const large = { inputs: [{ name: 'x', datatype: 'INT8', shape: [30_000], data: Array(30_000).fill(1) }] };
    const refused = await on.post(INFER, large);
    assert.match(errorOf(refused, 429), /held on this node/);
    assert.equal(refused.headers['retry-after'], '1');
    const behaviour = { inputs: [], raw: () => new Uint8Array(60_000) };
    await on.rig.model('talkative', { behaviour });
    assert.match(errorOf(await on.post('/v2/models/talkative/infer', REQUEST), 429), /answers that are held/);
    assert.equal((await on.post(INFER, REQUEST)).status, 200);
    await on.rig.released();
  });
});
