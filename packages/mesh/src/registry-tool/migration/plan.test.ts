import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { registryLayout } from '@modelmesh/wire/registry';
import { kvStores } from '../../kv/index.ts';
import { commit, put } from '../../kv/testing/index.ts';
import { type PlanSituation, planMigration, readVariables, settingDifferences } from './plan.ts';
import { type Survey, surveyRegistry } from './survey.ts';

const LAYOUT = registryLayout({ root: '', prefix: 'mm', service: 's' });
const BASE = '/mm/s/';
const JAVA = '{"startTime":1795462421940,"loc":"127.0.0.1","count":2,"cap":10,"lThreads":8}';
const OURS = '{"startTime":1795462421940,"cap":10,"lThreads":8,"mesh":{"incarnation":"x"}}';
const HERE: PlanSituation = { backup: { path: 'b.jsonl', isThere: false }, target: null, variables: null };

async function survey(records: Readonly<Record<string, string>>): Promise<Survey> {
  const kv = await kvStores.memory({ location: '', clock: new FakeClock() });
  const { id } = await kv.grantLease(durationMs(20_000));
  const leased = (path: string): boolean => path.startsWith('instances/');
  await commit(
    kv,
    Object.entries(records).map(([path, value]) => put(`${BASE}${path}`, value, leased(path) ? id : undefined)),
  );
  const found = await surveyRegistry(kv, LAYOUT, () => undefined);
  await kv.close();
  return found;
}

const states = (found: Survey, situation: PlanSituation = HERE): string =>
  planMigration(found, situation)
    .steps.map(({ name, state }) => `${name} ${state}`)
    .join(', ');

describe('a registry of a Java mesh, looked at', () => {
  it('tells who lives, what is in transition, cannot be read or leads nowhere, and claims of the dead', async () => {
    const found = await survey({
      'instances/inst1': JAVA,
      'instances/new1': OURS,
      'instances/odd': 'not JSON',
      'registry/a': '{"type":"t","instanceIds":{"inst1":1,"dead":2},"failedIn":{"gone":3}}',
      'registry/bad': '{"type":7,"encKey":"geheim"}',
      'vmodels/v': '{"amid":"a","tmid":"bad"}',
      'vmodels/w': '{"amid":"nowhere","tmid":"nowhere"}',
      'config/logger_level': 'DEBUG',
    });
    assert.deepEqual(
      found.instances.map(({ id, kind }) => [id, kind]),
      [
        ['inst1', 'java'],
        ['new1', 'ours'],
        ['odd', 'java'],
      ],
    );
    assert.deepEqual([found.counts.models, found.counts.endpoints, found.counts.parameters, found.staleClaims], [2, 2, 1, 2]);
    assert.deepEqual(found.transitions, [{ endpoint: 'v', active: 'a', target: 'bad', failed: false }]);
    assert.deepEqual(found.dangling, [{ endpoint: 'w', model: 'nowhere' }]);
    assert.deepEqual(
      found.unreadable.map(({ path }) => path),
      ['registry/bad'],
    );
    assert.ok(!JSON.stringify(found).includes('geheim'));
    assert.equal(planMigration(found, HERE).problems.length, 3);
  });
});

describe('the steps of a move', () => {
  it('go on with what has happened already', async () => {
    const model = { 'registry/a': '{"type":"t","instanceIds":{"inst1":1}}' };
    const there = { ...HERE, backup: { path: 'b.jsonl', isThere: true } };
    const live = await survey({ ...model, 'instances/inst1': JAVA });
    assert.match(states(live), /^backup next, beside later, switch later, stop-java later, release later/);
    assert.match(states(live, there), /^backup done, beside next, switch later/);
    const beside = await survey({ ...model, 'instances/inst1': JAVA, 'instances/n': OURS });
    assert.match(states(beside, there), /^backup done, beside done, switch next, stop-java later/);
    const stopped = await survey({ ...model, 'instances/n': OURS });
    assert.match(states(stopped, there), /stop-java done, release next, check later, write later, roll-back optional$/);
    const released = await survey({ 'registry/a': '{"type":"t"}' });
    assert.match(states(released, there), /release done, check next, write later/);
    assert.match(
      states(live, { ...there, target: 'sqlite:r.db' }),
      /^backup done, stop-java next, copy later, release later, check later, write later/,
    );
  });

  it('name the instances that are to be stopped, a few of many', async () => {
    const many = Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`instances/i${at}`, JAVA]));
    const step = planMigration(await survey(many), HERE).steps.find(({ name }) => name === 'stop-java');
    assert.match(step?.text ?? '', /stop the Java instances \(i0, i1, i2, i3, i4, …\);/);
  });
});

describe('variables of a Java mesh', () => {
  it('are told where a node here refuses them or they have no effect', () => {
    const variables = readVariables('# a comment\nMM_SERVICE_NAME=s\nZOOKEEPER=zk:2181\nHEAP_SIZE_MB=512\n\nPATH=/bin\nnoise\n');
    assert.deepEqual(Object.keys(variables), ['MM_SERVICE_NAME', 'ZOOKEEPER', 'HEAP_SIZE_MB', 'PATH']);
    const found = settingDifferences(variables);
    assert.deepEqual(
      found.filter(({ kind }) => kind !== 'default').map(({ kind, text }) => [kind, /ZOOKEEPER|HEAP_SIZE_MB/.exec(text)?.[0]]),
      [
        ['refused', 'ZOOKEEPER'],
        ['no-effect', 'HEAP_SIZE_MB'],
      ],
    );
    const defaults = found.filter(({ kind }) => kind === 'default');
    assert.ok(defaults.length > 0);
    assert.match(defaults[0]?.text ?? '', / unless set, .* in ModelMesh and under MM_COMPAT=modelmesh$/);
    assert.deepEqual(settingDifferences({ MM_SERVICE_NAME: 's', MM_COMPAT: 'modelmesh' }), [], 'which brings theirs back');
  });
});
