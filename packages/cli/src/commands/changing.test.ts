import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../index.ts';
import { FakeWorld, fakeMesh } from '../testing/index.ts';

const model = (name: string, uri = './m.onnx') => `apiVersion: modelmesh.io/v1alpha1
kind: Model
metadata:
  name: ${name}
spec:
  format: { name: onnx }
  storage:
    uri: ${uri}
`;
const ENDPOINT = `apiVersion: modelmesh.io/v1alpha1
kind: Endpoint
metadata: { name: e }
spec:
  variants: [{ name: only, model: m }]
`;
const SERVICE = `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: { name: svc }
spec:
  predictor:
    model:
      modelFormat: { name: onnx }
      storageUri: models/m.onnx
`;
const APPLIED = { json: { kind: 'Model', name: 'm', change: 'created', warnings: [] } };

const write = (world: FakeWorld, name: string, text: string): void => {
  mkdirSync(join(world.folder, name, '..'), { recursive: true });
  writeFileSync(join(world.folder, name), text);
};

test('a file of several documents is applied, models before what refers to them', async () => {
  await using mesh = await fakeMesh({ 'POST /api/v1/apply': APPLIED });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  write(world, 'all.yaml', [ENDPOINT, SERVICE, model('m'), '', '# nothing but a comment\n'].join('---\n'));
  assert.equal(await world.run('apply', '-f', 'all.yaml'), EXIT.done, world.err);
  assert.deepEqual(
    mesh.asked.map(({ body }) => JSON.parse(body).kind),
    ['Model', 'InferenceService', 'Endpoint'],
  );
  assert.equal(world.out, 'Model m created\n'.repeat(3));
});

test('relative storage is read against the folder of its manifest, everything else stays as it is', async () => {
  await using mesh = await fakeMesh({ 'POST /api/v1/apply': APPLIED });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url }, stdin: model('m', 'deep/m.onnx') });
  const uriOf = (at: number): string => JSON.parse(mesh.asked[at]?.body ?? '').spec.storage.uri;
  write(world, 'models/a/model.yaml', model('m', '../b/m.onnx'));
  await world.run('apply', '-f', 'models/a/model.yaml');
  assert.equal(uriOf(0), join(world.folder, 'models/b/m.onnx'));
  await world.run('apply', '-f', '-');
  assert.equal(uriOf(1), join(world.folder, 'deep/m.onnx'));
  for (const uri of ['/abs/m.onnx', 's3://bucket/m', 'https://host/m.onnx', 'file:///m.onnx']) {
    write(world, 'm.yaml', model('m', uri));
    await world.run('apply', '-f', 'm.yaml');
    assert.equal(uriOf(mesh.asked.length - 1), uri);
  }
  write(world, 'svc.yaml', SERVICE);
  await world.run('apply', '-f', 'svc.yaml');
  const { spec } = JSON.parse(mesh.asked.at(-1)?.body ?? '');
  assert.equal(spec.predictor.model.storageUri, join(world.folder, 'models/m.onnx'));
  const canary = '{ predictor: { name: next, model: { storageUri: next.onnx } }, trafficPercent: 1 }';
  write(world, 'svc.yaml', `${SERVICE}  canary: [${canary}]\n`);
  await world.run('apply', '-f', 'svc.yaml');
  const [next] = JSON.parse(mesh.asked.at(-1)?.body ?? '').spec.canary;
  assert.equal(next.predictor.model.storageUri, join(world.folder, 'next.onnx'));
});

test('a folder means every YAML file below it, in the order of their names', async () => {
  await using mesh = await fakeMesh({ 'POST /api/v1/apply': APPLIED });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  write(world, 'dir/b.yml', model('b'));
  write(world, 'dir/a/model.yaml', model('a'));
  write(world, 'dir/a/expected.json', '{"no":"manifest"}');
  write(world, 'dir/README.md', '# no manifest');
  assert.equal(await world.run('apply', '-f', 'dir', '-o', 'json'), EXIT.done);
  assert.deepEqual(
    mesh.asked.map(({ body }) => JSON.parse(body).metadata.name),
    ['a', 'b'],
  );
  assert.equal(JSON.parse(world.out).length, 2);
});

test('everything that is wrong is told at once with file and line, and nothing is applied', async () => {
  await using mesh = await fakeMesh({ 'POST /api/v1/apply': APPLIED });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  write(world, 'good.yaml', model('m'));
  write(world, 'bad.yaml', `${model('m')}  retry: perhaps\n---\n${ENDPOINT.replace('model: m', 'modle: m')}`);
  write(world, 'broken.yaml', 'kind: Model\nmetadata: [\n');
  assert.equal(await world.run('apply', '-f', 'good.yaml', 'bad.yaml', 'broken.yaml'), EXIT.usage);
  assert.match(world.err, /^error: bad\.yaml:9: spec\.retry: got "perhaps", expected one of safe, never$/m);
  assert.match(world.err, /^bad\.yaml:15: spec\.variants\[0\]\.modle: .*did you mean model\?$/m);
  assert.match(world.err, /^broken\.yaml:3: /m);
  assert.deepEqual(mesh.asked, []);
});

test('files that are not there, or hold nothing, are errors', async () => {
  using world = new FakeWorld();
  assert.equal(await world.run('apply', '-f', 'absent.yaml'), EXIT.usage);
  assert.match(world.err, /absent\.yaml cannot be read: there is no such file/);
  assert.doesNotMatch(world.err, /mmesh get/);
  mkdirSync(join(world.folder, 'empty'));
  assert.equal(await world.run('apply', '-f', 'empty'), EXIT.usage);
  write(world, 'nothing.yaml', '# nothing\n');
  assert.equal(await world.run('apply', '-f', 'nothing.yaml'), EXIT.usage);
  assert.match(world.err, /there is no manifest in nothing\.yaml/);
});

test('a manifest that is refused does not keep the others from being applied, and the run fails', async () => {
  const answers = [{ status: 409, json: { error: 'it exists', kind: 'already-exists' } }, APPLIED];
  await using mesh = await fakeMesh({ 'POST /api/v1/apply': () => answers.shift() ?? APPLIED });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  write(world, 'two.yaml', `${model('a')}---\n${model('b')}`);
  assert.equal(await world.run('apply', '-f', 'two.yaml'), EXIT.failed);
  assert.match(world.err, /^error: two\.yaml:1: Model a: it exists\na change of a model is a new version of it/);
  assert.equal(world.out, 'Model m created\n');
});

test('warnings of the mesh are told with the place of their manifest', async () => {
  const json = { kind: 'Endpoint', name: 'e', change: 'configured', warnings: ['it hides a model'] };
  await using mesh = await fakeMesh({ 'POST /api/v1/apply': { json } });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  write(world, 'e.yaml', ENDPOINT);
  assert.equal(await world.run('apply', '-f', 'e.yaml'), EXIT.done);
  assert.deepEqual([world.out, world.err], ['Endpoint e configured\n', 'warning: e.yaml:1: it hides a model\n']);
});

test('deletion is by kind and names, or by manifests in the opposite order', async () => {
  const gone = { status: 204 };
  await using mesh = await fakeMesh({
    'DELETE /api/v1/models/a%2Fb': gone,
    'DELETE /api/v1/models/m': gone,
    'DELETE /api/v1/endpoints/e': gone,
    'DELETE /api/v1/inference-services/svc': gone,
  });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  assert.equal(await world.run('delete', 'model', 'a/b', 'm'), EXIT.done);
  assert.equal(world.out, 'models a/b deleted\nmodels m deleted\n');
  assert.equal(await world.run('delete', 'ep', 'e', '--owner', 'team'), EXIT.done);
  assert.equal(mesh.asked[2]?.what, 'DELETE /api/v1/endpoints/e?owner=team');
  write(world, 'all.yaml', [model('m'), SERVICE, ENDPOINT].join('---\n'));
  assert.equal(await world.run('delete', '-f', 'all.yaml'), EXIT.done);
  assert.deepEqual(
    mesh.asked.slice(3).map(({ what }) => what),
    ['DELETE /api/v1/endpoints/e', 'DELETE /api/v1/inference-services/svc', 'DELETE /api/v1/models/m'],
  );
});

test('what is not there to be deleted is an error unless that is what is wanted', async () => {
  await using mesh = await fakeMesh();
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  assert.equal(await world.run('delete', 'model', 'm'), EXIT.notFound);
  assert.equal(await world.run('delete', 'model', 'm', '--ignore-not-found'), EXIT.done);
  for (const args of [['delete'], ['delete', 'model'], ['delete', 'model', 'm', '-f', 'x.yaml'], ['delete', 'pod', 'm']]) {
    assert.equal(await world.run(...args), EXIT.usage, args.join(' '));
  }
});
