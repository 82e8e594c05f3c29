import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeClock } from '@modelmesh/core/testing';
import { parse } from 'yaml';
import { EXIT } from '../index.ts';
import { endpointOf, FakeWorld, fakeMesh, instanceOf, memoryOf, modelOf } from '../testing/index.ts';

const CLEAR_LINE = '\r\u001b[2K';

const page = (items: readonly unknown[]) => ({ json: { items, next: null } });

test('models are listed as a table, as JSON and as YAML', async () => {
  await using mesh = await fakeMesh({
    'GET /api/v1/models': page([
      modelOf('fraud@3', {
        status: 'LOADED',
        copies: [{ model: 'fraud@3', instance: 'n1', status: 'LOADED', since: null, error: null }],
        memory: memoryOf({ bookedBytes: 1536 * 1024 }),
        lastUsedAt: '2023-11-14T22:10:00.000Z',
        createdAt: '2023-11-14T22:00:00.000Z',
      }),
      modelOf('idle', { lastUsedAt: null, createdAt: '2023-11-14T22:00:00.000Z' }),
    ]),
  });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url }, clock: new FakeClock() });
  assert.equal(await world.run('get', 'models'), EXIT.done);
  assert.equal(
    world.out,
    [
      'KEY      STATUS      COPIES  MEMORY   FORMAT  REFS  LAST USED',
      'fraud@3  LOADED      1       1.5 MiB  onnx    0     3m',
      'idle     NOT_LOADED  0       -        onnx    0     never',
      '',
    ].join('\n'),
  );
  assert.equal(await world.run('get', 'model', '-o', 'json'), EXIT.done);
  assert.deepEqual(
    JSON.parse(world.out).map(({ key }: { key: string }) => key),
    ['fraud@3', 'idle'],
  );
  assert.equal(await world.run('get', 'm', '-o', 'yaml'), EXIT.done);
  assert.equal(parse(world.out)[1].key, 'idle');
});

test('one that is named is told alone; nothing to list is a sentence beside an empty output', async () => {
  await using mesh = await fakeMesh({ 'GET /api/v1/models/a%2Fb': { json: modelOf('a/b') }, 'GET /api/v1/models': page([]) });
  using world = new FakeWorld();
  assert.equal(await world.run('get', 'models', 'a/b', '-o', 'json', '--server', mesh.url), EXIT.done);
  assert.equal(JSON.parse(world.out).key, 'a/b');
  assert.equal(await world.run('get', 'models', '--server', mesh.url), EXIT.done);
  assert.deepEqual([world.out, world.err], ['', 'no model is registered: "mmesh apply -f model.yaml" registers one\n']);
});

test('endpoints, instances and copies have tables of their own', async () => {
  const copy = { model: 'm', instance: 'n1', status: 'LOADING_FAILED', since: null, error: 'no such\nfile' } as const;
  await using mesh = await fakeMesh({
    'GET /api/v1/endpoints': page([endpointOf('e', { targetModel: 'm2', status: 'TRANSITIONING' })]),
    'GET /api/v1/instances': page([instanceOf('n1')]),
    'GET /api/v1/models': page([modelOf('m', { copies: [copy] })]),
    'GET /api/v1/models/m/copies': page([copy]),
  });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  await world.run('get', 'endpoints');
  assert.match(world.out, /^e\s+TRANSITIONING\s+m\s+m2\s+endpoint\s+-$/m);
  const variant = { model: 'm', labels: [], concurrency: null, failure: null };
  const variants = [
    { ...variant, name: 'stable', weight: 2, sharePercent: 200 / 3 },
    { ...variant, name: 'canary', weight: 1, sharePercent: 100 / 3 },
  ];
  const policy = { revision: 1, default: 'stable', variants, spec: {} };
  mesh.answers.set('GET /api/v1/endpoints', page([endpointOf('e', { policy })]));
  await world.run('get', 'endpoints');
  assert.match(world.out, /^e\s+DEFINED\s+m\s+-\s+endpoint\s+stable 66\.67%, canary 33\.33%$/m);
  await world.run('get', 'instances');
  assert.match(world.out, /^n1\s+up\s+2\s+1\.0 MiB\s+1\.0 GiB\s+0\s+here\s+-$/m);
  for (const args of [
    ['get', 'copies'],
    ['get', 'copies', 'm'],
  ]) {
    await world.run(...args);
    assert.match(world.out, /^m\s+n1\s+LOADING_FAILED\s+-\s+no such file$/m);
  }
  assert.equal(await world.run('get', 'instances', 'other'), EXIT.notFound);
  assert.match(world.err, /there is no instance "other"; there are n1/);
});

test('the manifest of an endpoint is printed as it can be applied again', async () => {
  const spec = { variants: [{ name: 'a', model: 'm', weight: 1 }], default: 'a', sticky: { by: 'tenant', salt: 'e' } };
  const policy = { revision: 3, default: 'a', variants: [], spec };
  await using mesh = await fakeMesh({
    'GET /api/v1/endpoints/e': { json: endpointOf('e', { policy }) },
    'GET /api/v1/endpoints/svc': { json: endpointOf('svc', { owner: 'isvc', policy }) },
    'GET /api/v1/endpoints/v': { json: endpointOf('v', { owner: '' }) },
  });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  assert.equal(await world.run('get', 'endpoint', 'e', '--manifest'), EXIT.done, world.err);
  const manifest = { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Endpoint', metadata: { name: 'e' }, spec };
  assert.deepEqual(parse(world.out), manifest);
  for (const [name, says] of [
    ['svc', /made by another kind of manifest, its owner is "isvc"/],
    ['v', /a vmodel without a policy/],
  ] as const) {
    assert.notEqual(await world.run('get', 'endpoint', name, '--manifest'), EXIT.done);
    assert.match(world.err, says);
  }
  assert.equal(await world.run('get', 'models', 'm', '--manifest'), EXIT.usage);
});

test('a description holds the explanation of a model, and the models of an endpoint', async () => {
  const records = Array.from({ length: 12 }, (_, at) => ({ at }));
  await using mesh = await fakeMesh({
    'GET /api/v1/models/m': { json: modelOf('m', { status: 'LOADED' }) },
    'GET /api/v1/explain/models/m': { json: { model: 'm', records } },
    'GET /api/v1/endpoints/e': { json: endpointOf('e') },
  });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  assert.equal(await world.run('describe', 'model', 'm'), EXIT.done);
  const shown = parse(world.out);
  assert.deepEqual([shown.explanation.length, shown.more], [10, '2 older ones with -o json']);
  await world.run('describe', 'model', 'm', '-o', 'json');
  assert.equal(JSON.parse(world.out).explanation.length, 12);
  await world.run('describe', 'endpoint', 'e');
  assert.deepEqual(parse(world.out).models, [{ key: 'm', status: 'LOADED', errors: [] }]);
});

test('an answer of a model is printed digit by digit', async () => {
  const text = '{"model_name":"m","outputs":[{"name":"id","datatype":"INT64","shape":[2],"data":[9007199254740993,-1]}]}';
  await using mesh = await fakeMesh({ 'POST /v2/models/m/infer': { text }, 'POST /v2/models/f/versions/3/infer': { text } });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url }, stdin: '{"from":"stdin"}' });
  assert.equal(await world.run('infer', 'm', '-d', '{"inputs":[]}'), EXIT.done);
  assert.equal(world.out, `${text}\n`);
  await world.run('infer', 'm', '-d', '@-', '-o', 'table');
  assert.match(world.out, /^id\s+INT64\s+\[2\]\s+9007199254740993 -1$/m);
  writeFileSync(join(world.folder, 'request.json'), '{"from":"file"}');
  await world.run('infer', 'f', '--version', '3', '-d', '@request.json', '-o', 'yaml', '--timeout', '1m30s');
  assert.match(world.out, /9007199254740993/);
  assert.deepEqual(
    mesh.asked.map(({ body }) => body),
    ['{"inputs":[]}', '{"from":"stdin"}', '{"from":"file"}'],
  );
  assert.equal(mesh.asked[2]?.headers['mm-timeout-ms'], '90000');
  assert.equal(await world.run('infer', 'm', '-d', '@absent.json'), EXIT.usage);
  assert.match(world.err, /absent\.json cannot be read: there is no such file/);
  assert.doesNotMatch(world.err, /mmesh get/);
  assert.equal(await world.run('infer', 'm', '-d', '{}', '--timeout', 'soon'), EXIT.usage);
});

test('the state of the mesh is an exit code too', async () => {
  const status = { name: 'model-mesh', version: '1', ready: true, instances: 1 };
  await using mesh = await fakeMesh({
    'GET /api/v1/status': { json: status },
    'GET /api/v1/instances': page([instanceOf('n1')]),
  });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  assert.equal(await world.run('status'), EXIT.done);
  assert.match(world.out, /ready: model-mesh 1\ninstances: 1; loaded copies: 2; memory: 1\.0 MiB of 1\.0 GiB\n$/);
  mesh.answers.set('GET /api/v1/status', { json: { ...status, ready: false } });
  assert.equal(await world.run('status', '-o', 'json'), EXIT.unavailable);
  assert.equal(JSON.parse(world.out).capacityBytes, 1024 ** 3);
});

test('a mesh that is not there is told with what to do', async () => {
  const mesh = await fakeMesh();
  await mesh[Symbol.asyncDispose]();
  using world = new FakeWorld();
  assert.equal(await world.run('get', 'models', '--server', mesh.url), EXIT.unavailable);
  assert.match(
    world.err,
    /^error: no answer from http:\/\/127\.0\.0\.1:\d+: .*\nis a node running there\? "mmesh serve" starts one/,
  );
  assert.equal(world.out, '');
});

test('errors of the mesh end with the code of their kind', async () => {
  await using mesh = await fakeMesh();
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  const exitOf = async (status: number, kind: string) => {
    mesh.answers.set('POST /api/v1/models/m:load', { status, json: { error: 'because', kind } });
    return world.run('load', 'm');
  };
  assert.equal(await exitOf(404, 'model-not-found'), EXIT.notFound);
  assert.match(world.err, /^error: because\n"mmesh get models" lists what is registered\n$/);
  assert.equal(await exitOf(503, 'load-failed'), EXIT.failed);
  assert.match(world.err, /mmesh describe model NAME/);
  assert.equal(await exitOf(429, 'overloaded'), EXIT.unavailable);
  assert.equal(await exitOf(400, 'invalid-argument'), EXIT.usage);
  assert.equal(await exitOf(409, 'failed-precondition'), EXIT.failed);
});

test('a load tells how long it took and what it takes; unloading and not waiting tell what they did', async () => {
  const loaded = modelOf('m', { status: 'LOADED', memory: memoryOf({ bookedBytes: 8192 }) });
  await using mesh = await fakeMesh({
    'POST /api/v1/models/m:load': { json: loaded },
    'POST /api/v1/models/m:unload': { json: modelOf('m') },
  });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url }, clock: new FakeClock() });
  await world.run('load', 'm');
  assert.equal(world.out, 'm loaded in 0 ms, 8.0 KiB\n');
  await world.run('load', 'm', '--no-wait');
  assert.equal(mesh.asked[1]?.what, 'POST /api/v1/models/m:load?wait=false');
  await world.run('unload', 'm');
  assert.equal(world.out, 'm unloaded\n');
});

test('what takes longer than a second is told about, to a terminal alone', async () => {
  const clock = new FakeClock();
  const waited = () => {
    clock.advance(3000);
    return { json: modelOf('m', { status: 'LOADED' }) };
  };
  await using mesh = await fakeMesh({ 'POST /api/v1/models/m:load': waited });
  using person = new FakeWorld({ env: { MESH_SERVER: mesh.url }, clock, terminal: true });
  await person.run('load', 'm');
  const written = person.err.split(CLEAR_LINE);
  assert.deepEqual([written[1], written.at(-2), written.at(-1)], ['loading m … 1.0 s', 'loading m … 3.0 s', '']);
  using pipe = new FakeWorld({ env: { MESH_SERVER: mesh.url }, clock });
  await pipe.run('load', 'm');
  assert.equal(pipe.err, '');
});

test('events are lines for people, lines of JSON, or documents of YAML', async () => {
  const event = {
    id: 7,
    at: '2026-01-01T00:00:00.000Z',
    kind: 'model-loaded',
    model: 'm',
    endpoint: null,
    message: 'it is loaded',
    fields: {},
  };
  await using mesh = await fakeMesh({ 'GET /api/v1/events': { text: `id: 7\ndata: ${JSON.stringify(event)}\n\n` } });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  assert.equal(await world.run('events'), EXIT.done);
  assert.equal(world.out, '2026-01-01T00:00:00.000Z model-loaded m it is loaded\n');
  await world.run('events', '-o', 'json', '--after', '6', '--follow');
  assert.deepEqual(JSON.parse(world.out), event);
  assert.deepEqual([mesh.asked[1]?.what, mesh.asked[1]?.headers['last-event-id']], ['GET /api/v1/events?follow=true', '6']);
  await world.run('events', '-o', 'yaml');
  assert.equal(parse(world.out).id, 7);
  assert.equal(await world.run('events', '--after', 'yesterday'), EXIT.usage);
});

test('Ctrl-C ends a command with its own code and no error', async () => {
  const asked = Promise.withResolvers<void>();
  await using mesh = await fakeMesh({
    'POST /api/v1/models/m:load': () => {
      asked.resolve();
      return new Promise(() => undefined);
    },
  });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  const running = world.run('load', 'm');
  await asked.promise;
  world.interruption.abort();
  assert.equal(await running, EXIT.interrupted);
  assert.deepEqual([world.out, world.err], ['', '']);
});
