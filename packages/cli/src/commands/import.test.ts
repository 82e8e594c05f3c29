import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { EXIT } from '../index.ts';
import { FakeWorld, fakeMesh } from '../testing/index.ts';

const EXPERIMENT = `apiVersion: mlops.seldon.io/v1alpha1
kind: Experiment
metadata:
  name: fraud-ab
spec:
  default: fraud
  candidates:
    - name: fraud
      weight: 90
    - name: fraud-new
      weight: 10
  mirror:
    name: fraud-next
    percent: 5
`;
const model = (name: string): string => `apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata:
  name: ${name}
spec:
  storageUri: s3://models/${name}
  requirements:
    - onnx
  server: triton
`;
const PIPELINE = `apiVersion: mlops.seldon.io/v1alpha1
kind: Pipeline
metadata: { name: p }
spec: { steps: [] }
`;
const SERVER = `apiVersion: mlops.seldon.io/v1alpha1
kind: Server
metadata: { name: triton }
spec: {}
`;
const write = (world: FakeWorld, name: string, ...documents: string[]): void =>
  writeFileSync(join(world.folder, name), documents.join('---\n'));

test('models and experiments of Seldon are printed as ours, in an order in which they can be applied', async () => {
  using world = new FakeWorld();
  write(world, 'all.yaml', EXPERIMENT, model('fraud'), model('fraud-new'), SERVER);
  assert.equal(await world.run('import', 'seldon', '-f', 'all.yaml'), EXIT.done, world.err);
  const printed = parseAllDocuments(world.out).map((document): unknown => document.toJS());
  assert.deepEqual(printed, [
    ...['fraud', 'fraud-new'].map((name) => ({
      apiVersion: 'modelmesh.io/v1alpha1',
      kind: 'Model',
      metadata: { name },
      spec: { format: { name: 'onnx' }, storage: { uri: `s3://models/${name}` } },
    })),
    {
      apiVersion: 'modelmesh.io/v1alpha1',
      kind: 'Endpoint',
      metadata: { name: 'fraud' },
      spec: {
        variants: [
          { name: 'fraud', model: 'fraud', weight: 90 },
          { name: 'fraud-new', model: 'fraud-new', weight: 10 },
          { name: 'fraud-next', model: 'fraud-next', weight: 0 },
        ],
        default: 'fraud',
        sticky: { token: { header: 'x-seldon-route' }, salt: 'fraud' },
        mirror: [{ to: 'fraud-next', percent: 5 }],
      },
    },
  ]);
  assert.match(world.err, /^warning: all\.yaml:24: spec\.server: got "triton", expected nothing: it is left out/m);
  assert.match(world.err, /^warning: all\.yaml:36: Server is left out: /m);
});

test('a relative storage is one beside the file, wherever what is printed is applied', async () => {
  using world = new FakeWorld();
  write(world, 'one.yaml', model('fraud').replace('s3://models/fraud', './fraud.onnx'));
  await world.run('import', 'seldon', '-f', 'one.yaml');
  assert.equal(parse(world.out).spec.storage.uri, join(world.folder, 'fraud.onnx'));
});

test('what is printed is what "mmesh apply" takes', async () => {
  using world = new FakeWorld();
  write(world, 'all.yaml', EXPERIMENT, model('fraud'));
  await world.run('import', 'seldon', '-f', 'all.yaml');
  await using mesh = await fakeMesh({
    'POST /api/v1/apply': { json: { kind: 'Model', name: 'm', change: 'created', warnings: [] } },
  });
  using other = new FakeWorld({ env: { MESH_SERVER: mesh.url }, stdin: world.out });
  assert.equal(await other.run('apply', '-f', '-'), EXIT.done, other.err);
  assert.equal(mesh.asked.length, 2);
});

test('--apply applies them, unless anything is refused', async () => {
  await using mesh = await fakeMesh({
    'POST /api/v1/apply': { json: { kind: 'Model', name: 'fraud', change: 'created', warnings: [] } },
  });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  write(world, 'two.yaml', model('fraud'), PIPELINE);
  assert.equal(await world.run('import', 'seldon', '-f', 'two.yaml', '--apply'), EXIT.usage);
  assert.deepEqual([mesh.asked.length, world.out], [0, '']);
  assert.match(world.err, /^error: two\.yaml:12: kind: got "Pipeline", .*pipelines are not supported/m);
  write(world, 'one.yaml', model('fraud'));
  assert.equal(await world.run('import', 'seldon', '-f', 'one.yaml', '--apply'), EXIT.done, world.err);
  assert.equal(world.out, 'Model fraud created\n');
  assert.equal(JSON.parse(mesh.asked[0]?.body ?? '').apiVersion, 'modelmesh.io/v1alpha1');
});

test('a refused manifest is named with file and line, and the others are printed', async () => {
  using world = new FakeWorld({
    stdin: `${PIPELINE}---\n${model('fraud')}---\n${EXPERIMENT.replace('default: fraud', 'default: other')}`,
  });
  assert.equal(await world.run('import', 'seldon', '-f', '-'), EXIT.usage);
  assert.match(world.err, /^error: -:2: kind: /m);
  assert.match(world.err, /^-:21: spec\.default: got "other", expected one of the candidates$/m);
  assert.equal(parseAllDocuments(world.out).length, 1);
});
