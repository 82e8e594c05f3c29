import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT } from '../index.ts';
import { FakeWorld } from '../testing/index.ts';

const PLAN = {
  survey: {
    instances: [{ id: 'inst1', kind: 'java', location: 'here', models: 2 }],
    counts: { models: 2, endpoints: 1, parameters: 0 },
    transitions: [{ endpoint: 'v', active: 'a', target: 'b', failed: false }],
    unreadable: [{ path: 'registry/x', why: 'not JSON' }],
    dangling: [],
    staleClaims: 3,
  },
  settings: [{ kind: 'refused', text: 'ZOOKEEPER is not supported' }],
  problems: ['1 records cannot be read'],
  steps: [{ name: 'backup', who: 'tool', state: 'next', text: 'write a backup' }],
};

test('a plan is told with what is there, what to look at, and the steps', async () => {
  using world = new FakeWorld({ runs: { lines: [JSON.stringify({ event: 'plan', plan: PLAN })], code: 0 } });
  assert.equal(await world.run('migrate', 'plan', '--from', 'etcd:./c', '--service', 's', '--variables', 'vars'), EXIT.done);
  const args = [
    'migrate-plan',
    '--from',
    'etcd:./c',
    '--service',
    's',
    '--backup',
    'modelmesh-backup.jsonl',
    '--variables',
    'vars',
  ];
  assert.deepEqual(world.commands[0]?.args.slice(2), args);
  for (const text of [
    'Java instance inst1 at here',
    'v: a → b',
    'registry/x: not JSON',
    'refused: ZOOKEEPER',
    'next   mmesh migrate run  write a backup',
  ])
    assert.ok(world.out.includes(text), `${text} in\n${world.out}`);
  await world.run('migrate', 'plan', '--from', 'etcd:./c', '-o', 'json');
  assert.deepEqual(JSON.parse(world.out), PLAN);
});

test('a run tells each step, and ends with 4 where the operator has to do something first', async () => {
  const line = (name: string, outcome: string) => JSON.stringify({ event: 'step', step: { name, outcome, text: name } });
  using waiting = new FakeWorld({ runs: { lines: [line('backup', 'done'), line('stop-java', 'waits')], code: 0 } });
  assert.equal(await waiting.run('migrate', 'run', '--from', 'etcd:e:1'), EXIT.unavailable);
  assert.equal(waiting.out, 'done: backup\nyour turn: stop-java\n');
  using whole = new FakeWorld({ runs: { lines: [line('check', 'done'), line('write', 'waits')], code: 0 } });
  assert.equal(await whole.run('migrate', 'run', '--from', 'etcd:e:1', '-o', 'json'), EXIT.done);
  assert.equal(JSON.parse(whole.out).length, 2);
  using failed = new FakeWorld({
    runs: { lines: ['{"event":"failed","kind":"registry-unavailable","message":"no etcd"}'], code: 1 },
  });
  assert.equal(await failed.run('migrate', 'run', '--from', 'etcd:e:1'), EXIT.unavailable);
  assert.equal(failed.err, 'error: no etcd\n');
});
