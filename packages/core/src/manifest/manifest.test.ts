import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { newEndpointPolicy, newVariant } from '../records/index.ts';
import { modelKey } from '../units.ts';
import { goJson } from './go-json.ts';
import {
  inferenceServiceModelKey,
  isRelativePath,
  LABELS_MAX,
  type ModelResource,
  PROBLEMS_MAX,
  parseDuration,
  parseManifest,
  parseQuantity,
  planEndpoint,
  planInferenceService,
  planModel,
  problemText,
  type Resource,
  typeString,
  uriOf,
} from './index.ts';
import { locate } from './storage-source.ts';

type Fields = Record<string, unknown>;
const model = (spec: Fields = {}, metadata: Fields = {}): Fields => ({
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Model',
  metadata: { name: 'fraud-3', ...metadata },
  spec: { format: { name: 'onnx' }, storage: { uri: 's3://models/fraud/3' }, ...spec },
});
const endpoint = (spec: Fields): Fields => ({
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Endpoint',
  metadata: { name: 'fraud' },
  spec,
});
const service = (predictor: Fields, metadata: Fields = {}, spec: Fields = {}): Fields => ({
  apiVersion: 'serving.kserve.io/v1beta1',
  kind: 'InferenceService',
  metadata: { name: 'i1', ...metadata },
  spec: { predictor, ...spec },
});
const read = (value: unknown): Resource => {
  const result = parseManifest(value);
  assert.ok(result.ok, result.ok ? '' : result.problems.map(problemText).join('\n'));
  return result.resource;
};
const readModel = (value: unknown): ModelResource => {
  const resource = read(value);
  assert.ok(resource.kind === 'Model');
  return resource;
};
const vmodelOf = (value: unknown) => {
  const plan = planInferenceService(readService(value), undefined);
  assert.ok(plan.kind === 'vmodel');
  return plan.request;
};
const readService = (value: unknown) => {
  const resource = read(value);
  assert.ok(resource.kind === 'InferenceService');
  return resource;
};
const problems = (value: unknown): string[] => {
  const result = parseManifest(value);
  assert.ok(!result.ok, 'no problem found');
  return result.problems.map(problemText);
};
const paths = (value: unknown): string[] => {
  const result = parseManifest(value);
  return result.ok ? [] : result.problems.map(({ path }) => path);
};

describe('a Model manifest', () => {
  it('with every field becomes a registration under family@version', () => {
    const sha256 = 'AB'.repeat(32);
    const resource = readModel(
      model(
        {
          family: 'fraud',
          version: '3',
          format: { name: 'onnx', version: '1' },
          storage: { uri: 's3://models/fraud/3', sha256 },
          runtime: null,
          resources: { memory: '300Mi' },
          copies: { min: 0, max: 8, pin: false, idleAfter: '30m' },
          retry: 'never',
          instances: 2,
        },
        { namespace: 'team-a', labels: { team: 'risk' } },
      ),
    );
    const { key, namespace, info, description } = planModel(resource);
    assert.deepEqual([key, namespace, info.type, info.path], ['fraud@3', 'team-a', 'mt:onnx:1', 'fraud/3']);
    assert.equal(
      info.encKey,
      `{"storage_params":{"bucket":"models","type":"s3"},"model_type":{"name":"onnx","version":"1"},"sha256":"${sha256.toLowerCase()}","instances":2}`,
    );
    assert.deepEqual(description.copiesPolicy, { min: 0, max: 8, pin: false, idleAfterMs: 1_800_000 });
    assert.deepEqual([description.declaredMemoryBytes, description.retry], [300 * 2 ** 20, 'never']);
    assert.deepEqual([description.family, description.version, description.labels.get('team')], ['fraud', '3', 'risk']);
  });

  it('without a family has its name as key, and defaults for all that is left out', () => {
    const resource = readModel(model());
    assert.deepEqual([resource.key, resource.metadata.namespace, resource.retry], ['fraud-3', 'default', 'safe']);
    assert.deepEqual(resource.copies, { min: 0, max: undefined, pin: false, idleAfterMs: undefined });
  });

  it('with a runtime is of its type, and needs no format', () => {
    const resource = readModel(model({ format: null, runtime: 'triton' }));
    const plan = planModel(resource);
    assert.deepEqual([plan.info.type, plan.info.encKey], ['rt:triton', '{"storage_params":{"bucket":"models","type":"s3"}}']);
  });

  it('reports every problem at once with its path', () => {
    const value = model(
      {
        family: 'fr aud',
        version: 3,
        format: { name: '' },
        storage: { uri: 'ftp://x/y', sha256: 'abc' },
        resources: { memory: 'lots' },
        copies: { min: 5, max: 2, pin: 'yes', idleAfter: '30' },
        retry: 'sometimes',
        warmup: [{}, 'x'],
        instances: 0,
      },
      { name: 'a/b', labels: { team: 7 } },
    );
    assert.deepEqual(paths(value).toSorted(), [
      'metadata.labels.team',
      'metadata.name',
      'spec.copies.idleAfter',
      'spec.copies.max',
      'spec.copies.pin',
      'spec.family',
      'spec.format.name',
      'spec.instances',
      'spec.resources.memory',
      'spec.retry',
      'spec.storage.sha256',
      'spec.storage.uri',
      'spec.version',
      'spec.warmup',
    ]);
    assert.ok(problems(value).some((text) => /^spec\.version: got 3, .*write it in quotes$/.test(text)));
    assert.ok(problems(value).some((text) => text === 'spec.copies.max: got 2, expected at least min, which is 5'));
  });

  it('refuses an unknown field and names what was probably meant', () => {
    const texts = problems(model({ storge: {}, zebra: 1, copies: { mni: 1 } }));
    assert.deepEqual(texts, [
      'spec.copies.mni: got 1, expected nothing: there is no field "mni" here; did you mean min?',
      'spec.storge: got an object, expected nothing: there is no field "storge" here; did you mean storage?',
      'spec.zebra: got 1, expected nothing: there is no field "zebra" here',
    ]);
    assert.deepEqual(paths({ ...model(), data: 1 }), ['data']);
  });

  it('needs family and version together, and a storage that is one thing', () => {
    assert.deepEqual(paths(model({ family: 'f' })), ['spec.version']);
    assert.deepEqual(paths(model({ version: '1' })), ['spec.family']);
    assert.deepEqual(paths(model({ storage: { uri: '/a', path: 'b' } })), ['spec.storage.path']);
    assert.deepEqual(paths(model({ storage: {} })), ['spec.storage.uri']);
    assert.deepEqual(paths(model({ storage: null })), ['spec.storage']);
    assert.deepEqual(paths(model({ format: null })), ['spec.format']);
  });

  it('takes what a cluster wrote into it and exported', () => {
    const exported = { ...model({}, { uid: 'x', resourceVersion: '9', managedFields: [] }), status: { ready: true } };
    assert.equal(readModel(exported).key, 'fraud-3');
  });

  it('takes KServe’s form of storage, and says of a path whether it is relative', () => {
    const stored = readModel(
      model({ storage: { key: 'minio', path: 'a/b', parameters: { bucket: 'x' }, schemaPath: 's.json' } }),
    );
    const key = '{"storage_key":"minio","storage_params":{"bucket":"x"},"model_type":{"name":"onnx"},"schema_path":"s.json"}';
    assert.deepEqual([planModel(stored).info.encKey, isRelativePath(stored.storage)], [key, false]);
    const relative = ['./iris.onnx', '/iris.onnx', 'file:///iris.onnx'].map(
      (uri) => readModel(model({ storage: { uri } })).storage,
    );
    assert.deepEqual(relative.map(isRelativePath), [true, false, false]);
    assert.deepEqual(
      relative.map(({ path }) => path),
      ['./iris.onnx', '/iris.onnx', 'file:///iris.onnx'],
    );
  });
});

describe('a manifest', () => {
  it('that is no object, or of an unknown kind or version, is refused with what is known', () => {
    assert.deepEqual(problems('x'), ['manifest: got "x", expected an object']);
    assert.deepEqual(problems({}), [
      'kind: missing, expected one of Model, Endpoint, InferenceService',
      'apiVersion: missing, expected modelmesh.io/v1alpha1 or serving.kserve.io/v1beta1',
    ]);
    assert.match(problems({ ...model(), kind: 'Modle' })[0] ?? '', /did you mean Model\?$/);
    assert.deepEqual(problems({ ...model(), kind: 'constructor' }).length, 1);
    assert.deepEqual(problems({ ...model(), apiVersion: 'v1' }), [
      'apiVersion: got "v1", expected modelmesh.io/v1alpha1 for kind Model',
    ]);
  });

  it('reports at most a bounded number of problems, and reads a bounded number of labels', () => {
    const many = Object.fromEntries(Array.from({ length: PROBLEMS_MAX + 20 }, (_, at) => [`unknown${at}`, 1]));
    assert.equal(problems({ ...model(), ...many }).length, PROBLEMS_MAX);
    const labels = Object.fromEntries(Array.from({ length: LABELS_MAX + 1 }, (_, at) => [`l${at}`, 'x']));
    assert.deepEqual(paths(model({}, { labels })), ['metadata.labels']);
  });

  it('law: any value at all is read or refused, never thrown at', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('Model', 'Endpoint', 'InferenceService'),
        fc.anything(),
        fc.anything(),
        (kind, metadata, spec) => {
          const apiVersion = kind === 'InferenceService' ? 'serving.kserve.io/v1beta1' : 'modelmesh.io/v1alpha1';
          const result = parseManifest({ apiVersion, kind, metadata, spec });
          assert.ok(result.ok || result.problems.length > 0);
        },
      ),
    );
  });
});

describe('an Endpoint manifest', () => {
  const variant = { name: 'stable', model: 'fraud@3', weight: 90 };

  it('with one variant becomes a policy', () => {
    const resource = read(endpoint({ variants: [variant], default: 'stable', rules: [], sticky: null, rollout: null }));
    assert.ok(resource.kind === 'Endpoint');
    assert.deepEqual(planEndpoint(resource), {
      namespace: 'default',
      id: 'fraud',
      owner: 'endpoint',
      policy: newEndpointPolicy({
        variants: [newVariant({ ...variant, model: modelKey(variant.model) })],
        defaultVariant: 'stable',
      }),
    });
  });

  it('is refused by the name of a field that is not built yet', () => {
    const texts = problems(endpoint({ variants: [variant], rollout: {} }));
    assert.deepEqual(texts, ['spec.rollout: got an object, expected nothing: this field is not supported by this version']);
  });

  it('needs a variant with a name and a model, a weight that is an amount, and a default that exists', () => {
    assert.deepEqual(paths(endpoint({ variants: [] })), ['spec.variants']);
    assert.deepEqual(paths(endpoint({ variants: 'x' })), ['spec.variants']);
    assert.deepEqual(paths(endpoint({ variants: [{ weight: -1 }] })), [
      'spec.variants[0].name',
      'spec.variants[0].model',
      'spec.variants[0].weight',
    ]);
    assert.deepEqual(paths(endpoint({ variants: [variant], default: 'other' })), ['spec.default']);
  });
});

describe('an InferenceService', () => {
  const recorded = { model: { modelFormat: { name: 'onnx' }, storage: { key: 'default', path: 'models/i1' } } };

  it('becomes the records that a real controller left', () => {
    const plan = vmodelOf(service(recorded));
    assert.deepEqual([plan.vModelId, plan.owner, plan.targetModelId], ['i1', 'isvc', 'i1__isvc-8ad8985c6c']);
    assert.deepEqual(plan.modelInfo, {
      type: 'mt:onnx',
      path: 'models/i1',
      encKey: '{"storage_key":"default","model_type":{"name":"onnx"}}',
    });
    assert.equal(plan.autoDeleteTargetModel, true);
  });

  it('is another model with any change, and the same without', () => {
    const keyOf = (change: Fields) =>
      inferenceServiceModelKey('i1', readService(service({ model: { ...recorded.model, ...change } })));
    const keys = [{}, { runtime: 'triton' }, { protocolVersion: 'v2' }, { modelFormat: { name: 'onnx', version: '1' } }].map(
      keyOf,
    );
    assert.equal(new Set(keys).size, keys.length);
    assert.equal(keyOf({}), keyOf({ protocolVersion: '' }));
  });

  it('takes a storage URI, whose parameters win over given ones', () => {
    const withUri = { modelFormat: { name: 'sklearn', version: '1' }, protocolVersion: 'v2', storageUri: 'gs://bucket/a/b' };
    const { storage } = readService(service({ model: { ...withUri, storage: { parameters: { type: 'x', more: 'y' } } } }));
    assert.deepEqual(
      [storage.path, [...storage.parameters]],
      [
        'a/b',
        [
          ['bucket', 'bucket'],
          ['more', 'y'],
          ['type', 'gcs'],
        ],
      ],
    );
    assert.equal(vmodelOf(service({ model: withUri })).modelInfo?.type, 'mt:sklearn:1|pv:v2');
  });

  it('takes the older spelling, with its annotations', () => {
    const annotations = {
      'serving.kserve.io/deploymentMode': 'ModelMesh',
      'serving.kserve.io/servingRuntime': 'mlserver',
      'serving.kserve.io/secretKey': 'minio',
      'serving.kserve.io/schemaPath': 'schema.json',
    };
    const plan = vmodelOf(service({ sklearn: { storageUri: 's3://b/m.joblib' } }, { annotations }));
    assert.deepEqual(plan.modelInfo, {
      type: 'rt:mlserver',
      path: 'm.joblib',
      encKey:
        '{"storage_key":"minio","storage_params":{"bucket":"b","type":"s3"},"model_type":{"name":"sklearn"},"schema_path":"schema.json"}',
    });
  });

  it('needs exactly one model with exactly one source', () => {
    assert.deepEqual(paths(service({})), ['spec.predictor.model']);
    assert.deepEqual(paths(service({ ...recorded, onnx: { storageUri: 's3://b/a' } })), ['spec.predictor.onnx']);
    assert.deepEqual(paths(service({ model: { modelFormat: { name: 'onnx' } } })), ['spec.predictor.model.storageUri']);
    assert.deepEqual(paths(service({ model: { ...recorded.model, storageUri: 's3://b/a' } })), [
      'spec.predictor.model.storageUri',
    ]);
    assert.deepEqual(paths(service({ model: { storageUri: 'hdfs://b/a' } })), [
      'spec.predictor.model.modelFormat',
      'spec.predictor.model.storageUri',
    ]);
    const annotations = { 'serving.kserve.io/servingRuntime': 'x' };
    assert.deepEqual(paths(service(recorded, { annotations })), ['spec.predictor.model.runtime']);
    assert.deepEqual(paths(service(recorded, { name: 'I_1' })), ['metadata.name']);
  });

  it('warns of fields that shape pods, and refuses what would be missed', () => {
    const shaped = service({ ...recorded, minReplicas: 2, model: { ...recorded.model, resources: { limits: {} } } });
    const result = parseManifest(shaped);
    assert.ok(result.ok);
    assert.deepEqual(
      result.warnings.map(({ path }) => path),
      ['spec.predictor.model.resources', 'spec.predictor.minReplicas'],
    );
    assert.deepEqual(paths(service({ ...recorded, batcher: {}, loger: {} }, {}, { transformer: {} })), [
      'spec.transformer',
      'spec.predictor.batcher',
      'spec.predictor.loger',
    ]);
  });
});

describe('a storage URI', () => {
  const split = (uri: string) => {
    const location = locate(uri);
    return location && [location.path, Object.fromEntries(location.parameters)];
  };
  it('is split as ModelMesh’s controller splits it', () => {
    assert.deepEqual(split('s3://bucket/a/b'), ['a/b', { type: 's3', bucket: 'bucket' }]);
    assert.deepEqual(split('pvc://claim/a'), ['a', { type: 'pvc', name: 'claim' }]);
    assert.deepEqual(split('https://host:8443/a/b?q=1'), ['a/b', { type: 'http', url: 'https://host:8443?q=1' }]);
    const azure = { type: 'azure', account_name: 'acct', container: 'box' };
    assert.deepEqual(split('https://acct.blob.core.windows.net/box/a/b'), ['a/b', azure]);
  });
  it('may name its digest, and is refused with any other fragment, an unknown scheme or a broken escape', () => {
    assert.equal(locate(`https://h/a#sha256=${'AB'.repeat(32)}`)?.sha256, 'ab'.repeat(32));
    const wrong = ['https://h/a#x', 's3://b/a?q', 'oci://x/y', 'mailto:x', '', 'https:///a', 'file://host/a', 's3://b/%zz'];
    assert.deepEqual(
      wrong.map(locate),
      wrong.map(() => undefined),
    );
  });
  it('law: comes back from path and parameters', () => {
    const segment = fc.string({ unit: fc.constantFrom(...'abz09-_ %?#ü'), minLength: 1, maxLength: 8 });
    const scheme = fc.constantFrom(
      's3://bucket',
      'gs://bucket',
      'pvc://claim',
      'http://host:81',
      'https://acct.blob.core.windows.net/box',
    );
    fc.assert(
      fc.property(scheme, fc.array(segment, { minLength: 1, maxLength: 4 }), (prefix, segments) => {
        const location = locate(`${prefix}/${segments.map(encodeURIComponent).join('/')}`);
        assert.ok(location);
        assert.equal(location.path, segments.join('/'));
        const again = locate(uriOf(location.path, location.parameters) ?? '');
        assert.deepEqual(again, location);
      }),
    );
  });
  it('keeps the query of an http source, and is unknown without parameters', () => {
    assert.equal(
      uriOf(
        'a/b',
        new Map([
          ['type', 'http'],
          ['url', 'https://h?sig=1'],
        ]),
      ),
      'https://h/a/b?sig=1',
    );
    assert.equal(uriOf('a/b', new Map()), undefined);
    assert.equal(uriOf('a/b', new Map([['type', 's3']])), undefined);
  });
});

describe('words and amounts', () => {
  it('of memory are Kubernetes quantities', () => {
    const amounts = ['300Mi', '1.5G', '1024', '2k', '0.1', '9Pi'].map(parseQuantity);
    assert.deepEqual(amounts, [314_572_800, 1_500_000_000, 1024, 2000, 1, undefined]);
    assert.deepEqual(['', 'Mi', '1 Gi', '-1', '1e3', '1GB'].map(parseQuantity), Array(6).fill(undefined));
    assert.equal(readModel(model({ resources: { memory: 4096 } })).memoryBytes, 4096);
    assert.deepEqual(paths(model({ resources: { memory: '0' } })), ['spec.resources.memory']);
  });
  it('of time are durations', () => {
    assert.deepEqual(['30m', '1h30m', '500ms', '1.5s'].map(parseDuration), [1_800_000, 5_400_000, 500, 1500]);
    assert.deepEqual(['', '30', 'm', '1d', '-1s', `${'9'.repeat(30)}h`].map(parseDuration), Array(6).fill(undefined));
  });
  it('of types are as ModelMesh writes them', () => {
    assert.equal(typeString({ name: 'onnx', version: '1' }, undefined, 'v2'), 'mt:onnx:1|pv:v2');
    assert.equal(typeString({ name: 'onnx', version: undefined }, 'rt', 'v2'), 'rt:rt');
  });
  it('of JSON are escaped as Go does it', () => {
    assert.equal(
      goJson({ a: '<&>', b: undefined, c: '\u2028\b\f\\b' }),
      '{"a":"\\u003c\\u0026\\u003e","c":"\\u2028\\u0008\\u000c\\\\b"}',
    );
  });
});
