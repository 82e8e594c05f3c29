import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Config, type ConfigSources, LiveConfig, parseConfig, problemLines } from './index.ts';
import { LIMIT_SETTINGS } from './settings-limits.ts';

function liveFrom(text: string, checks: ConfigSources['checks'] = []) {
  let yaml = text;
  const sources = (): ConfigSources => ({
    yaml: { path: 'mesh.yaml', text: yaml },
    env: {},
    flags: new Map(),
    machine: { hostName: 'm', tempFolder: '/tmp' },
    checks,
  });
  const parsed = parseConfig(sources());
  assert.ok(parsed.ok);
  const live = new LiveConfig({ config: parsed.config, sources });
  return {
    live,
    reload(changed: string) {
      yaml = changed;
      return live.reload();
    },
  };
}

const TLS = 'tls: {certPath: c, keyPath: k}';

describe('a live configuration', () => {
  it('swaps whole with a new revision and says which parts changed', () => {
    const { live, reload } = liveFrom('log: {level: info}');
    const outcome = reload('log: {level: debug}\nlimits: {connectionsMax: 5}\n');
    assert.equal(outcome.kind, 'changed');
    assert.deepEqual(outcome.kind === 'changed' ? outcome.parts : [], ['limits', 'logLevel']);
    assert.deepEqual([live.revision, live.current.logLevel, live.current.limits.connectionsMax], [2, 'debug', 5]);
  });

  it('stays as it was when nothing changed', () => {
    const { live, reload } = liveFrom('log: {level: info}');
    const before = live.current;
    assert.equal(reload('log:\n  level: info # the same\n').kind, 'unchanged');
    assert.equal(live.current, before);
    assert.equal(live.revision, 1);
  });

  it('keeps the old one whole when any part of the new one is wrong, and says why', () => {
    const { live, reload } = liveFrom('log: {level: info}');
    const outcome = reload('log: {level: debug}\nlimits: {connectionsMax: none}\n');
    assert.equal(outcome.kind, 'kept');
    assert.match(outcome.kind === 'kept' ? problemLines(outcome.problems) : '', /limits\.connectionsMax \(from mesh\.yaml:2\)/);
    assert.equal(live.current.logLevel, 'info');
  });

  const frozen: readonly (readonly [string, string, string])[] = [
    ['', 'probes: {port: 1}', 'probes'],
    ['', 'registry: {kind: memory}', 'registry'],
    ['', 'instanceId: other', 'instanceId'],
    ['', 'limits: {loadQueueMax: 1}', 'limits.loadQueueMax'],
    ['', 'limits: {messageBytesMax: 1Mi}', 'limits.messageBytesMax'],
    ['', 'limits: {restLargeBodiesBytesMax: 1Mi}', 'limits.restLargeBodiesBytesMax'],
    ['', 'limits: {copiesMax: 10}', 'limits.copiesMax'],
    ['', 'runtime: {loadTimeout: 5s}', 'runtime'],
    ['', 'cache: {spaceWait: 5s}', 'cache'],
    [`${TLS}\nlisteners: {inference: {tls: false}}`, 'listeners: {inference: {tls: false}}', 'tls'],
    [TLS, 'tls: {certPath: c, keyPath: k, clientAuth: optional}', 'tls.clientAuth'],
  ];
  for (const [before, after, name] of frozen) {
    it(`keeps the old one when ${name} changed, which needs a restart`, () => {
      const { reload } = liveFrom(before);
      const outcome = reload(after);
      assert.deepEqual(outcome.kind === 'kept' ? outcome.problems.map((problem) => problem.name) : outcome, [name]);
      assert.match(outcome.kind === 'kept' ? problemLines(outcome.problems) : '', /restart/);
    });
  }

  it('takes over exactly those limits that the reference calls live', () => {
    for (const { path, default: before, live } of Object.values(LIMIT_SETTINGS)) {
      const field = path.replace('limits.', '');
      const others = field === 'connectionAgeGrace' ? 'connectionAgeMax: 9s, ' : '';
      const reloaded = (after: string | number) =>
        liveFrom(`limits: {${others}}`).reload(`limits: {${others}${field}: ${after}}`);
      // A duration where the limit is one or none yet; else one more, or one less where that is too much.
      const isCount = typeof before === 'number' && !/Timeout|Age/.test(field);
      const more = reloaded(isCount ? before + 1 : '7s');
      const isTooMuch = more.kind === 'kept' && more.problems.some(({ from }) => from !== 'reload');
      const outcome = isCount && isTooMuch ? reloaded(before - 1) : more;
      assert.equal(outcome.kind, live ? 'changed' : 'kept', `${path}: ${JSON.stringify(outcome)}`);
      if (outcome.kind === 'kept') assert.match(problemLines(outcome.problems), /^limits\..*restart/, path);
    }
  });

  it('lets the files of a certificate be named anew', () => {
    const { reload } = liveFrom(TLS);
    const outcome = reload('tls: {certPath: c2, keyPath: k2}');
    assert.deepEqual(outcome.kind === 'changed' ? outcome.parts : outcome, ['tls']);
  });

  it('asks the other rooms before it swaps', () => {
    const check = ({ tls }: Config) =>
      tls?.certPath === 'gone' ? [{ name: 'tls.certPath', value: 'gone', from: 'tls.certPath', expected: 'a file' }] : [];
    const { live, reload } = liveFrom(TLS, [check]);
    assert.equal(reload('tls: {certPath: gone, keyPath: k}').kind, 'kept');
    assert.equal(live.current.tls?.certPath, 'c');
  });
});
