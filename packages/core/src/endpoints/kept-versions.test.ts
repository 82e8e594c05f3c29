import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newEndpointPolicy, newModelRecord, newVariant, putOf, type VersionKeeping } from '../records/index.ts';
import { DEFAULT_NAMESPACE, endpointId, modelKey } from '../units.ts';
import { decideApplyEndpoint, keepingEndpoint, keptVersions } from './index.ts';
import { SmallMesh } from './testing/index.ts';

const ns = DEFAULT_NAMESPACE;
const VERSIONS = ['4', '3', '2', '1'].map((version) => ({ key: modelKey(`fraud@${version}`), version }));
const keptBy = (keeping: VersionKeeping) => keptVersions(keeping, VERSIONS).map(({ version }) => version);

test('a policy keeps all versions, the newest, or those that it names', () => {
  assert.deepEqual(keptBy({ kind: 'all' }), ['4', '3', '2', '1']);
  assert.deepEqual(keptBy({ kind: 'latest', count: 2 }), ['4', '3']);
  assert.deepEqual(keptBy({ kind: 'specific', versions: ['1', '3', '9'] }), ['3', '1']);
});

test('the endpoint that keeps a version is named; one that keeps all holds none back', () => {
  const mesh = new SmallMesh();
  mesh.commit(VERSIONS.map(({ key, version }) => putOf(newModelRecord({ key, type: 'onnx', family: 'fraud', version }), 'any')));
  const keeps = (versions: VersionKeeping): readonly string[] => {
    const variants = [newVariant({ name: 'only', model: modelKey('fraud@4') })];
    const policy = newEndpointPolicy({ variants, defaultVariant: 'only', versions });
    const request = {
      namespace: ns,
      id: endpointId('fraud'),
      owner: 'endpoint',
      policy,
      loadNow: false,
      force: false,
      sync: false,
    };
    mesh.carryOut(decideApplyEndpoint(mesh.view, request, mesh.env));
    return VERSIONS.flatMap(({ key, version }) => (keepingEndpoint(mesh.view, ns, key) === 'fraud' ? [version] : []));
  };
  assert.deepEqual(keeps({ kind: 'all' }), []);
  assert.deepEqual(keeps({ kind: 'latest', count: 2 }), ['4', '3']);
  assert.deepEqual(keeps({ kind: 'specific', versions: ['2'] }), ['2']);
});
