import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_NAMESPACE, endpointId, instanceId, MeshError, modelKey, type Namespace, namespace } from '@modelmesh/core';
import {
  endpointRecordKey,
  figuresRecordKey,
  instanceRecordKey,
  modelRecordKey,
  policyAckKey,
  policyRecordKey,
  policyRevisionKey,
  type RecordKey,
  weightsRecordKey,
} from '@modelmesh/core/records';
import fc from 'fast-check';
import {
  configPrefix,
  instancesPrefix,
  joinKey,
  leaderKey,
  parseRecordKey,
  recordKeyText,
  registryLayout,
  registryPrefixes,
  schemaKey,
  splitKey,
} from './index.ts';

const layout = registryLayout({ root: 'mm', prefix: 'tas-runtime', service: 'svc' });
const space = namespace('team-a');

describe('registry keys', () => {
  it('are ModelMesh’s own in the default namespace', () => {
    const keys = [
      recordKeyText(layout, modelRecordKey(modelKey('a/b'))),
      recordKeyText(layout, endpointRecordKey(endpointId('v'))),
      recordKeyText(layout, instanceRecordKey(instanceId('i'))),
      leaderKey(layout, instanceId('i')),
      configPrefix(layout),
      instancesPrefix(layout),
      schemaKey(layout),
    ];
    assert.deepEqual(keys, [
      'mm/tas-runtime/svc/registry/a/b',
      'mm/tas-runtime/svc/vmodels/v',
      'mm/tas-runtime/svc/instances/i',
      'mm/tas-runtime/svc/leaderLatch/_i',
      'mm/tas-runtime/svc/config/',
      'mm/tas-runtime/svc/instances/',
      'mm/tas-runtime/svc/schema',
    ]);
  });

  it('start with a slash where the root is empty', () => {
    const rootless = registryLayout({ root: '', prefix: 'mm', service: 's' });
    assert.equal(recordKeyText(rootless, modelRecordKey(modelKey('m'))), '/mm/s/registry/m');
  });

  it('of another namespace stand under mm_ns', () => {
    assert.equal(recordKeyText(layout, modelRecordKey(modelKey('m'), space)), 'mm/mm_ns/team-a/tas-runtime/svc/registry/m');
    assert.equal(
      recordKeyText(layout, policyRevisionKey(endpointId('v'), 3, space)),
      'mm/mm_ns/team-a/tas-runtime/svc/endpoint-revisions/v/3',
    );
  });

  it('come back from their text, whatever the id', () => {
    const id = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('modèle/🜚', 'a/1', '/', '//3', 'registry/x', '\n/5'));
    const instance = id.filter((text) => !text.includes(',')).map(instanceId);
    const spaces: fc.Arbitrary<Namespace> = fc.constantFrom(DEFAULT_NAMESPACE, space);
    const keys: fc.Arbitrary<RecordKey> = fc.oneof(
      fc.tuple(id, spaces).map(([text, of]) => modelRecordKey(modelKey(text), of)),
      fc.tuple(id, spaces).map(([text, of]) => endpointRecordKey(endpointId(text), of)),
      fc.tuple(id, spaces).map(([text, of]) => policyRecordKey(endpointId(text), of)),
      fc
        .tuple(id, fc.integer({ min: 1 }), spaces)
        .map(([text, revision, of]) => policyRevisionKey(endpointId(text), revision, of)),
      fc.tuple(id, spaces).map(([text, of]) => weightsRecordKey(endpointId(text), of)),
      instance.map(instanceRecordKey),
      instance.map(figuresRecordKey),
      instance.map(policyAckKey),
    );
    fc.assert(
      fc.property(keys, (key) => {
        const text = recordKeyText(layout, key);
        assert.deepEqual(parseRecordKey(layout, text), key);
        assert.ok(registryPrefixes(layout).some((prefix) => text.startsWith(prefix)));
      }),
    );
  });

  it('come apart into namespace and rest and together again, records or not', () => {
    for (const rest of ['registry/m', 'config/x', 'future/thing', 'schema'])
      for (const space of [DEFAULT_NAMESPACE, namespace('team-a')]) {
        const text = joinKey(layout, { space, path: rest });
        assert.deepEqual(splitKey(layout, text), { space, path: rest });
      }
    assert.equal(splitKey(layout, 'mm/tas-runtime/other/registry/m'), undefined);
  });

  it('that name no record of this mesh are passed over', () => {
    const others = [
      '',
      'mm/tas-runtime/svc/registry/',
      'mm/tas-runtime/svc/schema',
      'mm/tas-runtime/svc/config/x',
      'mm/tas-runtime/svc/leaderLatch/_i',
      'mm/tas-runtime/svc/endpoint-revisions/v',
      'mm/tas-runtime/svc/endpoint-revisions/v/0',
      'mm/tas-runtime/svc/endpoint-revisions/v/x',
      'mm/tas-runtime/svc/instances/a,b',
      'mm/tas-runtime/svc/strategy-figures/a,b',
      'mm/tas-runtime/svc/policy-acks/a,b',
      'mm/tas-runtime/svc2/registry/m',
      'mm2/tas-runtime/svc/registry/m',
      'mm/mm_ns/team-a/other/svc/registry/m',
      'mm/mm_ns/team-a',
      'mm/mm_ns//tas-runtime/svc/registry/m',
      'mm/mm_ns/default/tas-runtime/svc/registry/m',
      'mm/mm_ns/team-a/tas-runtime/svc/instances/i',
      'mm/mm_ns/team-a/tas-runtime/svc/policy-acks/i',
    ];
    assert.deepEqual(
      others.filter((text) => parseRecordKey(layout, text) !== undefined),
      [],
    );
  });

  it('are refused for parts that would make them ambiguous', () => {
    const bad = [
      { root: 'mm/', prefix: 'p', service: 's' },
      { root: '', prefix: 'a/b', service: 's' },
      { root: '', prefix: 'a b', service: 's' },
      { root: '', prefix: '', service: 's' },
      { root: '', prefix: 'mm_ns', service: 's' },
      { root: '', prefix: 'p', service: '' },
      { root: '', prefix: 'p', service: 'a/b' },
    ];
    for (const parts of bad) assert.throws(() => registryLayout(parts), MeshError, JSON.stringify(parts));
    assert.throws(() => recordKeyText(layout, modelRecordKey(modelKey('m'), namespace('a/b'))), MeshError);
  });
});
