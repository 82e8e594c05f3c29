import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, endpointId, epochMs, instanceId, MeshError, modelKey, namespace } from '@modelmesh/core';
import {
  endpointRecordKey,
  instanceRecordKey,
  modelRecordKey,
  newEndpointPolicy,
  newInstanceRecord,
  newModelRecord,
  newPolicyRecord,
  newVariant,
  POLICY_BYTES_MAX,
  policyRecordKey,
  policyRevisionKey,
  type RecordKey,
  withCopyClaimed,
  withFailure,
  withRefs,
} from '@modelmesh/core/records';
import { decodeRecord, encodeRecord, parseRecordKey, registryLayout } from './index.ts';

/** What a ModelMesh node and the ModelMesh Serving controller left in etcd. */
const RECORDED: readonly [key: string, value: string][] = [
  [
    'mms/mm_ns/mms/mm/modelmesh-serving/instances/inst1',
    '{"startTime":1795462421940,"vers":1704067200000,"loc":"127.0.0.1","labels":["mt:onnx","mt:onnx:1","rt:null-rt"],"actionable":true,"lruTime":1795458826654,"count":2,"cap":1038091,"used":256,"lThreads":8,"lInProg":1}',
  ],
  [
    'mms/mm_ns/mms/mm/modelmesh-serving/registry/i1__isvc-8ad8985c6c',
    '{"type":"mt:onnx","encKey":"{\\"storage_key\\":\\"default\\",\\"model_type\\":{\\"name\\":\\"onnx\\"}}","mPath":"models/i1","autoDel":true,"instanceIds":{"inst1":1795462426725},"refs":1,"lu":1795458826654}',
  ],
  [
    'mms/mm_ns/mms/mm/modelmesh-serving/registry/p1__ksp-4b0341e45e',
    '{"type":"mt:onnx","encKey":"{\\"storage_key\\":\\"default\\",\\"model_type\\":{\\"name\\":\\"onnx\\"}}","mPath":"models/p1","autoDel":true,"instanceIds":{"inst1":1795462429613},"refs":1,"lu":1795458829572}',
  ],
  ['mms/mm_ns/mms/mm/modelmesh-serving/vmodels/i1', '{"o":"isvc","amid":"i1__isvc-8ad8985c6c","tmid":"i1__isvc-8ad8985c6c"}'],
  ['mms/mm_ns/mms/mm/modelmesh-serving/vmodels/p1', '{"o":"ksp","amid":"p1__ksp-4b0341e45e","tmid":"p1__ksp-4b0341e45e"}'],
];

const recordedLayout = registryLayout({ root: 'mms/mm_ns/mms', prefix: 'mm', service: 'modelmesh-serving' });
const keyOfRecorded = (text: string): RecordKey => {
  const key = parseRecordKey(recordedLayout, text);
  assert.ok(key !== undefined, text);
  return key;
};
const MODEL = modelRecordKey(modelKey('m'));
const INSTANCE = instanceRecordKey(instanceId('i'));
const decodeModel = (text: string) => {
  const record = decodeRecord(MODEL, text);
  assert.ok(record.kind === 'model');
  return record;
};
const rewritten = (key: RecordKey, text: string): string => encodeRecord(decodeRecord(key, text));

const malformed = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MeshError);
  assert.equal(error.kind, 'internal');
  assert.match(error.message, message);
  return true;
};

describe('records as a real ModelMesh left them', () => {
  it('are written back to the byte', () => {
    for (const [key, value] of RECORDED) assert.equal(rewritten(keyOfRecorded(key), value), value);
    const idle = '{"type":"onnx","encKey":"{}","mPath":"p","lu":1795439425515}';
    assert.equal(rewritten(MODEL, idle), idle);
  });

  it('mean what the specification says', () => {
    const [[instanceAt, instanceText], [modelAt, modelText]] = RECORDED as [(typeof RECORDED)[0], (typeof RECORDED)[0]];
    const instance = decodeRecord(keyOfRecorded(instanceAt), instanceText);
    assert.ok(instance.kind === 'instance');
    const { id, capacityUnits, usedUnits, loadingThreads, leastRecentUseMs, incarnation } = instance;
    assert.deepEqual(
      { id, capacityUnits, usedUnits, loadingThreads, leastRecentUseMs, incarnation },
      {
        id: 'inst1',
        capacityUnits: 1038091,
        usedUnits: 256,
        loadingThreads: 8,
        leastRecentUseMs: 1795458826654,
        incarnation: undefined,
      },
    );
    const model = decodeRecord(keyOfRecorded(modelAt), modelText);
    assert.ok(model.kind === 'model');
    assert.equal(model.key, 'i1__isvc-8ad8985c6c');
    assert.deepEqual([...model.copies], [['inst1', 1795462426725]]);
    assert.deepEqual([model.refs, model.autoDelete, model.path, model.lastUsedMs], [1, true, 'models/i1', 1795458826654]);
  });
});

describe('a model’s record', () => {
  it('without a type has the historic one, which is not written', () => {
    assert.equal(decodeModel('{}').type, 'NLCLASSIFIER');
    assert.equal(rewritten(MODEL, '{}'), '{}');
  });

  it('keeps failures in two maps and reads a failure without a message', () => {
    const text = '{"type":"t","failedIn":{"a":5,"b":6},"fails":{"a":{"msg":"no"}}}';
    const record = decodeModel(text);
    assert.deepEqual(
      [...record.failures],
      [
        ['a', { atMs: 5, message: 'no' }],
        ['b', { atMs: 6, message: '' }],
      ],
    );
    assert.equal(encodeRecord(record), '{"type":"t","failedIn":{"a":5,"b":6},"fails":{"a":{"msg":"no"}}}');
  });

  it('prefers the copy where an instance is in both maps, and forgets a message without a failure', () => {
    const record = decodeModel('{"instanceIds":{"a":1},"failedIn":{"a":2},"fails":{"a":{"msg":"x"},"gone":{"msg":"y"}}}');
    assert.deepEqual([[...record.copies], [...record.failures]], [[['a', 1]], []]);
    const failedLater = withFailure(record, instanceId('gone'), { atMs: epochMs(9), message: '' });
    assert.equal(encodeRecord(failedLater), '{"instanceIds":{"a":1},"failedIn":{"gone":9}}');
  });

  it('writes our fields into one property and leaves out what is default', () => {
    const record = newModelRecord({
      key: modelKey('fraud@3'),
      type: 'onnx',
      family: 'fraud',
      version: '3',
      format: { name: 'onnx', version: undefined },
      labels: new Map([['team', 'risk']]),
      copiesPolicy: { min: 0, max: 8, pin: false, idleAfterMs: durationMs(1_800_000) },
      retry: 'never',
      warmup: [{ request: 'warmup/1.json' }],
    });
    assert.equal(
      encodeRecord(record),
      '{"type":"onnx","mesh":{"family":"fraud","version":"3","format":{"name":"onnx"},"labels":{"team":"risk"},"copies":{"max":8,"idleAfterMs":1800000},"retry":"never","warmup":[{"request":"warmup/1.json"}]}}',
    );
  });

  it('keeps unknown properties at every depth through a rewrite', () => {
    const text =
      '{"type":"t","failedIn":{"a":5},"fails":{"a":{"msg":"no","code":13}},"refs":1,"mesh":{"format":{"name":"onnx","opset":20},"warmup":[{"request":"w","times":2}],"shiny":[1,{"deep":null}]},"newer":{"x":1.50,"big":12345678901234567890}}';
    assert.equal(rewritten(MODEL, text), text);
    const changed = encodeRecord(withRefs(withCopyClaimed(decodeModel(text), instanceId('b'), epochMs(7)), 1));
    assert.equal(changed, text.replace('"failedIn"', '"instanceIds":{"b":7},"failedIn"').replace('"refs":1', '"refs":2'));
  });

  it('survives names that JavaScript objects treat specially', () => {
    const text =
      '{"type":"t","instanceIds":{"constructor":2,"__proto__":1},"mesh":{"labels":{"__proto__":"x"}},"__proto__":{"a":1}}';
    const record = decodeModel(text);
    assert.deepEqual([...record.copies.keys()], ['constructor', '__proto__']);
    assert.equal(encodeRecord(record), text);
  });

  it('keeps the largest long of a last use', () => {
    assert.equal(rewritten(MODEL, '{"type":"t","lu":9223372036854775807}'), '{"type":"t","lu":9223372036854775807}');
  });

  it('that cannot be understood is refused with its name and property, and never with a value', () => {
    assert.throws(() => decodeModel('{'), malformed(/^registry record model m is malformed: it is not JSON$/));
    assert.throws(() => decodeModel('[]'), malformed(/not a JSON object/));
    assert.throws(
      () => decodeModel('{"encKey":{"secret":1}}'),
      malformed(/^registry record model m\.encKey is malformed: it must be a string$/),
    );
    assert.throws(() => decodeModel('{"refs":-1}'), malformed(/refs is malformed/));
    assert.throws(() => decodeModel('{"refs":12345678901234567890}'), malformed(/refs is malformed/));
    assert.throws(() => decodeModel('{"lu":1.5}'), malformed(/lu is malformed/));
    assert.throws(() => decodeModel('{"autoDel":"true"}'), malformed(/true or false/));
    assert.throws(() => decodeModel('{"instanceIds":[]}'), malformed(/an object/));
    assert.throws(() => decodeModel('{"instanceIds":{"a,b":1}}'), malformed(/an instance id/));
    assert.throws(
      () => decodeModel('{"mesh":{"retry":"sometimes"}}'),
      malformed(/mesh\.retry is malformed: it must be safe or never/),
    );
    assert.throws(() => decodeModel('{"mesh":{"warmup":[1]}}'), malformed(/mesh\.warmup\.0 is malformed/));
    assert.throws(
      () => decodeRecord(INSTANCE, '{"labels":"a"}'),
      malformed(/instance i\.labels is malformed: it must be a list of strings/),
    );
  });

  it('reads a null as absent', () => {
    assert.equal(rewritten(MODEL, '{"type":"t","encKey":null,"instanceIds":null,"mesh":null}'), '{"type":"t"}');
  });
});

describe('an instance’s record', () => {
  it('with an empty cache has the largest long as its least recent use, exactly', () => {
    const text = '{"startTime":1,"actionable":true,"lruTime":9223372036854775807,"lThreads":1}';
    const record = decodeRecord(INSTANCE, text);
    assert.ok(record.kind === 'instance' && record.leastRecentUseMs === undefined);
    assert.equal(encodeRecord(record), text);
  });

  it('reads an unknown or missing least recent use as none', () => {
    for (const text of ['{"lruTime":0}', '{}']) {
      const record = decodeRecord(INSTANCE, text);
      assert.ok(record.kind === 'instance' && record.leastRecentUseMs === undefined);
    }
  });

  it('sorts its labels and keeps ours in one property', () => {
    const record = newInstanceRecord({
      id: instanceId('i'),
      startedAtMs: epochMs(1),
      labels: new Set(['b', 'a']),
      incarnation: 'e1',
      features: new Set(['stream']),
      shuttingDown: true,
    });
    assert.equal(
      encodeRecord(record),
      '{"startTime":1,"labels":["a","b"],"actionable":true,"lruTime":9223372036854775807,"lThreads":1,"shutdown":true,"mesh":{"incarnation":"e1","features":["stream"]}}',
    );
  });
});

describe('an endpoint’s records', () => {
  const at = endpointRecordKey(endpointId('v'), namespace('n'));

  it('say in ModelMesh’s form what is active and what is wanted, and ours which policy is in force', () => {
    const text = '{"amid":"a","tmid":"b","failed":true,"mesh":{"revision":4},"x":1}';
    const record = decodeRecord(at, text);
    assert.ok(record.kind === 'endpoint');
    assert.deepEqual([record.id, record.namespace, record.active, record.target, record.policyRevision], ['v', 'n', 'a', 'b', 4]);
    assert.equal(encodeRecord(record), text);
  });

  it('without any model are refused', () => {
    assert.throws(() => decodeRecord(at, '{"o":"me"}'), malformed(/endpoint v\.amid/));
  });

  it('keep a policy with its variants', () => {
    const text =
      '{"revision":2,"owner":"isvc","createdAtMs":5,"variants":[{"name":"stable","model":"a","weight":1,"why":"x"}],"default":"stable"}';
    const record = decodeRecord(policyRecordKey(endpointId('v')), text);
    assert.ok(record.kind === 'policy');
    const variants = [newVariant({ name: 'stable', model: modelKey('a'), weight: 1 })];
    assert.deepEqual(record.policy, newEndpointPolicy({ variants, defaultVariant: 'stable' }));
    assert.equal(encodeRecord(record), text);
    const old = decodeRecord(policyRevisionKey(endpointId('v'), 1), text);
    assert.ok(old.kind === 'policy' && old.revision === 1);
  });

  it('keep a whole policy, with its slots as runs', () => {
    const text =
      '{"revision":7,"variants":[{"name":"a","model":"m@1","weight":90},{"name":"b","model":"m@2","weight":10,"label":"canary","labels":["new"],"concurrency":4}],' +
      '"default":"a","rules":[{"name":"r","when":"tenant == \\"t\\"","to":"b"},{"name":"s","when":"true","split":[{"variant":"a","weight":1},{"variant":"b","weight":2}]}],' +
      '"payload":[{"name":"country","type":"string","json":"parameters.country","proto":[5,2]}],"sticky":{"token":{"header":"mm-sticky","lifetimeMs":1000},"salt":"x"},' +
      '"strategy":{"name":"own","config":{"rate":1.0e2,"deep":[{"n":18446744073709551616}]}},"mirrors":[{"to":"b","percent":5,"compare":{"tolerance":0.001,"comparer":"tensors"}}],' +
      '"fallback":{"on":["error"],"to":"a"},"versions":{"keep":"latest","count":3},"callerChooses":true,' +
      '"slots":[{"split":"","variants":["a","b"],"runs":[0,9000,1,500,0,0,1,500]},{"split":"s","variants":[],"runs":[]}]}';
    const record = decodeRecord(policyRecordKey(endpointId('v')), text);
    assert.ok(record.kind === 'policy');
    assert.deepEqual(record.slots.get(''), [
      { variant: 'a', count: 9000 },
      { variant: 'b', count: 500 },
      { variant: 'a', count: 0 },
      { variant: 'b', count: 500 },
    ]);
    assert.deepEqual(record.policy.strategy.config, { rate: 100, deep: [{ n: 2 ** 64 }] });
    assert.equal(encodeRecord(record), text.replace('1.0e2', '100').replace('18446744073709551616', '18446744073709552000'));
  });

  it('refuse a policy of words and slots that are none', () => {
    const of = (fields: string): string => `{"revision":1,"variants":[],"default":"",${fields}}`;
    const wrong: readonly [string, RegExp][] = [
      ['"payload":[{"name":"a","type":"bytes"}]', /payload\.0\.type/],
      ['"fallback":{"on":["fire"],"to":"a"}', /fallback\.on/],
      ['"versions":{"keep":"some"}', /versions\.keep/],
      ['"strategy":{"name":"x","config":[]}', /strategy\.config/],
      ['"slots":[{"split":"","variants":["a"],"runs":[0]}]', /slots\.0\.runs/],
      ['"slots":[{"split":"","variants":["a"],"runs":[1,1]}]', /slots\.0\.runs/],
      ['"slots":[{"split":"","variants":["a"],"runs":[0,-1]}]', /slots\.0\.runs/],
    ];
    for (const [fields, where] of wrong) {
      assert.throws(() => decodeRecord(policyRecordKey(endpointId('v')), of(fields)), malformed(where));
    }
  });

  it('have room for the slots of any split, each in a run of its own', () => {
    const names = Array.from({ length: 64 }, (_, at) => `variant-${at}`);
    const runs = Array.from({ length: 10_000 }, (_, at) => ({ variant: names[at % names.length] ?? '', count: 1 }));
    const policy = newEndpointPolicy({ variants: [], defaultVariant: '' });
    const record = newPolicyRecord({ id: endpointId('v'), revision: 1, policy, slots: new Map([['', runs]]) });
    assert.ok(encodeRecord(record).length < POLICY_BYTES_MAX / 4, `${encodeRecord(record).length} bytes`);
  });

  it('refuse a policy that is longer than its limit', () => {
    const variant = newVariant({ name: 'x'.repeat(POLICY_BYTES_MAX), model: modelKey('a') });
    const policy = newEndpointPolicy({ variants: [variant], defaultVariant: '' });
    assert.throws(() => encodeRecord(newPolicyRecord({ id: endpointId('v'), revision: 1, policy })), /at most 262144/);
  });
});
