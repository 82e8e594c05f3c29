import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AppliedView, ChangesView, EditView, PolicyView, PreviewView, RevisionView } from '@modelmesh/sdk/client';
import { EXIT } from '../index.ts';
import { FakeWorld, fakeMesh } from '../testing/index.ts';

const ENDPOINT = `apiVersion: modelmesh.io/v1alpha1
kind: Endpoint
metadata: { name: fraud }
spec:
  variants: [{ name: stable, model: a }]
`;
const CHANGES: ChangesView = {
  text: 'stable 100 % → 90 %; canary new at 10 %; rules added: gold',
  variants: [
    { name: 'stable', before: { model: 'a', weight: 100, percent: 100 }, after: { model: 'a', weight: 90, percent: 90 } },
    { name: 'canary', before: null, after: { model: 'b', weight: 10, percent: 10 } },
  ],
  moved: [{ from: 'stable', to: 'canary', percent: 10 }],
  movedPercent: 10,
  rules: { added: ['gold'], removed: [], changed: [] },
  fields: ['fallback'],
  referenced: ['b'],
  unreferenced: [],
};
const applied = (edit: Partial<EditView> = {}): AppliedView => ({
  kind: 'Endpoint',
  name: 'fraud',
  change: 'configured',
  warnings: [],
  edit: { revision: 4, changes: CHANGES, acknowledged: ['n1', 'n2'], missing: [], ...edit },
});
const withFile = (world: FakeWorld): void => writeFileSync(join(world.folder, 'e.yaml'), ENDPOINT);

test('an edit is told with its revision, and asked for as the flags say', async () => {
  await using mesh = await fakeMesh({ 'POST /api/v1/apply': { json: applied() } });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  withFile(world);
  const flags: readonly (readonly [readonly string[], string])[] = [
    [[], ''],
    [['--no-wait'], '?waitMs=0'],
    [['--wait', '2m', '--revision', '3'], '?waitMs=120000&revision=3'],
  ];
  for (const [given, query] of flags) {
    assert.equal(await world.run('apply', '-f', 'e.yaml', ...given), EXIT.done, world.err);
    assert.equal(world.out, 'Endpoint fraud configured (revision 4)\n');
    assert.equal(mesh.asked.at(-1)?.what, `POST /api/v1/apply${query}`);
  }
  assert.equal(await world.run('apply', '-f', 'e.yaml', '--wait', 'soon'), EXIT.usage);
  assert.equal(await world.run('apply', '-f', 'e.yaml', '--revision', '-1'), EXIT.usage);
});

test('nodes that do not run an edit are named, and the run fails', async () => {
  const missing = [{ instance: 'n3', why: 'its lease ended 4 s ago' }];
  await using mesh = await fakeMesh({ 'POST /api/v1/apply': { json: applied({ missing }) } });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  withFile(world);
  assert.notEqual(await world.run('apply', '-f', 'e.yaml'), EXIT.done);
  assert.match(world.err, /n3 may still run the policy of fraud before this one: its lease ended 4 s ago/);
  assert.match(world.err, /revision 4 of fraud is written, and not known to run at n3/);
  assert.equal(world.out, 'Endpoint fraud configured (revision 4)\n');
});

test('a dry run tells what would change for which share, and leaves models alone', async () => {
  await using mesh = await fakeMesh({ 'POST /api/v1/apply': { json: applied({ acknowledged: null }) } });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  const model =
    'apiVersion: modelmesh.io/v1alpha1\nkind: Model\nmetadata: { name: a }\nspec: { format: { name: onnx }, storage: { uri: /a } }\n';
  writeFileSync(join(world.folder, 'e.yaml'), `${model}---\n${ENDPOINT}`);
  assert.equal(await world.run('apply', '-f', 'e.yaml', '--dry-run'), EXIT.done, world.err);
  assert.deepEqual(
    mesh.asked.map(({ what }) => what),
    ['POST /api/v1/apply?dryRun=true'],
  );
  assert.deepEqual(world.out.split('\n'), [
    'Endpoint fraud would be configured (revision 4)',
    'VARIANT  BEFORE   AFTER',
    'stable   100 % a  90 % a',
    'canary   -        10 % b',
    '10 % of the units move from stable to canary',
    'rules added: gold',
    'other fields changed: fallback',
    'models newly referred to: b',
    '',
  ]);
  assert.match(world.err, /Model a is left alone/);
});

const POLICY: PolicyView = {
  revision: 4,
  default: 'stable',
  variants: [{ name: 'stable', model: 'a', weight: 90, sharePercent: 90, labels: [], concurrency: null, failure: null }],
  spec: {},
};
const revision = (number: number, fields: Partial<RevisionView> = {}): RevisionView => ({
  revision: number,
  inForce: false,
  createdAt: '2026-01-02T03:04:05.000Z',
  owner: 'endpoint',
  policy: POLICY,
  changes: CHANGES,
  ...fields,
});

test('the history of an endpoint is a table, newest first', async () => {
  const items = [revision(4, { inForce: true }), revision(3, { changes: null })];
  await using mesh = await fakeMesh({ 'GET /api/v1/endpoints/fraud/revisions': { json: { items } } });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  assert.equal(await world.run('history', 'fraud'), EXIT.done, world.err);
  assert.deepEqual(world.out.split('\n'), [
    'REVISION  AT                        OWNER     SHARES       CHANGED',
    `4 *       2026-01-02T03:04:05.000Z  endpoint  stable 90 %  ${CHANGES.text}`,
    '3         2026-01-02T03:04:05.000Z  endpoint  stable 90 %  the one before is not kept any more',
    '',
  ]);
  assert.equal(await world.run('history', 'fraud', '-o', 'json'), EXIT.done);
  assert.deepEqual(JSON.parse(world.out), items);
});

test('an edit is taken back, to the policy before or to a revision that is named', async () => {
  await using mesh = await fakeMesh({ 'POST /api/v1/endpoints/fraud/undo': { json: applied({ revision: 5 }) } });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  assert.equal(await world.run('undo', 'fraud'), EXIT.done, world.err);
  assert.equal(world.out, 'Endpoint fraud configured (revision 5)\n');
  assert.equal(await world.run('undo', 'fraud', '--to', '2', '--no-wait'), EXIT.done, world.err);
  assert.deepEqual(
    mesh.asked.map(({ what }) => what),
    ['POST /api/v1/endpoints/fraud/undo', 'POST /api/v1/endpoints/fraud/undo?waitMs=0&to=2'],
  );
});

const PREVIEW: PreviewView = {
  endpoint: 'fraud',
  revision: 4,
  variant: 'canary',
  model: 'fraud@4',
  reason: "the unit's share",
  rule: null,
  byChance: false,
  rules: [{ name: 'gold', when: 'tenant == "acme"', outcome: 'not-matched' }],
  unit: '42',
  slot: 9317,
  variants: [
    { name: 'stable', model: 'fraud@3', percent: 90, available: true },
    { name: 'canary', model: 'fraud@4', percent: 10, available: false },
  ],
  mirrors: [{ to: 'shadow', percent: 5 }],
  fallback: 'stable',
  status: 'NOT_LOADED',
  copies: [],
};

test('where a call would go is told with every reason, and nothing is sent', async () => {
  await using mesh = await fakeMesh({ 'POST /api/v1/endpoints/fraud/route': { json: PREVIEW } });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  const call = ['--header', 'X-User-Id=42', '--header', 'x-a=b=c', '--query', 'k=v', '--path', '/v2', '--payload', 'p=1'];
  assert.equal(
    await world.run('route', '--endpoint', 'fraud', ...call, '--tenant', 'acme', '--client', 'me'),
    EXIT.done,
    world.err,
  );
  assert.deepEqual(JSON.parse(mesh.asked[0]?.body ?? ''), {
    ...{ headers: { 'x-user-id': '42', 'x-a': 'b=c' }, query: { k: 'v' }, payload: { p: '1' }, path: '/v2', method: 'POST' },
    ...{ tenant: 'acme', client: 'me', unit: null },
  });
  assert.deepEqual(world.out.split('\n'), [
    'fraud (revision 4) → variant canary → model fraud@4',
    "why: the unit's share",
    'RULE  OUTCOME      WHEN',
    'gold  not-matched  tenant == "acme"',
    'unit 42, slot 9317 of 10000',
    'VARIANT  SHARE  MODEL    AVAILABLE',
    'stable   90 %   fraud@3  yes',
    'canary   10 %   fraud@4  no: it cannot be loaded, the others have its share',
    'shadow shadow gets 5 % of such calls too',
    'where it does not answer: stable',
    'fraud@4 is NOT_LOADED: the call would load it',
    '',
  ]);
  assert.equal(await world.run('route', '--endpoint', 'fraud', '--header', 'none'), EXIT.usage);
  assert.equal(await world.run('route', '--endpoint', 'fraud', '--header', 'a=1', '--header', 'a=2'), EXIT.usage);
});
