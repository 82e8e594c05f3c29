import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_NAMESPACE, endpointId, epochMs, ID_BYTES_MAX, type ModelKey, modelKey } from '../units.ts';
import {
  hiddenKeyWarning,
  idProblem,
  isFamily,
  isVersion,
  type NameIndex,
  newestFirst,
  resolveEndpointId,
  resolveModelId,
  resolveName,
  sha1Hex,
  utf8Length,
  versionedKey,
} from './index.ts';

const index = (fields: {
  models?: string[];
  endpoints?: Record<string, [string, string]>;
  families?: Record<string, string>;
}): NameIndex => ({
  hasModel: (_namespace, key) => (fields.models ?? []).includes(key),
  endpointModels: (_namespace, id) => {
    const models = fields.endpoints?.[id];
    return models === undefined ? undefined : { active: modelKey(models[0]), target: modelKey(models[1]) };
  },
  newestOf: (_namespace, family): ModelKey | undefined => {
    const newest = fields.families?.[family];
    return newest === undefined ? undefined : modelKey(newest);
  },
});
const ns = DEFAULT_NAMESPACE;
const everything = index({
  models: ['fraud', 'fraud@3', 'fraud@4', 'plain'],
  endpoints: { fraud: ['fraud@3', 'fraud@4'], gone: ['missing', 'fraud@4'], lost: ['missing', 'missing'] },
  families: { fraud: 'fraud@4', cats: 'cats@2' },
});

describe('a name', () => {
  it('means the endpoint before the key', () => {
    assert.deepEqual(resolveName(everything, { namespace: ns, name: 'fraud' }), {
      kind: 'endpoint',
      id: 'fraud',
      model: 'fraud@3',
    });
  });
  it('means the key before the family', () => {
    const without = index({ models: ['fraud', 'fraud@4'], families: { fraud: 'fraud@4' } });
    assert.deepEqual(resolveName(without, { namespace: ns, name: 'fraud' }), { kind: 'model', key: 'fraud', by: 'key' });
  });
  it('means the newest servable version of a family at last', () => {
    assert.deepEqual(resolveName(everything, { namespace: ns, name: 'cats', version: '' }), {
      kind: 'model',
      key: 'cats@2',
      by: 'family',
    });
  });
  it('with a version means that key and never the policy', () => {
    const asked = resolveName(everything, { namespace: ns, name: 'fraud', version: '4' });
    assert.deepEqual(asked, { kind: 'model', key: 'fraud@4', by: 'version' });
  });
  const errorOf = (name: string, version?: string) => {
    const answer = resolveName(everything, { namespace: ns, name, version });
    assert.ok(answer.kind === 'unresolved');
    return [answer.error.kind, answer.error.message];
  };
  it('that means nothing is named in the error, the version too', () => {
    assert.deepEqual(errorOf('nope'), ['model-not-found', 'model "nope" not found: no endpoint, model or family has this name']);
    assert.deepEqual(errorOf('fraud', '9'), [
      'model-not-found',
      'version "9" of model "fraud" not found: no model has the key "fraud@9"',
    ]);
  });
  it('that is no name, or a version that is none, is an invalid argument', () => {
    assert.equal(errorOf('')[0], 'invalid-argument');
    assert.equal(errorOf('x'.repeat(ID_BYTES_MAX + 1))[0], 'invalid-argument');
    assert.equal(errorOf('fraud', '../4')[0], 'invalid-argument');
  });
});

describe('mm-model-id and mm-vmodel-id', () => {
  it('reach keys alone and endpoints alone, with the recorded texts', () => {
    assert.deepEqual(resolveModelId(everything, ns, 'plain'), { kind: 'model', key: 'plain', by: 'key' });
    const unknownModel = resolveModelId(everything, ns, 'gone');
    assert.equal(unknownModel.kind === 'unresolved' && unknownModel.error.message, 'model not found');
    assert.deepEqual(resolveEndpointId(everything, ns, 'fraud'), { kind: 'endpoint', id: 'fraud', model: 'fraud@3' });
    const unknownEndpoint = resolveEndpointId(everything, ns, 'plain');
    assert.equal(unknownEndpoint.kind === 'unresolved' && unknownEndpoint.error.message, 'vmodel not found');
    const empty = resolveModelId(everything, ns, '');
    assert.equal(empty.kind === 'unresolved' && empty.error.message, 'provided model-id header must be non-empty');
  });
  it('fall from an active model that is not registered to the target, and end in an error where both are missing', () => {
    assert.deepEqual(resolveEndpointId(everything, ns, 'gone'), { kind: 'endpoint', id: 'gone', model: 'fraud@4' });
    const lost = resolveEndpointId(everything, ns, 'lost');
    assert.equal(lost.kind === 'unresolved' && lost.error.kind, 'internal');
  });
  it('an endpoint that hides a key is warned about, another is not', () => {
    assert.match(hiddenKeyWarning(everything, ns, endpointId('fraud')) ?? '', /endpoint "fraud" hides the model of the same key/);
    assert.equal(hiddenKeyWarning(everything, ns, endpointId('gone')), undefined);
    assert.equal(hiddenKeyWarning(everything, ns, endpointId('plain')), undefined);
  });
});

describe('versions', () => {
  const ranked = (version: string, createdAtMs = 0) => ({
    key: versionedKey('f', version),
    version,
    createdAtMs: epochMs(createdAtMs),
  });
  const order = (...versions: ReturnType<typeof ranked>[]) => newestFirst(versions).map(({ version }) => version);

  it('are ordered as numbers of any length when all are digits', () => {
    assert.deepEqual(order(ranked('9', 9), ranked('10', 1), ranked('0100', 0), ranked('99999999999999999999')), [
      '99999999999999999999',
      '0100',
      '10',
      '9',
    ]);
  });
  it('are ordered by creation as soon as one is no number', () => {
    assert.deepEqual(order(ranked('9', 1), ranked('10', 2), ranked('beta', 3), ranked('1', 4)), ['1', 'beta', '10', '9']);
  });
  it('law: the order does not depend on the order in which they are seen', () => {
    const version = fc.record({ version: fc.constantFrom('1', '01', '2', 'b', 'rc.1'), at: fc.nat(3) });
    fc.assert(
      fc.property(fc.uniqueArray(version, { selector: ({ version: text }) => text }), (list) => {
        const all = list.map(({ version: text, at }) => ranked(text, at));
        assert.deepEqual(newestFirst(all.toReversed()), newestFirst(all));
      }),
    );
  });
  it('and families are what their patterns say', () => {
    assert.ok(['1', 'v1.2-rc_3', 'x'.repeat(63)].every(isVersion));
    assert.ok(!['', 'a/b', 'ä', 'x'.repeat(64), '1 '].some(isVersion));
    assert.ok(isFamily('fraud') && !isFamily('a@b') && !isFamily('-a'));
    assert.equal(versionedKey('fraud', '3'), 'fraud@3');
  });
});

describe('an id', () => {
  it('is any Unicode text that is not empty and not too long in UTF-8', () => {
    assert.equal(idProblem('日本語/🦊 x'), undefined);
    assert.equal(idProblem('é'.repeat(ID_BYTES_MAX / 2)), undefined);
    assert.match(idProblem('é'.repeat(ID_BYTES_MAX / 2 + 1)) ?? '', /1024 bytes/);
    assert.match(idProblem('\ud800') ?? '', /valid Unicode/);
    assert.match(idProblem('') ?? '', /empty/);
  });
  it('law: its length in UTF-8 is what an encoder says, and its SHA-1 what a library says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        assert.equal(utf8Length(text), new TextEncoder().encode(text).length);
        assert.equal(sha1Hex(text), createHash('sha1').update(text, 'utf8').digest('hex'));
      }),
    );
  });
});
