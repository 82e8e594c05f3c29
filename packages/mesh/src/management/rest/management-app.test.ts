import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, MeshError } from '@modelmesh/core';
import type { ModelView } from '@modelmesh/sdk/client';
import { ERROR_KINDS } from '@modelmesh/wire/status';
import type { Authorizer } from '../../authz/index.ts';
import { type RestAnswer, serveRest } from '../testing/index.ts';
import { SCHEMAS, type SchemaName } from './schemas.ts';

const MODEL = {
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Model',
  metadata: { name: 'fraud-3' },
  spec: { family: 'fraud', version: '3', format: { name: 'onnx' }, storage: { uri: '/models/fraud.onnx' } },
};
const ENDPOINT = {
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Endpoint',
  metadata: { name: 'fraud' },
  spec: { variants: [{ name: 'only', model: 'fraud@3' }] },
};

/** Every operation of the API: whoever adds one writes it down here too. */
const OPERATIONS = [
  'DELETE /api/v1/endpoints/{name}',
  'DELETE /api/v1/inference-services/{name}',
  'DELETE /api/v1/models/{key}',
  'GET /api/v1/endpoints',
  'GET /api/v1/endpoints/{name}',
  'GET /api/v1/endpoints/{name}/diff',
  'GET /api/v1/endpoints/{name}/revisions',
  'GET /api/v1/events',
  'GET /api/v1/explain/evictions',
  'GET /api/v1/explain/evictions/{key}',
  'GET /api/v1/explain/instances/{id}',
  'GET /api/v1/explain/models/{key}',
  'GET /api/v1/explain/requests/{id}',
  'GET /api/v1/inference-services/{name}',
  'GET /api/v1/instances',
  'GET /api/v1/models',
  'GET /api/v1/models/{key}',
  'GET /api/v1/models/{key}/copies',
  'GET /api/v1/openapi.json',
  'GET /api/v1/status',
  'POST /api/v1/apply',
  'POST /api/v1/endpoints/{name}/route',
  'POST /api/v1/endpoints/{name}/undo',
  'POST /api/v1/models/{key}:load',
  'POST /api/v1/models/{key}:unload',
  'PUT /api/v1/endpoints/{name}',
  'PUT /api/v1/models/{key}',
];

interface Document {
  readonly paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>;
  readonly components: { readonly schemas: { Error?: { properties: { kind: { enum: string[] } } } } };
}

const failure = ({ status, json }: RestAnswer) => ({ status, ...SCHEMAS.Error.parse(json) });

test('the OpenAPI document names exactly the operations that exist, and each of them answers', async () => {
  await using rest = await serveRest();
  const document = (await rest.call('GET', '/api/v1/openapi.json')).json as Document;
  const named = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(named.toSorted(), OPERATIONS);
  for (const operation of named) {
    const [method = '', path = ''] = operation.split(' ');
    const query = path.endsWith('events') ? '?follow=false' : '';
    const answer = await rest.call(method, `${path.replace(/\{\w+\}/, 'absent')}${query}`);
    assert.doesNotMatch(answer.text, /there is nothing at|is not offered at/, operation);
  }
});

test('the OpenAPI document refers only to schemas that it holds, and lists the kinds of errors', async () => {
  await using rest = await serveRest();
  const { text, json } = await rest.call('GET', '/api/v1/openapi.json');
  const { schemas } = (json as Document).components;
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1] ?? '');
  assert.ok(references.length > 20);
  assert.deepEqual(
    references.filter((name) => !Object.hasOwn(schemas, name)),
    [],
  );
  assert.deepEqual(Object.keys(schemas).toSorted(), Object.keys(SCHEMAS).toSorted());
  assert.deepEqual(schemas.Error?.properties.kind.enum, ERROR_KINDS);
});

test('real answers are what their schemas say', async () => {
  await using rest = await serveRest();
  const is = async (name: SchemaName, method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await rest.call(method, path, body);
    assert.equal(answer.status, 200, answer.text);
    return SCHEMAS[name].parse(answer.json);
  };
  assert.deepEqual(await is('Applied', 'POST', '/api/v1/apply', MODEL), {
    kind: 'Model',
    name: 'fraud@3',
    change: 'created',
    warnings: [],
    edit: null,
  });
  await is('Applied', 'PUT', '/api/v1/models/fraud%403', MODEL);
  await is('Applied', 'PUT', '/api/v1/endpoints/fraud', ENDPOINT);
  await is('Model', 'POST', '/api/v1/models/fraud%403:load');
  await is('Models', 'GET', '/api/v1/models');
  await is('Model', 'GET', '/api/v1/models/fraud@3');
  await is('Copies', 'GET', '/api/v1/models/fraud@3/copies');
  await is('Explanation', 'GET', '/api/v1/explain/models/fraud@3');
  for (const about of ['evictions', 'evictions/fraud%403', 'requests/r-1', 'instances/node-1'])
    await is('Decisions', 'GET', `/api/v1/explain/${about}`);
  await is('Endpoints', 'GET', '/api/v1/endpoints');
  await is('Endpoint', 'GET', '/api/v1/endpoints/fraud');
  const called = { headers: { 'X-Tier': 'gold' }, unit: 'u' };
  const preview = SCHEMAS.Preview.parse(await is('Preview', 'POST', '/api/v1/endpoints/fraud/route', called));
  assert.deepEqual([preview.rules[0]?.outcome, preview.slot], ['matched', 7]);
  assert.match(failure(await rest.call('POST', '/api/v1/endpoints/fraud/route', { header: {} })).error, /header/);
  await is('Revisions', 'GET', '/api/v1/endpoints/fraud/revisions');
  await is('Applied', 'POST', '/api/v1/endpoints/fraud/undo?to=1&waitMs=5&revision=1');
  assert.deepEqual(
    rest.control.edits.map(({ dryRun, waitMs, expectedRevision }) => [dryRun, waitMs, expectedRevision]),
    [
      [false, 10_000, undefined],
      [undefined, undefined, undefined],
      [false, 10_000, undefined],
      [false, 5, 1],
    ],
  );
  await is('Diffs', 'GET', '/api/v1/endpoints/fraud/diff');
  await is('Instances', 'GET', '/api/v1/instances');
  await is('Status', 'GET', '/api/v1/status');
  const unloaded = await is('Model', 'POST', '/api/v1/models/fraud@3:unload');
  assert.equal((unloaded as ModelView).status, 'NOT_LOADED');
});

test('an endpoint tells its shares in per cent, and the whole of its policy as a manifest that can be applied again', async () => {
  await using rest = await serveRest();
  const spec = {
    variants: [
      { name: 'stable', model: 'fraud@3', weight: 3 },
      { name: 'canary', model: 'fraud@4', weight: 1, label: 'new' },
      { name: 'shadow', model: 'fraud@5', weight: 0, concurrency: 2 },
    ],
    default: 'stable',
    rules: [{ name: 'acme', when: 'tenant == "acme"', to: 'canary' }],
    sticky: { by: 'header["x-user-id"]', salt: 'fraud-1' },
    mirror: [{ to: 'shadow', percent: 5, compare: { tolerance: 0.001 } }],
    fallback: { on: ['error'], to: 'stable' },
    versions: { keep: 'latest', count: 3 },
    allowVariantHeader: true,
  };
  await rest.call('PUT', '/api/v1/endpoints/fraud', { ...ENDPOINT, spec });
  const answer = await rest.call('GET', '/api/v1/endpoints/fraud');
  const { policy } = SCHEMAS.Endpoint.parse(answer.json);
  assert.deepEqual(
    policy?.variants.map(({ sharePercent, labels, concurrency }) => [sharePercent, labels, concurrency]),
    [
      [75, [], null],
      [25, ['new'], null],
      [0, [], 2],
    ],
  );
  assert.deepEqual(policy?.spec, spec);
  assert.equal((await rest.call('PUT', '/api/v1/endpoints/fraud', { ...ENDPOINT, spec: policy?.spec })).status, 200);
});

test('a secret is in no answer, whatever is asked', async () => {
  await using rest = await serveRest();
  rest.control.addModel('m', { encKey: '{"password":"hunter2"}', path: 'https://me:hunter2@host/m' });
  for (const path of ['/models', '/models/m', '/models/m/copies', '/explain/models/m']) {
    const { text, status } = await rest.call('GET', `/api/v1${path}`);
    assert.equal(status, 200);
    assert.doesNotMatch(text, /hunter2/, path);
  }
  assert.equal(((await rest.call('GET', '/api/v1/models/m')).json as ModelView).path, 'https://***@host/m');
});

test('keys may be any text: what is percent-encoded is decoded once', async () => {
  await using rest = await serveRest();
  for (const key of ['fraud@3', 'a/b', 'a%2Fb', 'a:load', 'größe ☃', 'a?b#c', 'x'.repeat(1024), 'a/b:unload', ':']) {
    rest.control.addModel(key);
    const path = `/api/v1/models/${encodeURIComponent(key)}`;
    assert.equal(((await rest.call('GET', path)).json as ModelView).key, key);
    const loaded = await rest.call('POST', `${path}:load`);
    assert.equal((loaded.json as ModelView | undefined)?.status, 'LOADED', `${key} ${loaded.text}`);
    assert.equal(((await rest.call('POST', `${path}:unload`)).json as ModelView).status, 'NOT_LOADED');
    assert.equal((await rest.call('GET', `${path}/copies`)).status, 200);
  }
});

test('a listing comes in pages that together hold everything once', async () => {
  await using rest = await serveRest();
  const keys = Array.from({ length: 25 }, (_, at) => `m/${String(at).padStart(2, '0')}`);
  for (const key of keys) rest.control.addModel(key);
  const seen: string[] = [];
  for (let after = ''; ; ) {
    const query = after === '' ? '' : `&after=${encodeURIComponent(after)}`;
    const page = SCHEMAS.Models.parse((await rest.call('GET', `/api/v1/models?limit=10${query}`)).json);
    seen.push(...page.items.map(({ key }) => key));
    if (page.next === null) break;
    after = page.next;
  }
  assert.deepEqual(seen, keys);
});

test('a query that is not understood is refused with everything that is wrong with it', async () => {
  await using rest = await serveRest();
  const { status, kind, error } = failure(await rest.call('GET', '/api/v1/models?limit=0&first=1'));
  assert.deepEqual([status, kind], [400, 'invalid-argument']);
  assert.match(error, /query limit: /);
  assert.match(error, /first/);
  assert.equal((await rest.call('GET', '/api/v1/models?limit=1001')).status, 400);
});

test('errors have the status of the one table and name their kind', async () => {
  await using rest = await serveRest();
  const of = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
    const { status, kind } = failure(await rest.call(method, path, body, headers));
    return `${status} ${kind}`;
  };
  assert.equal(await of('GET', '/api/v1/models/absent'), '404 model-not-found');
  assert.equal(await of('POST', '/api/v1/models/absent:load'), '404 model-not-found');
  assert.equal(await of('GET', '/api/v1/endpoints/absent'), '404 endpoint-not-found');
  assert.equal(await of('DELETE', '/api/v1/models/absent'), '404 not-found');
  assert.equal(await of('DELETE', '/api/v1/inference-services/absent'), '404 not-found');
  assert.equal(await of('GET', '/api/v1/nothing'), '404 not-found');
  assert.equal(await of('PUT', '/api/v1/apply'), '405 method-not-allowed');
  assert.equal(await of('POST', '/api/v1/models/m'), '405 method-not-allowed');
  assert.equal(await of('POST', '/api/v1/apply', '{"kind":'), '400 invalid-argument');
  assert.equal(await of('POST', '/api/v1/apply', MODEL, { 'content-type': 'text/yaml' }), '415 unsupported-media-type');
  assert.equal(await of('POST', '/api/v1/apply', ' '.repeat(70_000)), '413 too-large');
  assert.equal(await of('GET', '/api/v1/models/%zz'), '400 invalid-argument');
  assert.equal(await of('GET', '/api/v1/events?after=x'), '400 invalid-argument');
  assert.equal(await of('GET', '/api/v1/events', undefined, { 'last-event-id': '-1' }), '400 invalid-argument');
  assert.deepEqual(rest.faults, []);
});

test('everything that is wrong with a manifest is reported at once', async () => {
  await using rest = await serveRest();
  const wrong = { ...MODEL, metadata: {}, spec: { ...MODEL.spec, retry: 'perhaps' } };
  const { status, error } = failure(await rest.call('POST', '/api/v1/apply', wrong));
  assert.equal(status, 400);
  assert.match(error, /metadata\.name: missing/);
  assert.match(error, /spec\.retry: got "perhaps"/);
});

test('a manifest of another thing than the path names changes nothing', async () => {
  await using rest = await serveRest();
  for (const [path, body] of [
    ['/api/v1/models/fraud@4', MODEL],
    ['/api/v1/models/fraud', ENDPOINT],
    ['/api/v1/endpoints/other', ENDPOINT],
    ['/api/v1/endpoints/fraud', MODEL],
  ] as const) {
    const { status, error } = failure(await rest.call('PUT', path, body));
    assert.equal(status, 400);
    assert.match(error, /the path names/);
  }
  assert.deepEqual(rest.control.calls, []);
});

test('a load that fails is an error with what the runtime said; one that is not waited for is accepted', async () => {
  await using rest = await serveRest();
  rest.control.addModel('m');
  rest.control.broken.set('m', 'no such file');
  const failed = failure(await rest.call('POST', '/api/v1/models/m:load'));
  assert.deepEqual([failed.status, failed.kind], [503, 'load-failed']);
  assert.match(failed.error, /no such file/);
  const accepted = await rest.call('POST', '/api/v1/models/m:load?wait=false');
  assert.equal(accepted.status, 202);
  assert.equal(SCHEMAS.Model.parse(accepted.json).copies[0]?.error, 'no such file');
});

test('deletions answer without a body; a vmodel goes only with its owner', async () => {
  await using rest = await serveRest();
  rest.control.addModel('m');
  await rest.control.setEndpoint({
    vModelId: 'v',
    targetModelId: 'm',
    owner: 'team',
    updateOnly: false,
    modelInfo: undefined,
    autoDeleteTargetModel: false,
    loadNow: false,
    force: false,
    sync: false,
    expectedTargetModelId: '',
  });
  const refused = failure(await rest.call('DELETE', '/api/v1/endpoints/v?owner=other'));
  assert.deepEqual([refused.status, refused.kind], [409, 'failed-precondition']);
  const gone = await rest.call('DELETE', '/api/v1/endpoints/v?owner=team');
  assert.deepEqual([gone.status, gone.text], [204, '']);
  assert.equal((await rest.call('DELETE', '/api/v1/models/m')).status, 204);
  assert.equal(rest.control.model('m'), null);
});

test('a fault of ours is told to the log and not to the caller', async () => {
  await using rest = await serveRest();
  const fault = new Error('the secret of a stack');
  rest.control.instances = () => {
    throw fault;
  };
  const { status, kind, error } = failure(await rest.call('GET', '/api/v1/instances'));
  assert.deepEqual([status, kind], [500, 'internal']);
  assert.doesNotMatch(error, /secret/);
  assert.deepEqual(rest.faults, [fault]);
});

test('a pause that may help is told in whole seconds', async () => {
  await using rest = await serveRest();
  rest.control.model = () => {
    throw new MeshError('overloaded', 'too much', { retryAfterMs: durationMs(1500) });
  };
  const answer = await rest.call('GET', '/api/v1/models/m');
  assert.deepEqual([answer.status, answer.headers.get('retry-after')], [429, '2']);
});

test('every operation is authorized with its verb and resource, and a denial ends it', async () => {
  const asked: string[] = [];
  const authorizer: Authorizer = {
    authorize: (_principal, { verb, target }) => {
      asked.push(`${verb} ${target}`);
      return { kind: 'deny', reason: 'not you' };
    },
  };
  await using rest = await serveRest({ authorizer });
  for (const operation of OPERATIONS) {
    const [method = '', path = ''] = operation.split(' ');
    const { status, error } = failure(await rest.call(method, path.replace(/\{\w+\}/, 'x')));
    assert.deepEqual([status, error], [403, 'not you'], operation);
  }
  assert.deepEqual(asked.slice(0, 6), [
    'write endpoints/x',
    'write inference-services/x',
    'write models/x',
    'read endpoints',
    'read endpoints/x',
    'read endpoints/x',
  ]);
  assert.equal(asked.length, OPERATIONS.length);
  assert.deepEqual(rest.control.calls, []);
});

test('only paths below the prefix are the app’s', async () => {
  await using rest = await serveRest();
  const paths = ['/api/v1', '/api/v1/models', '/api/v1?x', '/api/v10/models', '/v2/models', '/api'];
  assert.deepEqual(
    paths.map((path) => rest.app.handles(path)),
    [true, true, true, false, false, false],
  );
});

test('a body that cannot be read is refused with the place or the reason', async () => {
  await using rest = await serveRest();
  const json = { 'content-type': 'application/json' };
  const broken = failure(await rest.call('POST', '/api/v1/apply', '{"kind": "Model",\n bad}', json));
  assert.deepEqual([broken.status, broken.kind], [400, 'invalid-argument']);
  assert.match(broken.error, /^the body is not JSON: .*line 2 column 2/);
  assert.match(failure(await rest.call('POST', '/api/v1/apply', '{"__proto__": {}}', json)).error, /not valid JSON/);
  const packed = failure(await rest.call('POST', '/api/v1/apply', '{}', { ...json, 'content-encoding': 'gzip' }));
  assert.deepEqual([packed.status, packed.kind], [415, 'unsupported-encoding']);
});

test('a method that is not offered is answered with those that are', async () => {
  await using rest = await serveRest();
  const refused = await rest.call('PATCH', '/api/v1/models/m');
  assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, PUT, DELETE']);
  assert.equal((await rest.call('PUT', '/api/v1/events')).headers.get('allow'), 'GET');
  assert.equal((await rest.call('GET', '/api/v1/nothing')).headers.get('allow'), null);
});
