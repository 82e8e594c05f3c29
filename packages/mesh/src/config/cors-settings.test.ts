import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ConfigResult, configProblemText, parseConfig } from './index.ts';

const parsed = (yaml: string, env: Readonly<Record<string, string>> = {}): ConfigResult =>
  parseConfig({
    yaml: { path: 'mesh.yaml', text: yaml },
    env,
    flags: new Map(),
    machine: { hostName: 'm', tempFolder: '/tmp' },
    checks: [],
  });
const corsOf = (yaml: string, env?: Readonly<Record<string, string>>) => {
  const result = parsed(yaml, env);
  assert.ok(result.ok, result.ok ? '' : result.problems.map(configProblemText).join('\n'));
  return result.config.cors;
};
const problems = (yaml: string): string => {
  const result = parsed(yaml);
  return result.ok ? '' : result.problems.map(configProblemText).join('\n');
};

describe('which web pages may ask', () => {
  it('is none unless configured', () => {
    const none = { origins: [], requestHeaders: [], answerHeaders: [], maxAgeMs: 3_600_000, credentials: false };
    assert.deepEqual(corsOf(''), none);
  });

  it('is a list of origins, with what they may send and read', () => {
    const yaml =
      'cors: {origins: [https://App.example, "http://[::1]:3000"], requestHeaders: [X-Tenant], maxAge: 10m, credentials: true}';
    assert.deepEqual(corsOf(yaml), {
      origins: ['https://app.example', 'http://[::1]:3000'],
      requestHeaders: ['x-tenant'],
      answerHeaders: [],
      maxAgeMs: 600_000,
      credentials: true,
    });
    const env = { MESH_CORS_ORIGINS: 'https://a.example,capacitor://localhost', MESH_CORS_ANSWER_HEADERS: 'x-took' };
    assert.deepEqual(corsOf('', env).origins, ['https://a.example', 'capacitor://localhost']);
    assert.deepEqual(corsOf('', env).answerHeaders, ['x-took']);
  });

  it('is any page, but then none with credentials', () => {
    assert.deepEqual(corsOf('cors: {origins: "*"}').origins, ['*']);
    assert.match(problems('cors: {origins: ["*"], credentials: true}'), /cors\.credentials .*origins by name instead of \*/);
  });

  it('is told when what is written is no origin or no header', () => {
    for (const bad of ['app.example', 'https://app.example/', 'https://a.example/path', 'https://*.example/', 'null', 'https://'])
      assert.match(problems(`cors: {origins: ["${bad}"]}`), /cors\.origins .*an origin such as/, bad);
    assert.match(problems('cors: {requestHeaders: ["a b"]}'), /cors\.requestHeaders .*the name of a header/);
  });
});
