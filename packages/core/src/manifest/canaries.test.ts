import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EndpointPolicy } from '../records/index.ts';
import type { ModelKey } from '../units.ts';
import { endpointId } from '../units.ts';
import {
  CANARIES_MAX,
  endpointManifestOf,
  type InferenceServiceResource,
  inferenceServiceModelKey,
  parseManifest,
  planInferenceService,
  problemText,
  type ServiceEndpoint,
} from './index.ts';

type Fields = Record<string, unknown>;
const model = (version: string, fields: Fields = {}): Fields => ({
  model: { modelFormat: { name: 'onnx' }, storageUri: `s3://models/${version}`, ...fields },
});
const manifest = (predictor: Fields, spec: Fields = {}): Fields => ({
  apiVersion: 'serving.kserve.io/v1beta1',
  kind: 'InferenceService',
  metadata: { name: 'fraud' },
  spec: { predictor, ...spec },
});
const read = (value: Fields): InferenceServiceResource => {
  const result = parseManifest(value);
  assert.ok(result.ok, result.ok ? '' : result.problems.map(problemText).join('\n'));
  assert.ok(result.resource.kind === 'InferenceService');
  return result.resource;
};
const paths = (value: Fields): string[] => {
  const result = parseManifest(value);
  return result.ok ? [] : result.problems.map(({ path }) => path);
};
const keyOf = (version: string): ModelKey => inferenceServiceModelKey('fraud', read(manifest(model(version))));

/** A service whose manifests are applied one after the other, each switch done at once unless a model is said not to load. */
class Service {
  endpoint: ServiceEndpoint | undefined;
  readonly broken = new Set<ModelKey>();

  /** @returns the shares by version, without those of nothing; the versions that are remembered */
  apply(value: Fields): Fields {
    const plan = planInferenceService(read(value), this.endpoint);
    const policy: EndpointPolicy | null = plan.kind === 'policy' ? plan.policy : null;
    const target =
      plan.kind === 'policy'
        ? plan.policy.variants.find(({ name }) => name === plan.policy.defaultVariant)?.model
        : (plan.request.targetModelId as ModelKey);
    assert.ok(target !== undefined);
    const active = this.endpoint !== undefined && this.broken.has(target) ? this.endpoint.record.active : target;
    this.endpoint = { record: { active, target }, policy };
    const shares: Fields = {};
    for (const { model: key, weight } of policy?.variants ?? []) if (weight > 0) shares[nameOf(key)] = weight;
    return policy === null ? { [nameOf(target)]: 100 } : shares;
  }

  predictor(version: string, percent?: number): Fields {
    return this.apply(manifest({ ...model(version), ...(percent === undefined ? {} : { canaryTrafficPercent: percent }) }));
  }
}

const VERSIONS = ['v1', 'v2', 'v3', 'v4'];
const NAMES = new Map(VERSIONS.map((version) => [keyOf(version), version]));
const nameOf = (key: ModelKey): string => NAMES.get(key) ?? key;

describe('canaryTrafficPercent (spec kserve.md §2.4)', () => {
  it('of the first deployment has no effect: all calls go to it', () => {
    const service = new Service();
    assert.deepEqual(service.predictor('v1', 10), { v1: 100 });
    assert.equal(service.endpoint?.policy, null);
    assert.deepEqual(service.predictor('v1', 10), { v1: 100 });
  });

  it('gives the new predictor its share and leaves the rest to the one before', () => {
    const service = new Service();
    service.predictor('v1');
    assert.deepEqual(service.predictor('v2', 10), { v2: 10, v1: 90 });
    assert.deepEqual(service.predictor('v2', 40), { v2: 40, v1: 60 });
    assert.deepEqual(service.endpoint?.policy?.defaultVariant, 'prev');
    assert.deepEqual(service.endpoint?.policy?.fallback, { on: [], to: 'prev', timeoutMs: null });
  });

  it('is promoted by 100, and by removing the field', () => {
    for (const promoted of [100, undefined]) {
      const service = new Service();
      service.predictor('v1');
      service.predictor('v2', 10);
      assert.deepEqual(service.predictor('v2', promoted), { v2: 100 });
      assert.deepEqual(service.endpoint?.policy?.defaultVariant, 'latest');
    }
  });

  it('is rolled back by 0 while it runs, and goes on by another share', () => {
    const service = new Service();
    service.predictor('v1');
    service.predictor('v2', 10);
    assert.deepEqual(service.predictor('v2', 0), { v1: 100 });
    assert.deepEqual(service.predictor('v2', 20), { v2: 20, v1: 80 });
  });

  it('is rolled back by 0 after promotion too, one step and no further', () => {
    const service = new Service();
    service.predictor('v1');
    service.predictor('v2', 10);
    service.predictor('v2', 100);
    service.predictor('v3', 10);
    service.predictor('v3');
    assert.deepEqual(service.predictor('v3', 0), { v2: 100 });
    assert.deepEqual(service.predictor('v3', 0), { v2: 100 });
    assert.deepEqual(service.predictor('v3', 100), { v3: 100 });
    assert.deepEqual(service.predictor('v3', 0), { v2: 100 });
  });

  it('goes to a newer predictor that replaces the candidate; what was rolled out stays', () => {
    const service = new Service();
    service.predictor('v1');
    service.predictor('v2', 10);
    assert.deepEqual(service.predictor('v3', 10), { v3: 10, v1: 90 });
    assert.deepEqual(service.predictor('v4'), { v4: 100 });
    assert.deepEqual(service.predictor('v4', 0), { v1: 100 });
  });

  it('ends where the manifest goes back to what was rolled out', () => {
    const service = new Service();
    service.predictor('v1');
    service.predictor('v2', 10);
    assert.deepEqual(service.predictor('v1', 10), { v1: 100 });
    assert.deepEqual(service.predictor('v1', 10), { v1: 100 });
    assert.deepEqual(service.predictor('v1', 0), { v1: 100 });
  });

  it('counts a predictor that never loaded as never rolled out', () => {
    const service = new Service();
    service.predictor('v1');
    service.predictor('v2', 10);
    service.predictor('v2', 100);
    service.broken.add(keyOf('v3'));
    service.predictor('v3');
    assert.equal(service.endpoint?.record.active, keyOf('v2'));
    assert.deepEqual(service.predictor('v4', 10), { v4: 10, v2: 90 });
    const plain = new Service();
    plain.predictor('v1');
    plain.broken.add(keyOf('v2'));
    plain.predictor('v2');
    assert.deepEqual(plain.predictor('v2', 30), { v2: 30, v1: 70 });
  });

  it('left out of every manifest keeps the records of ModelMesh', () => {
    const service = new Service();
    for (const version of VERSIONS) assert.deepEqual(service.predictor(version), { [version]: 100 });
    assert.equal(service.endpoint?.policy, null);
  });

  it('is a whole number of per cent', () => {
    for (const canaryTrafficPercent of [-1, 101, 0.5, '10']) {
      assert.deepEqual(paths(manifest({ ...model('v1'), canaryTrafficPercent })), ['spec.predictor.canaryTrafficPercent']);
    }
  });
});

describe('laws of services', () => {
  const edits = fc.array(
    fc.tuple(fc.constantFrom(...VERSIONS), fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }), fc.boolean()),
    { minLength: 1, maxLength: 12 },
  );

  it('a manifest that is applied twice changes nothing, shares sum to 100, and the policy is one that a manifest could say', () => {
    fc.assert(
      fc.property(edits, (history) => {
        const service = new Service();
        for (const [version, percent, breaks] of history) {
          if (breaks) service.broken.add(keyOf(version));
          const shares = service.predictor(version, percent);
          const settled = service.endpoint;
          assert.deepEqual([service.predictor(version, percent), service.endpoint], [shares, settled]);
          assert.equal(
            Object.values(shares).reduce<number>((sum, share) => sum + Number(share), 0),
            100,
          );
          const policy = settled?.policy;
          if (policy === null || policy === undefined) continue;
          const again = parseManifest(endpointManifestOf(endpointId('fraud'), policy));
          assert.ok(again.ok && again.resource.kind === 'Endpoint');
          assert.deepEqual(again.resource.policy, policy);
        }
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  it('every way to promote gives all calls to the newest predictor, and 0 after it gives them to the one before', () => {
    fc.assert(
      fc.property(edits, fc.constantFrom(100, undefined), (history, promoted) => {
        const service = new Service();
        for (const [version, percent] of history) service.predictor(version, percent);
        const before = service.predictor('v1', promoted);
        assert.deepEqual(before, { v1: 100 });
        service.predictor('v2', 50);
        assert.deepEqual(service.predictor('v2', promoted), { v2: 100 });
        assert.deepEqual(service.predictor('v2', 0), { v1: 100 });
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});

describe('spec.canary (spec kserve.md §1.7)', () => {
  const canary = (name: string, version: string, trafficPercent: number, fields: Fields = {}): Fields => ({
    predictor: { name, ...model(version), ...fields },
    trafficPercent,
  });
  const variantsOf = (value: Fields): unknown => {
    const plan = planInferenceService(read(value), undefined);
    assert.ok(plan.kind === 'policy');
    return plan.policy.variants.map((variant) => [variant.name, nameOf(variant.model), variant.weight]);
  };

  it('gives each canary its share and the predictor what is left', () => {
    const value = manifest(model('v1'), { canary: [canary('second', 'v2', 10), canary('dark', 'v3', 0)] });
    assert.deepEqual(variantsOf(value), [
      ['stable', 'v1', 90],
      ['second', 'v2', 10],
      ['dark', 'v3', 0],
    ]);
    const plan = planInferenceService(read(value), undefined);
    assert.ok(plan.kind === 'policy');
    assert.deepEqual([plan.policy.defaultVariant, plan.policy.fallback?.to], ['stable', 'stable']);
    assert.deepEqual(
      plan.models.map(({ key, info }) => [nameOf(key), info.path]),
      [
        ['v1', 'v1'],
        ['v2', 'v2'],
        ['v3', 'v3'],
      ],
    );
    assert.deepEqual(variantsOf(manifest({ name: 'first', ...model('v1') }, { canary: [canary('second', 'v2', 100)] })), [
      ['first', 'v1', 0],
      ['second', 'v2', 100],
    ]);
  });

  it('is promoted by giving the predictor the canary’s name and source, and rolled back by leaving the entry out', () => {
    const service = new Service();
    service.predictor('v1');
    assert.deepEqual(service.apply(manifest(model('v1'), { canary: [canary('second', 'v2', 10)] })), { v1: 90, v2: 10 });
    assert.deepEqual(service.predictor('v1'), { v1: 100 });
    service.apply(manifest(model('v1'), { canary: [canary('second', 'v2', 10)] }));
    assert.deepEqual(service.apply(manifest({ name: 'second', ...model('v2') })), { v2: 100 });
    assert.deepEqual(service.predictor('v2', 0), { v1: 100 });
  });

  it('lays the canary over the predictor: what it gives wins, the rest is as there', () => {
    const stable = model('v1', { runtime: 'triton', protocolVersion: 'v2', resources: { limits: {} } });
    const of = (predictor: Fields) => {
      const [first] = read(
        manifest(stable, { canary: [{ predictor: { name: 'second', ...predictor }, trafficPercent: 1 }] }),
      ).canaries;
      assert.ok(first !== undefined);
      return [first.format.name, first.runtime, first.protocolVersion, first.storage.path, first.storage.key];
    };
    assert.deepEqual(of({}), ['onnx', 'triton', 'v2', 'v1', undefined]);
    assert.deepEqual(of({ model: { storageUri: 's3://models/v2', runtime: '' } }), ['onnx', 'triton', 'v2', 'v2', undefined]);
    assert.deepEqual(of({ model: { storage: { key: 'k', path: 'p' } } }), ['onnx', 'triton', 'v2', 'p', 'k']);
    assert.deepEqual(of({ model: { modelFormat: { name: 'sklearn' }, runtime: 'mlserver' } }), [
      'sklearn',
      'mlserver',
      'v2',
      'v1',
      undefined,
    ]);
    assert.deepEqual(of({ xgboost: { storageUri: 's3://models/x' } }), ['xgboost', undefined, undefined, 'x', undefined]);
    const stored = { modelFormat: { name: 'onnx' }, storage: { key: 'k', path: 'p', parameters: { bucket: 'b' } } };
    const [over] = read(manifest({ model: stored }, { canary: [canary('second', 'v2', 1)] })).canaries;
    assert.deepEqual([over?.storage.path, over?.storage.key], ['v2', 'k']);
  });

  it('needs names that differ, shares that sum to 100 at most, and nothing that scales pods of its own', () => {
    const of = (...canaries: Fields[]): string[] => paths(manifest(model('v1'), { canary: canaries }));
    assert.deepEqual(of({ trafficPercent: 1 }), ['spec.canary[0].predictor']);
    assert.deepEqual(of({ predictor: model('v2') }), ['spec.canary[0].predictor.name']);
    assert.deepEqual(of(canary('stable', 'v2', 1)), ['spec.canary[0].predictor.name']);
    assert.deepEqual(of(canary('a', 'v2', 1), canary('a', 'v3', 1)), ['spec.canary[1].predictor.name']);
    assert.deepEqual(of(canary('prev', 'v2', 1)), ['spec.canary[0].predictor.name']);
    assert.deepEqual(of(canary('a', 'v2', 60), canary('b', 'v3', 41)), ['spec.canary[1].trafficPercent']);
    assert.deepEqual(of(canary('a', 'v2', 1, { maxReplicas: 3, workerSpec: {}, odd: 1 })).toSorted(), [
      'spec.canary[0].predictor.maxReplicas',
      'spec.canary[0].predictor.odd',
      'spec.canary[0].predictor.workerSpec',
    ]);
    assert.deepEqual(of(...Array.from({ length: CANARIES_MAX + 1 }, (_, at) => canary(`c${at}`, 'v2', 1))), ['spec.canary']);
    assert.deepEqual(paths(manifest({ ...model('v1'), canaryTrafficPercent: 1 }, { canary: [canary('a', 'v2', 1)] })), [
      'spec.predictor.canaryTrafficPercent',
    ]);
  });
});
