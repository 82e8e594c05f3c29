import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeshError, type MeshErrorKind } from '@modelmesh/core';
import { MeshClient } from '@modelmesh/sdk/client';
import { serveRest } from '../testing/index.ts';

const MODEL = {
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Model',
  metadata: { name: 'fraud-3' },
  spec: { family: 'fraud', version: '3', format: { name: 'onnx' }, storage: { uri: '/models/fraud.onnx' } },
};

const hasKind = (kind: MeshErrorKind) => (error: unknown) => error instanceof MeshError && error.kind === kind;

test('the client of the SDK does everything that the API offers', async () => {
  await using served = await serveRest();
  using mesh = new MeshClient({ server: served.url });
  const { rest } = mesh;
  assert.deepEqual(await rest.status(), { name: 'modelmesh', version: '0.0.1', ready: true, instances: 1 });
  assert.equal((await rest.apply(MODEL)).change, 'created');
  assert.equal((await rest.load('fraud@3')).status, 'LOADED');
  assert.deepEqual(
    (await rest.copies('fraud@3')).map(({ instance, status }) => [instance, status]),
    [['node-1', 'LOADED']],
  );
  assert.deepEqual(
    (await Array.fromAsync(rest.models())).map(({ key }) => key),
    ['fraud@3'],
  );
  assert.deepEqual(
    (await rest.explain('fraud@3')).records.map(({ at, model, because }) => [at, model, because]),
    [['2026-01-02T03:04:05.000Z', 'fraud@3', 'the fake decided it']],
  );
  assert.equal((await rest.explainEvictions(null)).records[0]?.kind, 'eviction');
  assert.equal((await rest.explainEvictions('fraud@3')).records[0]?.model, 'fraud@3');
  assert.deepEqual((await rest.explainEvictions(null)).unanswered, ['away']);
  assert.equal((await rest.explainRequest('r/1')).records[0]?.requestId, 'r/1');
  assert.equal((await rest.explainInstance('n2')).records[0]?.instance, 'n2');
  assert.equal((await rest.unload('fraud@3')).status, 'NOT_LOADED');
  assert.equal((await rest.instances())[0]?.id, 'node-1');
  const endpoint = { ...MODEL, kind: 'Endpoint', metadata: { name: 'e' }, spec: { variants: [{ name: 'v', model: 'fraud@3' }] } };
  await rest.apply(endpoint);
  assert.equal((await rest.endpoint('e')).policy?.variants[0]?.model, 'fraud@3');
  assert.equal((await Array.fromAsync(rest.endpoints())).length, 1);
  const { endpoint: of, mirrors, unanswered } = await rest.diff('e');
  assert.deepEqual([of, unanswered, mirrors.map(({ mirror, revision }) => [mirror, revision])], ['e', ['away'], [['next', 3]]]);
  const [segment] = mirrors[0]?.segments ?? [];
  assert.deepEqual([segment?.pairs, segment?.flips, segment?.topKAgreement, segment?.cosineLeast], [2, 1, 0.5, 0.25]);
  assert.deepEqual([segment?.dropped, segment?.liveOnly, segment?.live.meanMs], [{ 'queue-full': 1 }, 1, 2]);
  assert.deepEqual(
    mirrors[0]?.samples.map(({ kind }) => kind),
    ['status', 'flip'],
  );
  await assert.rejects(rest.diff('nobody'), hasKind('endpoint-not-found'));
  await rest.deleteEndpoint('e');
  await assert.rejects(rest.endpoint('e'), hasKind('endpoint-not-found'));
  await assert.rejects(rest.deleteInferenceService('e'), hasKind('not-found'));
  await rest.deleteModel('fraud@3');
  await assert.rejects(rest.model('fraud@3'), hasKind('model-not-found'));
});

test('events come as they happen, and whoever leaves the loop is forgotten', async () => {
  await using served = await serveRest();
  using mesh = new MeshClient({ server: served.url });
  served.control.emit('one');
  const events = mesh.rest.events({ after: 0 });
  assert.equal((await events.next()).value?.kind, 'one');
  served.control.emit('two');
  assert.equal((await events.next()).value?.kind, 'two');
  const left = Promise.withResolvers<void>();
  const { listeners } = served.control;
  listeners.delete = (member) => {
    left.resolve();
    return Set.prototype.delete.call(listeners, member);
  };
  await events.return(undefined);
  await left.promise;
  const kept = await Array.fromAsync(mesh.rest.events({ follow: false }));
  assert.deepEqual(
    kept.map(({ kind }) => kind),
    ['one', 'two'],
  );
});
