import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytes, durationMs, endpointId, epochMs, instanceId, modelKey, namespace, revision, sizeUnits } from '@modelmesh/core';
import {
  keyOf,
  newEndpointPolicy,
  newEndpointRecord,
  newFiguresRecord,
  newInstanceRecord,
  newModelRecord,
  newPolicyAckRecord,
  newPolicyRecord,
  newWeightsRecord,
  type RegistryRecord,
} from '@modelmesh/core/records';
import { anyPolicy, anySlots } from '@modelmesh/core/records/testing';
import fc from 'fast-check';
import { decodeRecord, encodeRecord } from './index.ts';

const plain = { noNullPrototype: true } as const;
const text = fc.string({ unit: 'grapheme', maxLength: 8 });
const word = fc.string({ minLength: 1, maxLength: 8 });
const natural = fc.nat();
const when = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }).map(epochMs);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const mapFrom = <K, V>(key: fc.Arbitrary<K>, value: fc.Arbitrary<V>) =>
  fc.array(fc.tuple(key, value), { maxLength: 4 }).map((pairs) => new Map(pairs));
/** Not written in order: records are compared as sets of properties. */
const instance = word.filter((id) => !id.includes(',')).map(instanceId);

const models = fc
  .record(
    {
      key: word.map(modelKey),
      namespace: word.map(namespace),
      type: text,
      path: text,
      encKey: text,
      copies: mapFrom(instance, when),
      failures: mapFrom(instance, fc.record({ atMs: when, message: text }, plain)),
      refs: natural,
      autoDelete: fc.boolean(),
      lastUsedMs: when,
      lastUnloadMs: when,
      family: maybe(text),
      version: maybe(text),
      format: maybe(fc.record({ name: text, version: maybe(text) }, plain)),
      labels: mapFrom(text, text),
      declaredMemoryBytes: maybe(natural.map(bytes)),
      copiesPolicy: fc.record(
        { min: natural, max: maybe(natural), pin: fc.boolean(), idleAfterMs: maybe(natural.map(durationMs)) },
        plain,
      ),
      retry: fc.constantFrom('safe' as const, 'never' as const),
      sha256: maybe(text),
      createdAtMs: when,
      warmup: fc.array(fc.record({ request: text }, plain), { maxLength: 3 }),
      generation: natural,
    },
    plain,
  )
  .map((fields) =>
    newModelRecord({ ...fields, failures: new Map([...fields.failures].filter(([id]) => !fields.copies.has(id))) }),
  );

const instances = fc
  .record(
    {
      id: instance,
      startedAtMs: when,
      buildVersion: natural,
      location: text,
      zone: text,
      labels: fc.array(text).map((labels) => new Set(labels)),
      leastRecentUseMs: maybe(when.filter((ms) => ms > 0)),
      modelCount: natural,
      capacityUnits: natural.map(sizeUnits),
      usedUnits: natural.map(sizeUnits),
      loadingThreads: natural,
      loadsInProgress: natural,
      requestsPerMinute: natural,
      shuttingDown: fc.boolean(),
      peerAddress: maybe(text),
      incarnation: maybe(text),
      features: fc.array(text).map((features) => new Set(features)),
    },
    plain,
  )
  .map(newInstanceRecord);

const endpoints = fc
  .record(
    {
      id: word.map(endpointId),
      namespace: word.map(namespace),
      owner: text,
      active: word.map(modelKey),
      target: word.map(modelKey),
      failed: fc.boolean(),
      policyRevision: natural,
    },
    plain,
  )
  .map(newEndpointRecord);

const policies = fc
  .record(
    {
      id: word.map(endpointId),
      namespace: word.map(namespace),
      revision: natural,
      owner: text,
      createdAtMs: when,
      policy: anyPolicy,
      slots: anySlots,
    },
    plain,
  )
  .map(newPolicyRecord);

const arms = fc.array(
  fc
    .record({ variant: text, calls: fc.nat(), rewards: fc.nat() }, plain)
    .map((arm) => ({ ...arm, rewards: Math.min(arm.calls, arm.rewards) })),
  { maxLength: 3 },
);
const figures = fc
  .record(
    {
      instance,
      incarnation: text,
      endpoints: fc.array(
        fc.record({ namespace: word.map(namespace), id: word.map(endpointId), revision: natural, policyAtMs: when, arms }, plain),
        { maxLength: 3 },
      ),
    },
    plain,
  )
  .map(newFiguresRecord);
const weights = fc
  .record(
    {
      id: word.map(endpointId),
      namespace: word.map(namespace),
      revision: natural,
      sequence: natural,
      changedAtMs: when,
      slots: fc.array(fc.record({ variant: word, count: natural }, plain), { maxLength: 4 }),
      carried: arms,
    },
    plain,
  )
  .map(newWeightsRecord);

const policyAcks = fc.record({ instance, revision: natural.map(revision) }, plain).map(newPolicyAckRecord);

const records: fc.Arbitrary<RegistryRecord> = fc.oneof(models, instances, endpoints, policies, figures, weights, policyAcks);

const stored = (record: RegistryRecord): RegistryRecord => decodeRecord(keyOf(record), encodeRecord(record));

/** Adds properties that no version knows to every object of a JSON value except those whose names are ids. */
function withUnknown(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => withUnknown(item));
  if (typeof value !== 'object' || value === null) return value;
  const idsByName = ['instanceIds', 'failedIn', 'labels'].includes(name);
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [
    key,
    idsByName ? inner : withUnknown(inner, key),
  ]);
  if (!idsByName && name !== 'fails') entries.push(['from the future', { a: [1, null, 'x'], b: 0.5 }]);
  return Object.fromEntries(entries);
}

describe('laws of stored records', () => {
  it('every record comes back equal', () => {
    fc.assert(
      fc.property(records, (record) => assert.deepEqual(stored(record), record)),
      { numRuns: 400 },
    );
  });

  it('unknown properties at any depth survive any number of rewrites', () => {
    fc.assert(
      fc.property(records, (record) => {
        const future = JSON.stringify(withUnknown(JSON.parse(encodeRecord(record))));
        const once = encodeRecord(decodeRecord(keyOf(record), future));
        assert.deepEqual(JSON.parse(once), JSON.parse(future));
        assert.equal(encodeRecord(decodeRecord(keyOf(record), once)), once);
      }),
      { numRuns: 300 },
    );
  });

  it('no field of a record is forgotten by the codec: each can differ from its default and does', () => {
    const defaults: RegistryRecord[] = [
      newModelRecord({ key: modelKey('m'), type: 't' }),
      newInstanceRecord({ id: instanceId('m'), startedAtMs: epochMs(0) }),
      newEndpointRecord({ id: endpointId('m'), active: modelKey('m') }),
      newPolicyRecord({ id: endpointId('m'), revision: 1, policy: newEndpointPolicy({ variants: [], defaultVariant: '' }) }),
      newFiguresRecord({ instance: instanceId('m'), incarnation: '', endpoints: [] }),
      newWeightsRecord({ id: endpointId('m'), revision: 0, sequence: 0, changedAtMs: epochMs(0), slots: [] }),
    ];
    for (const base of defaults) {
      const generated = fc.sample(records, { numRuns: 400, seed: 7 }).filter((record) => record.kind === base.kind);
      const never = Object.keys(base).filter((name) => generated.every((record) => same(record, base, name)));
      assert.deepEqual(never, ['kind', 'unknownFields'], base.kind);
    }
  });

  it('any text is either read or refused with a sentence', () => {
    const anyText = fc.oneof(
      fc.json(),
      fc.string(),
      records.map((record) => encodeRecord(record).slice(1)),
    );
    fc.assert(
      fc.property(records, anyText, (record, anything) => {
        try {
          decodeRecord(keyOf(record), anything);
        } catch (error) {
          assert.match(String(error), /^MeshError: registry record .* is malformed: /s);
        }
      }),
    );
  });
});

const same = (a: RegistryRecord, b: RegistryRecord, name: string): boolean => {
  const pick = (record: object): unknown => Object.getOwnPropertyDescriptor(record, name)?.value;
  try {
    assert.deepEqual(pick(a), pick(b));
    return true;
  } catch {
    return false;
  }
};
