/** The edge cases of the Open Inference Protocol that concern URLs, health, errors and HTTP; numbers are those of spec `kserve.md` §6.5. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { MeshError } from '@modelmesh/core';
import { GRPC_CODE, type GrpcCodeName, HTTP_OF_GRPC } from '@modelmesh/wire/status';
import { REST_EXTENSIONS } from './rest-handler.ts';
import { echo, errorOf, jsonOf, overBoth, type RestRig, type Scenario, textOf200 } from './testing/index.ts';

const INFER = '/v2/models/echo/infer';
const REQUEST = { inputs: [{ name: 'x', datatype: 'INT8', shape: [1], data: [1] }] };
const ECHO = { inputs: [], infer: echo } as const;

async function prepare(rig: RestRig): Promise<void> {
  await rig.model('echo', { behaviour: ECHO });
  await rig.model('fraud@2', { family: 'fraud', version: '2', behaviour: ECHO });
  await rig.model('fraud@3', { family: 'fraud', version: '3', behaviour: ECHO });
  await rig.endpoint('front', 'fraud@2');
  for (const version of ['10', '9'])
    await rig.model(`told@${version}`, { family: 'told', version, behaviour: { ...ECHO, platform: 'test_test' } });
  for (const name of ['a/b', '50% off', 'modèle 模型', 'dots.and-dashes_', 'with:predict'])
    await rig.model(name, { behaviour: { ...ECHO, platform: 'test_test' } });
  await rig.model('described', {
    behaviour: {
      ...ECHO,
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
      outputs: [{ name: 'y', datatype: 'INT64', shape: [-1] }],
    },
  });
}

const metadataLess = (on: Scenario): string => String(on.rig.runtime.seen.at(-1)?.headers.get('mm-model-id'));

overBoth('V2 protocol', { bodyBytesMax: 100_000, messageBytesMax: 50_000 }, prepare, (on) => {
  it('6, 20: tells metadata in the words of the protocol, with -1 for dimensions that vary', async () => {
    assert.deepEqual(jsonOf(await on.get('/v2/models/described')), {
      name: 'described',
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
      outputs: [{ name: 'y', datatype: 'INT64', shape: [-1] }],
    });
    assert.equal(errorOf(await on.get('/v2/models/echo'), 501), 'no metadata here');
    errorOf(await on.get('/v2/models/unknown'), 404);
  });

  it('17: takes a name as endpoint, key or family, and with a version as that version', async () => {
    const asked = async (path: string): Promise<unknown> => {
      const { model_name, model_version } = jsonOf(await on.post(path, REQUEST)) as Record<string, unknown>;
      return [model_name, model_version, metadataLess(on)];
    };
    assert.deepEqual(await asked('/v2/models/front/infer'), ['front', '2', 'fraud@2']);
    assert.deepEqual(await asked('/v2/models/fraud/infer'), ['fraud', '3', 'fraud@3']);
    assert.deepEqual(await asked('/v2/models/fraud/versions/2/infer'), ['fraud', '2', 'fraud@2']);
    assert.deepEqual(await asked('/v2/models/fraud@2/infer'), ['fraud@2', '2', 'fraud@2']);
    assert.match(errorOf(await on.post('/v2/models/fraud/versions/4/infer', REQUEST), 404), /version "4" of model "fraud"/);
    assert.match(errorOf(await on.post('/v2/models/front/versions/3/infer', REQUEST), 404), /version "3"/);
    assert.equal(on.rig.calls.at(-3)?.endpoint, null);
    assert.equal(on.rig.calls.at(-6)?.endpoint, 'front');
  });

  it('17, 20: names in the metadata of a family every version that may be asked for, elsewhere the one that answers', async () => {
    const versions = async (path: string): Promise<unknown> =>
      (jsonOf(await on.get(path)) as { readonly versions?: unknown }).versions;
    assert.deepEqual(await versions('/v2/models/told'), ['9', '10']);
    assert.deepEqual(await versions('/v2/models/told/versions/9'), ['9']);
    assert.deepEqual(await versions('/v2/models/told@9'), ['9']);
    assert.equal(await versions('/v2/models/described'), undefined);
  });

  it('17: belongs here whether or not the host stands in the request line', () => {
    for (const path of ['/v2/models/a', '/v2?x', 'http://h/v2/models/a', 'https://h:8033/v1/models'])
      assert.ok(on.rig.handler.handles(path));
    for (const path of ['/v20', '/api/v1/models', 'http://h/api/v2/', '*', '//v2/models'])
      assert.ok(!on.rig.handler.handles(path));
  });

  it('17: makes no difference between paths with and without a slash at the end', async () => {
    for (const path of ['/v2', '/v2/', '/v2/models', '/v2/models/', '/v2/health/live/', '/v1/models', '/v1/models/'])
      assert.equal((await on.get(path)).status, 200, path);
    assert.equal((await on.post(`${INFER}/`, REQUEST)).status, 200);
  });

  it('18: takes names percent-encoded, whatever is in them', async () => {
    for (const name of ['a/b', '50% off', 'modèle 模型', 'dots.and-dashes_']) {
      const answer = jsonOf(await on.post(`/v2/models/${encodeURIComponent(name)}/infer`, REQUEST));
      assert.equal((answer as { model_name: string }).model_name, name);
    }
    assert.match(errorOf(await on.post('/v2/models/%E0%A4/infer', REQUEST), 400), /percent-encoded/);
    errorOf(await on.post('/v2/models/a/b/infer', REQUEST), 404);
    errorOf(await on.post('/v2/models//infer', REQUEST), 400);
  });

  it('19: says live and ready by status and body', async () => {
    assert.equal(textOf200(await on.get('/v2/health/live')), '{"live":true}');
    assert.equal(textOf200(await on.get('/v2/health/ready')), '{"ready":true}');
    on.rig.repository.ready = false;
    try {
      const answer = await on.get('/v2/health/ready');
      assert.equal(errorOf(answer, 503), 'the node is not ready');
      assert.match(answer.body.toString(), /"ready":false/);
      assert.equal(textOf200(await on.get('/v2/health/live')), '{"live":true}');
    } finally {
      on.rig.repository.ready = true;
    }
  });

  it('19: says of a model whether a call would be answered, or whether it is loaded', async () => {
    const { states } = on.rig.repository;
    states.set('echo', { state: 'STANDBY' });
    states.set('described', { state: 'READY' });
    states.set('fraud@3', { state: 'UNAVAILABLE', reason: 'the file is corrupt' });
    assert.equal(textOf200(await on.get('/v2/models/echo/ready')), '{"name":"echo","ready":true}');
    assert.match(errorOf(await on.get('/v2/models/echo/ready?loaded=true'), 503), /"echo" is not ready: it is not loaded/);
    assert.equal((await on.get('/v2/models/described/ready?loaded=true')).status, 200);
    const failed = await on.get('/v2/models/fraud/ready');
    assert.match(errorOf(failed, 503), /the file is corrupt/);
    assert.match(failed.body.toString(), /"name":"fraud","ready":false/);
    errorOf(await on.get('/v2/models/unknown/ready'), 404);
    errorOf(await on.get('/v2/models/fraud/versions/9/ready'), 404);
  });

  it('21: leaves model_version out where there is none', async () => {
    assert.doesNotMatch(textOf200(await on.post(INFER, REQUEST)), /model_version/);
  });

  it('22: gives every failure the same form', async () => {
    errorOf(await on.get('/v2/nothing'), 404);
    errorOf(await on.get('/v2/models/echo/config'), 404);
    errorOf(await on.post('/v2/models/unknown/infer', REQUEST), 404);
    errorOf(await on.post(INFER, 'x'.repeat(100_001)), 413);
    errorOf(await on.post(INFER, REQUEST, { 'content-type': 'text/csv' }), 415);
    errorOf(await on.post(INFER, REQUEST, { 'null-fail': 'UNAVAILABLE gone', 'mm-retry': 'never' }), 503);
    for (const [path, allow] of [
      [INFER, 'POST'],
      ['/v2/repository/index', 'POST'],
      ['/v2/models/echo:predict', 'GET, HEAD'],
    ] as const) {
      const answer = await on.rig.client.ask(on.version, { method: 'PUT', path });
      errorOf(answer, 405);
      assert.equal(answer.headers.allow, allow);
    }
  });

  it('23: reads JSON whatever its charset parameter says of UTF-8, and refuses what is no JSON', async () => {
    for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])
      assert.equal((await on.post(INFER, REQUEST, { 'content-type': type })).status, 200, type);
    assert.equal((await on.post(INFER, REQUEST)).status, 200);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1'])
      assert.match(errorOf(await on.post(INFER, REQUEST, { 'content-type': type }), 415), /content-type/);
    const binary = { 'content-type': 'application/octet-stream' };
    assert.match(errorOf(await on.post(INFER, REQUEST, binary), 400), /Inference-Header-Content-Length/);
    const length = { 'Inference-Header-Content-Length': String(JSON.stringify(REQUEST).length) };
    assert.equal((await on.post(INFER, REQUEST, { ...binary, ...length })).status, 200);
    errorOf(await on.post('/v1/models/described:predict', {}, { ...binary, ...length }), 415);
  });

  it('26: reads compressed bodies, binary ones too, and refuses other codings', async () => {
    const json = Buffer.from(JSON.stringify(REQUEST));
    for (const [coding, bytes] of [
      ['gzip', gzipSync(json)],
      ['deflate', deflateSync(json)],
      ['identity', json],
    ] as const)
      assert.equal((await on.post(INFER, bytes, { 'content-encoding': coding })).status, 200, coding);
    const head = Buffer.from(
      JSON.stringify({
        inputs: [{ name: 'x', datatype: 'UINT8', shape: [9000], parameters: { binary_data_size: 9000 } }],
        parameters: { binary_data_output: true },
      }),
    );
    const tensor = Buffer.from(Array.from({ length: 9000 }, (_, index) => (index * index) % 253));
    const answer = await on.post(INFER, gzipSync(Buffer.concat([head, tensor])), {
      'content-encoding': 'gzip',
      'inference-header-content-length': String(head.length),
      'accept-encoding': 'gzip',
    });
    assert.equal(answer.headers['content-encoding'], 'gzip');
    const plain = gunzipSync(answer.body);
    assert.ok(plain.subarray(Number(answer.headers['inference-header-content-length'])).equals(tensor));
    const other = await on.post(INFER, json, { 'content-encoding': 'br' });
    assert.match(errorOf(other, 415), /"br"/);
    assert.equal(other.headers['accept-encoding'], 'gzip, deflate, identity');
    assert.match(errorOf(await on.post(INFER, json, { 'content-encoding': 'gzip' }), 400), /cannot be decompressed/);
  });

  it('26: compresses as the client likes best, and nothing that is small', async () => {
    const large = { inputs: [{ name: 'x', datatype: 'INT8', shape: [4000], data: Array(4000).fill(1) }] };
    const coded = async (accept: string, body: object = large): Promise<string | undefined> => {
      const answer = await on.post(INFER, body, { 'accept-encoding': accept });
      const coding = answer.headers['content-encoding'];
      const plain = coding === 'gzip' ? gunzipSync(answer.body) : coding === 'deflate' ? inflateSync(answer.body) : answer.body;
      assert.match(plain.toString(), /"model_name":"echo"/);
      return coding;
    };
    assert.equal(await coded('gzip, deflate'), 'gzip');
    assert.equal(await coded('deflate'), 'deflate');
    assert.equal(await coded('gzip;q=0.5, deflate'), 'deflate');
    assert.equal(await coded('gzip;q=0, *'), 'deflate');
    assert.equal(await coded('br, identity'), undefined);
    assert.equal(await coded('gzip;q=0'), undefined);
    assert.equal(await coded('gzip', REQUEST), undefined);
  });

  it('26: refuses a body that grows beyond its limits', async () => {
    assert.match(errorOf(await on.post(INFER, gzipSync(Buffer.alloc(200_000)), { 'content-encoding': 'gzip' }), 413), /grows/);
    const slow = gzipSync(Buffer.from(Array.from({ length: 101_000 }, (_, index) => (index * 7919) % 256)));
    assert.match(errorOf(await on.post(INFER, slow, { 'content-encoding': 'gzip' }), 413), /grows/);
  });

  it('27: lists the extensions that it serves', async () => {
    const metadata = jsonOf(await on.get('/v2')) as { name: string; version: string; extensions: string[] };
    assert.deepEqual(metadata, { name: 'model-mesh', version: 'test', extensions: [...REST_EXTENSIONS] });
    assert.ok((await on.post('/v2/repository/index', '')).status === 200);
  });

  it('28: refuses messages above the limit, of the client and of the runtime', async () => {
    const body = { inputs: [{ name: 'x', datatype: 'FP64', shape: [7000], data: Array(7000).fill(1) }] };
    assert.match(errorOf(await on.post(INFER, body), 413), /messageBytesMax/);
    const behaviour = { inputs: [], raw: () => new Uint8Array(60_000) };
    await on.rig.model('talkative', { behaviour });
    assert.match(errorOf(await on.post('/v2/models/talkative/infer', REQUEST), 413), /messageBytesMax/);
    await on.rig.released();
  });

  it('29: gives each gRPC status of the runtime its HTTP status, and its sentence as it is', async () => {
    for (const code of Object.keys(GRPC_CODE) as GrpcCodeName[]) {
      if (code === 'OK' || code === 'NOT_FOUND' || code === 'UNAVAILABLE' || code === 'CANCELLED') continue;
      const answer = await on.post(INFER, REQUEST, { 'null-fail': `${code} it is 100% ${code}`, 'mm-retry': 'never' });
      assert.equal(errorOf(answer, HTTP_OF_GRPC[GRPC_CODE[code]]), `it is 100% ${code}`);
      assert.equal(on.rig.calls.at(-1)?.code, GRPC_CODE[code]);
    }
  });

  it('31: carries the time limit on, and ends when it is over', async () => {
    const slow = { 'null-delay': '20000', 'mm-timeout-ms': '80' };
    assert.match(errorOf(await on.post(INFER, REQUEST, slow), 504), /deadline/);
    assert.match(on.rig.runtime.seen.at(-1)?.headers.get('grpc-timeout') ?? '', /^\d\d?m$/);
    assert.equal(on.rig.calls.at(-1)?.code, GRPC_CODE.DEADLINE_EXCEEDED);
    errorOf(await on.post(INFER, REQUEST, { 'mm-timeout-ms': 'soon' }), 400);
  });

  it('31: ends the runtime’s call when the client goes away', async () => {
    const seen = new Promise<AbortSignal>((resolve) => {
      on.rig.runtime.onSeen = ({ signal }) => resolve(signal);
    });
    const call = on.rig.client.start(on.version, {
      method: 'POST',
      path: INFER,
      headers: { 'null-delay': '20000' },
      body: JSON.stringify(REQUEST),
    });
    call.answer.catch(() => undefined);
    const signal = await seen;
    const ended = new Promise((resolve) => signal.addEventListener('abort', resolve));
    call.abort();
    await ended;
    await on.rig.settled();
    assert.equal(on.rig.calls.at(-1)?.code, GRPC_CODE.CANCELLED);
    await on.rig.released();
    on.rig.runtime.onSeen = () => undefined;
  });

  it('34: lists the repository, all of it or what is loaded', async () => {
    on.rig.repository.index = [
      { name: 'a', version: '', state: 'READY', reason: '' },
      { name: 'b', version: '2', state: 'UNAVAILABLE', reason: 'corrupt' },
      { name: 'c', state: 'STANDBY', reason: '' },
    ];
    const all = jsonOf(await on.post('/v2/repository/index', '{}')) as { name: string }[];
    assert.deepEqual(
      all.map(({ name }) => name),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(all[1], { name: 'b', version: '2', state: 'UNAVAILABLE', reason: 'corrupt' });
    const ready = jsonOf(await on.post('/v2/repository/index', { ready: true })) as { name: string }[];
    assert.deepEqual(
      ready.map(({ name }) => name),
      ['a'],
    );
    errorOf(await on.post('/v2/repository/index', '{"ready":1}'), 400);
    errorOf(await on.post('/v2/repository/index', 'x'.repeat(70_000)), 413);
  });

  it('34: loads and unloads by the name that calls use, and says why a load failed', async () => {
    const { repository } = on.rig;
    const load = '/v2/repository/models/fraud/load';
    assert.equal(textOf200(await on.post(load, { parameters: { config: '{}' } })), '{"name":"fraud","load":true}');
    assert.equal(textOf200(await on.post('/v2/repository/models/a%2Fb/unload', '')), '{"name":"a/b","unload":true}');
    assert.deepEqual([repository.loads.at(-1), repository.unloads.at(-1)], ['fraud@3', 'a/b']);
    repository.loadError = new MeshError('load-failed', 'model fraud@3 failed to load: the file is corrupt');
    try {
      assert.match(errorOf(await on.post(load, ''), 503), /the file is corrupt/);
    } finally {
      repository.loadError = undefined;
    }
    errorOf(await on.post('/v2/repository/models/unknown/load', ''), 404);
    errorOf(await on.post('/v2/repository/models/unknown/unload', ''), 404);
  });

  it('lists every name that can be called', async () => {
    const expected = ['50% off', 'a/b', 'described', 'dots.and-dashes_', 'echo', 'fraud', 'front'];
    const { models } = jsonOf(await on.get('/v2/models')) as { models: string[] };
    assert.deepEqual(
      models.filter((name) => expected.includes(name)),
      expected,
    );
    assert.ok(!models.includes('fraud@2'));
    assert.deepEqual(jsonOf(await on.get('/v1/models')), { models });
  });

  it('says that it lives, to a probe of any kind', async () => {
    assert.equal(textOf200(await on.get('/')), '{"status":"alive"}');
    assert.equal(textOf200(await on.post('/', '{}')), '{"status":"alive"}');
    const head = await on.rig.client.ask(on.version, { method: 'HEAD', path: '/' });
    assert.deepEqual([head.status, head.body.length], [200, 0]);
  });
});
