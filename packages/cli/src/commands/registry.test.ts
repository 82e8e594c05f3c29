import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT } from '../index.ts';
import { FakeWorld } from '../testing/index.ts';

const RESULT = {
  counts: { models: 3, endpoints: 1, policies: 0, policyRevisions: 0, parameters: 0, others: 0 },
  leftOut: { instances: 2, leaders: 1, discovery: 0, others: 0 },
  added: 4,
  replaced: 0,
  removed: 0,
  same: 0,
  kept: 0,
  digest: 'sha256:00',
};
const done = {
  lines: [
    JSON.stringify({ event: 'progress', what: 'reading', done: 1, total: null }),
    JSON.stringify({ event: 'done', result: RESULT }),
  ],
  code: 0,
};

test('a registry is moved by the program of the mesh, and what it did is told', async () => {
  using world = new FakeWorld({ runs: done });
  assert.equal(
    await world.run('registry', 'copy', '--from', 'etcd:e:2379', '--to', 'sqlite:r.db', '--service', 's', '--merge', 'newer'),
    EXIT.done,
  );
  const [command] = world.commands;
  assert.match(command?.args[1] ?? '', /\/mesh\/src\/registry-tool\/main\.ts$/);
  assert.deepEqual(command?.args.slice(2), [
    'transfer',
    '--from',
    'etcd:e:2379',
    '--to',
    'sqlite:r.db',
    '--service',
    's',
    '--overwrite',
    'newer',
  ]);
  assert.equal(
    world.out,
    '3 models, 1 endpoints in sqlite:r.db\n4 added; read back and equal\nleft out, since they end with their sessions: 2 instances, 1 leaders\nsha256:00\n',
  );
  await world.run('registry', 'export', '--from', 'sqlite:r.db', '--to', 'r.jsonl', '--replace', '-o', 'json');
  assert.deepEqual(JSON.parse(world.out), RESULT);
  assert.deepEqual(world.commands[1]?.args.slice(2), [
    'transfer',
    '--from',
    'sqlite:r.db',
    '--to',
    'r.jsonl',
    '--overwrite',
    'replace',
  ]);
  await world.run('registry', 'import', 'r.jsonl', '--to', 'sqlite:r.db', '--to-service', 't');
  assert.deepEqual(world.commands[2]?.args.slice(2), [
    'transfer',
    '--from',
    'r.jsonl',
    '--to',
    'sqlite:r.db',
    '--to-service',
    't',
  ]);
});

test('a move that is refused ends with the reason and its code', async () => {
  using world = new FakeWorld({
    runs: { lines: ['noise', '{"event":"failed","kind":"failed-precondition","message":"nodes write there"}'], code: 1 },
  });
  assert.equal(await world.run('registry', 'import', 'a.jsonl', '--to', 'etcd:e:2379'), EXIT.failed);
  assert.deepEqual([world.out, world.err], ['', 'error: nodes write there\n']);
  using killed = new FakeWorld({ runs: { lines: [], code: 137 } });
  assert.equal(await killed.run('registry', 'import', 'a.jsonl', '--to', 'etcd:e:2379'), EXIT.failed);
  assert.match(killed.err, /ended with 137 before it was done/);
  assert.equal(await killed.run('registry', 'copy', '--from', 'a', '--to', 'b', '--replace', '--merge', 'skip'), EXIT.usage);
  assert.equal(await killed.run('registry', 'import'), EXIT.usage);
});
