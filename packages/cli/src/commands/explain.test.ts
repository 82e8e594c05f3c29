import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DecisionView } from '@modelmesh/sdk/client';
import { EXIT } from '../index.ts';
import { FakeWorld, fakeMesh } from '../testing/index.ts';

const record = (fields: Partial<DecisionView>): DecisionView => ({
  id: 7,
  madeBy: 'n1',
  at: '2026-01-02T03:04:05.000Z',
  kind: 'eviction',
  model: 'new',
  models: ['old'],
  instance: 'n1',
  requestId: null,
  because: 'old goes',
  details: { victims: [{ model: 'old', rank: { policy: 'cost-aware', score: -3.5 } }] },
  ...fields,
});

test('each kind of question is asked at its own path, and answered as a table', async () => {
  const call = record({ kind: 'route', model: 'm', requestId: 'r/1', because: 'the call ended with unavailable' });
  await using mesh = await fakeMesh({
    'GET /api/v1/explain/models/m': { json: { model: 'm', records: [call], unanswered: [] } },
    'GET /api/v1/explain/requests/r%2F1': { json: { records: [call], unanswered: [] } },
    'GET /api/v1/explain/evictions': {
      json: { records: [record({}), record({ id: 6, because: 'older goes' })], unanswered: ['n2', 'n3'] },
    },
    'GET /api/v1/explain/evictions/old': { json: { records: [record({})], unanswered: [] } },
    'GET /api/v1/explain/instances/n1': { json: { records: [], unanswered: [] } },
  });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  assert.equal(await world.run('explain', 'evictions'), EXIT.done, world.err);
  assert.deepEqual(world.out.split('\n'), [
    'AT                        BY  KIND      MODEL  INSTANCE  BECAUSE',
    '2026-01-02T03:04:05.000Z  n1  eviction  new    n1        old goes',
    '2026-01-02T03:04:05.000Z  n1  eviction  new    n1        older goes',
    '',
  ]);
  assert.match(world.err, /no answer from n2, n3/);
  assert.equal(await world.run('explain', 'model', 'm'), EXIT.done, world.err);
  assert.match(world.out, /route +m +n1 +the call ended with unavailable/);
  assert.equal(await world.run('explain', 'request', 'r/1'), EXIT.done, world.err);
  assert.match(world.out, /n1 +- +- +- +- +m +- +the call ended with unavailable/);
  assert.equal(await world.run('explain', 'eviction', 'old', '-o', 'json'), EXIT.done);
  assert.deepEqual(JSON.parse(world.out), [record({})], 'scores and all');
  assert.equal(await world.run('explain', 'instance', 'n1'), EXIT.done);
  assert.equal(world.out, '');
  assert.match(world.err, /nothing was decided about it/);
});

test('a call through an endpoint is told with its revision, rule, variant, model and copy', async () => {
  const pick = {
    endpoint: 'fraud',
    revision: 4,
    variant: 'canary',
    rule: 'gold',
    reason: 'rule gold',
    model: 'f@4',
    instance: 'n2',
  };
  const choice = record({ kind: 'choice', model: 'f@4', requestId: 'r', because: 'it got variant canary', details: { pick } });
  await using mesh = await fakeMesh({ 'GET /api/v1/explain/requests/r': { json: { records: [choice], unanswered: [] } } });
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  assert.equal(await world.run('explain', 'request', 'r'), EXIT.done, world.err);
  assert.deepEqual(world.out.split('\n'), [
    'AT                        BY  ENDPOINT  REVISION  RULE  VARIANT  MODEL  COPY  BECAUSE',
    '2026-01-02T03:04:05.000Z  n1  fraud     4         gold  canary   f@4    n2    it got variant canary',
    '',
  ]);
});

test('a question without what it is about, and one of no kind, are wrong usage', async () => {
  using world = new FakeWorld();
  assert.equal(await world.run('explain', 'model'), EXIT.usage);
  assert.match(world.err, /mmesh explain model NAME/);
  assert.equal(await world.run('explain', 'weather'), EXIT.usage);
  assert.match(world.err, /model, request, eviction, instance/);
});
