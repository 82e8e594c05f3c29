import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { configProblemText } from '../../config/index.ts';
import type { MethodRules } from '../../link/index.ts';
import {
  checkMethodRules,
  DEFAULT_METHOD_RULES,
  parseMethodRules,
  RULES_BYTES_MAX,
  RULES_MAX,
  readMethodRules,
} from './index.ts';

function rulesOf(json: unknown): MethodRules {
  const parsed = parseMethodRules(JSON.stringify(json));
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.join('\n'));
  return parsed.rules;
}

function problemsOf(json: string): readonly string[] {
  const parsed = parseMethodRules(json);
  return parsed.ok ? [] : parsed.problems;
}

describe('the data-plane configuration', () => {
  it("is ModelMesh's: ids at a path, of models or of endpoints, other methods on request", () => {
    // The configuration of the recordings of a real ModelMesh.
    const { rules, allowOthers } = rulesOf({
      rpcConfigs: {
        'inference.GRPCInferenceService/ModelInfer': { idExtractionPath: [1] },
        'nested.Service/Call': { idExtractionPath: [2, 1] },
        'vm.Service/Call': { idExtractionPath: [1], vModelId: true },
      },
      allowOtherRpcs: true,
    });
    assert.equal(allowOthers, true);
    const rest = { versionPath: null, headersFirst: false };
    assert.deepEqual(
      [...rules],
      [
        ['inference.GRPCInferenceService/ModelInfer', { idPath: [1], names: 'model', ...rest }],
        ['nested.Service/Call', { idPath: [2, 1], names: 'model', ...rest }],
        ['vm.Service/Call', { idPath: [1], names: 'endpoint', ...rest }],
      ],
    );
  });

  it('allows only the listed methods unless it says otherwise, and may list one without a path', () => {
    const { rules, allowOthers } = rulesOf({ rpcConfigs: { 'a.B/C': {} } });
    assert.equal(allowOthers, false);
    assert.deepEqual(rules.get('a.B/C')?.idPath, []);
    assert.deepEqual(rulesOf({}), { rules: new Map(), allowOthers: false });
  });

  it('that is not there finds the names of the Open Inference Protocol and allows every other method', () => {
    assert.equal(readMethodRules({ kind: 'default' }), DEFAULT_METHOD_RULES);
    assert.equal(DEFAULT_METHOD_RULES.allowOthers, true);
    assert.deepEqual(
      [...DEFAULT_METHOD_RULES.rules.keys()],
      [
        'inference.GRPCInferenceService/ModelInfer',
        'inference.GRPCInferenceService/ModelStreamInfer',
        'inference.GRPCInferenceService/ModelMetadata',
      ],
    );
    for (const rule of DEFAULT_METHOD_RULES.rules.values())
      assert.deepEqual(rule, { idPath: [1], names: 'name', versionPath: [2], headersFirst: true });
  });

  it('refuses properties that are not known and values of the wrong kind, all at once', () => {
    const problems = problemsOf(
      JSON.stringify({
        rpcConfigs: {
          'a.B/C': { idExtractionPath: [0], idPath: [1] },
          'a.B/D': { idExtractionPath: '1', vModelId: 'yes' },
          '/a.B/E': {},
          'a.B/F': 1,
        },
        allowOtherRpcs: 'true',
        others: true,
      }),
    );
    assert.deepEqual(problems, [
      'the document: rpcConfigs and allowOtherRpcs alone; "others" is unknown',
      'allowOtherRpcs true or false',
      'a.B/C: idExtractionPath and vModelId alone; "idPath" is unknown',
      'a.B/C: a field number is a whole number from 1 to 536870911, got 0',
      'a.B/D: vModelId true or false',
      'a.B/D: idExtractionPath a list of field numbers such as [1] or [2, 1]',
      'package.Service/Method, not "/a.B/E"',
      'a.B/F: an object with idExtractionPath and vModelId',
    ]);
  });

  it('refuses what is no JSON, with the place', () => {
    assert.match(problemsOf('{"rpcConfigs": }')[0] ?? '', /valid JSON: Unexpected token '}', "{"rpcConfigs": }"/);
    assert.match(problemsOf('[]')[0] ?? '', /a JSON object/);
    assert.match(problemsOf('{"rpcConfigs": []}')[0] ?? '', /an object by method/);
  });

  it('refuses more methods and bytes than its limits', () => {
    const methods = Object.fromEntries(Array.from({ length: RULES_MAX + 1 }, (_, at) => [`a.B/C${at}`, {}]));
    assert.deepEqual(problemsOf(JSON.stringify({ rpcConfigs: methods })), [`at most ${RULES_MAX} methods, not ${RULES_MAX + 1}`]);
    assert.match(problemsOf(`{}${' '.repeat(RULES_BYTES_MAX)}`)[0] ?? '', /JSON of at most/);
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (json) => {
        const parsed = parseMethodRules(json);
        assert.ok(parsed.ok || parsed.problems.length > 0);
      }),
      { numRuns: 200 },
    );
  });

  it('is checked with everything else of a configuration', () => {
    assert.deepEqual(checkMethodRules({ dataPlaneRules: { kind: 'inline', json: '{}' } }), []);
    const unknown = checkMethodRules({ dataPlaneRules: { kind: 'inline', json: '{"rpcConfig":{}}' } });
    assert.deepEqual(unknown.map(configProblemText), [
      'dataPlane.rules: invalid, expected a valid configuration: dataPlane.rules: expected the document: ' +
        'rpcConfigs and allowOtherRpcs alone; "rpcConfig" is unknown (did you mean rpcConfigs?)',
    ]);
    const missing = checkMethodRules({ dataPlaneRules: { kind: 'file', path: '/no/such/file' } })[0];
    assert.equal(missing?.name, 'dataPlane.rulesFile');
    assert.match(missing?.expected ?? '', /\/no\/such\/file cannot be read: ENOENT/);
  });
});
