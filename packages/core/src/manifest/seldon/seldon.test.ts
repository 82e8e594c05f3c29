import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseManifest, problemText } from '../index.ts';
import { importSeldon, type PlainManifest } from './index.ts';

type Fields = Record<string, unknown>;
const seldon = (kind: string, name: string, spec: Fields, metadata: Fields = {}): Fields => ({
  apiVersion: 'mlops.seldon.io/v1alpha1',
  kind,
  metadata: { name, ...metadata },
  spec,
});
const imported = (value: Fields): { readonly manifest: PlainManifest; readonly notes: readonly string[] } => {
  const result = importSeldon(value);
  assert.ok(result.kind === 'manifest', result.kind === 'refused' ? result.problems.map(problemText).join('\n') : result.kind);
  return { manifest: result.manifest, notes: result.notes.map(({ path }) => path) };
};
const refused = (value: unknown): readonly string[] => {
  const result = importSeldon(value);
  assert.ok(result.kind === 'refused', result.kind);
  return result.problems.map(problemText);
};

describe('a Model of Seldon', () => {
  const iris = { storageUri: 'gs://models/iris', requirements: ['sklearn'], memory: '100Ki' };

  it('becomes a Model under its name', () => {
    assert.deepEqual(imported(seldon('Model', 'iris', iris, { labels: { team: 'risk' } })), {
      manifest: {
        apiVersion: 'modelmesh.io/v1alpha1',
        kind: 'Model',
        metadata: { name: 'iris', labels: { team: 'risk' } },
        spec: { format: { name: 'sklearn' }, storage: { uri: 'gs://models/iris' }, resources: { memory: '100Ki' } },
      },
      notes: [],
    });
  });

  it('keeps its secret, and its replicas as copies', () => {
    const spec = (fields: Fields) => imported(seldon('Model', 'iris', { ...iris, ...fields })).manifest.spec;
    assert.deepEqual(spec({ secretName: 'minio' }).storage, { uri: 'gs://models/iris', key: 'minio' });
    assert.deepEqual(spec({ replicas: 3 }).copies, { min: 3 });
    assert.deepEqual(spec({ minReplicas: 1, maxReplicas: 4, replicas: 2 }).copies, { min: 1, max: 4 });
    assert.deepEqual(spec({ maxReplicas: 4 }).copies, { max: 4 });
    assert.equal(spec({}).copies, undefined);
  });

  it('is of the format that its type or a requirement names', () => {
    const format = (fields: Fields) =>
      imported(seldon('Model', 'iris', { storageUri: 's3://b/a', ...fields })).manifest.spec.format;
    assert.deepEqual(format({ modelType: 'xgboost', requirements: ['gpu'] }), { name: 'xgboost' });
    assert.deepEqual(format({ requirements: ['gpu', 'Tensorflow'] }), { name: 'tensorflow' });
    assert.deepEqual(format({ requirements: ['my-own'] }), { name: 'my-own' });
    assert.match(refused(seldon('Model', 'iris', { storageUri: 's3://b/a' }))[0] ?? '', /^spec\.requirements: missing/);
    assert.match(
      refused(seldon('Model', 'iris', { storageUri: 's3://b/a', requirements: ['a', 'b'] }))[0] ?? '',
      /^spec\.requirements/,
    );
  });

  it('names every field that has no counterpart', () => {
    const spec = {
      ...iris,
      requirements: ['sklearn', 'gpu'],
      artifactVersion: 3,
      server: 'mlserver',
      dedicated: true,
      preloaded: false,
      logger: { percent: 10 },
      parameters: [{ name: 'a', value: 'b' }],
      dataflow: { cleanTopicsOnDelete: true },
      schemaUri: 'gs://schema',
      minReplicas: 1,
      replicas: 2,
    };
    assert.deepEqual(imported(seldon('Model', 'iris', spec, { namespace: 'seldon-mesh', uid: 'x' })).notes.toSorted(), [
      'metadata.namespace',
      'spec.artifactVersion',
      'spec.dataflow',
      'spec.dedicated',
      'spec.logger',
      'spec.parameters',
      'spec.preloaded',
      'spec.replicas',
      'spec.requirements[1]',
      'spec.schemaUri',
      'spec.server',
    ]);
  });

  it('is refused where it is an explainer, or where nobody could load it', () => {
    const explainer = { ...iris, explainer: { type: 'anchor_tabular', modelRef: 'iris' } };
    assert.match(refused(seldon('Model', 'x', explainer))[0] ?? '', /^spec\.explainer: /);
    assert.match(refused(seldon('Model', 'x', { ...iris, llm: { modelRef: 'iris' } }))[0] ?? '', /^spec\.llm: /);
    assert.match(refused(seldon('Model', 'x', { ...iris, storageUri: 'odd://x' }))[0] ?? '', /^spec\.storage\.uri: /);
    assert.match(refused(seldon('Model', 'x', { requirements: ['onnx'] }))[0] ?? '', /^spec\.storageUri: missing/);
    assert.match(refused(seldon('Model', 'x', { ...iris, strange: 1 }))[0] ?? '', /^spec\.strange: /);
  });
});

describe('an Experiment of Seldon', () => {
  const candidates = [
    { name: 'iris', weight: 50 },
    { name: 'iris2', weight: 25 },
  ];

  it('of a default model becomes the endpoint of its name, which shares the calls out', () => {
    const { manifest } = imported(seldon('Experiment', 'ab', { default: 'iris', candidates }));
    assert.deepEqual([manifest.kind, manifest.metadata.name], ['Endpoint', 'iris']);
    assert.deepEqual(manifest.spec, {
      variants: [
        { name: 'iris', model: 'iris', weight: 50 },
        { name: 'iris2', model: 'iris2', weight: 25 },
      ],
      default: 'iris',
      sticky: { token: { header: 'x-seldon-route' }, salt: 'iris' },
    });
  });

  it('of its own becomes an endpoint under the name by which it is called', () => {
    const { manifest, notes } = imported(seldon('Experiment', 'ab', { candidates, resourceType: 'model' }));
    assert.deepEqual([manifest.metadata.name, manifest.spec.default], ['ab.experiment', 'iris']);
    assert.deepEqual(notes, ['spec']);
  });

  it('keeps its mirror as a shadow', () => {
    const spec = { default: 'iris', candidates, mirror: { name: 'iris3', percent: 20 } };
    const { manifest } = imported(seldon('Experiment', 'ab', spec));
    const parsed = parseManifest(manifest);
    assert.ok(parsed.ok && parsed.resource.kind === 'Endpoint');
    assert.deepEqual(
      parsed.resource.policy.variants.map(({ name, weight }) => [name, weight]),
      [
        ['iris', 50],
        ['iris2', 25],
        ['iris3', 0],
      ],
    );
    assert.deepEqual(manifest.spec.mirror, [{ to: 'iris3', percent: 20 }]);
    const among = imported(seldon('Experiment', 'ab', { candidates, mirror: { name: 'iris2', percent: 5 } }));
    assert.equal((among.manifest.spec.variants as unknown[]).length, 2);
  });

  it('is refused where it has pipelines, no candidates, or a default that is none', () => {
    const of = (spec: Fields) => refused(seldon('Experiment', 'ab', spec));
    assert.match(of({ candidates, resourceType: 'pipeline' })[0] ?? '', /^spec\.resourceType: .*pipelines are not supported$/);
    assert.match(of({ candidates: [] })[0] ?? '', /^spec\.candidates/);
    assert.match(of({ candidates, default: 'other' })[0] ?? '', /^spec\.default: got "other"/);
    assert.match(of({ candidates: [{ name: 'a', weight: 0 }] })[0] ?? '', /^spec\.variants: /);
    assert.match(of({ candidates: [{ name: 'a', weight: -1 }] })[0] ?? '', /^spec\.candidates\[0\]\.weight: /);
    assert.match(of({ candidates, mirror: { name: 'm' } })[0] ?? '', /^spec\.mirror\.percent: missing/);
  });
});

describe('another manifest of Seldon', () => {
  it('is refused by the name of its kind, or left out where it shapes servers', () => {
    assert.match(
      refused(seldon('Pipeline', 'p', { steps: [] }))[0] ?? '',
      /^kind: got "Pipeline", .*pipelines are not supported/,
    );
    assert.match(refused({ ...seldon('Model', 'm', {}), apiVersion: 'machinelearning.seldon.io/v1' })[0] ?? '', /Seldon Core 1/);
    assert.match(refused({ kind: 'Model' })[0] ?? '', /^apiVersion: missing/);
    for (const kind of ['Server', 'ServerConfig', 'SeldonRuntime', 'SeldonConfig']) {
      assert.deepEqual(importSeldon(seldon(kind, 'x', {})).kind, 'left-out');
    }
  });

  it('law: any value at all is read or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.constantFrom('Model', 'Experiment'), fc.anything(), fc.anything(), (kind, metadata, spec) => {
        const result = importSeldon({ apiVersion: 'mlops.seldon.io/v1alpha1', kind, metadata, spec });
        assert.ok(result.kind !== 'refused' || result.problems.length > 0);
      }),
      { seed: 6 },
    );
  });
});
