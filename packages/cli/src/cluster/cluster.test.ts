import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../index.ts';
import { FakeWorld, fakeMesh, instanceOf } from '../testing/index.ts';
import { readClusterFile, writeClusterFile } from './cluster-file.ts';

const folderOf = (world: FakeWorld): string => {
  const folder = join(world.folder, '.mmesh/cluster');
  mkdirSync(folder, { recursive: true });
  return folder;
};

test('without an etcd nothing is started, and the sentence says how to get one', async () => {
  using world = new FakeWorld();
  assert.equal(await world.run('cluster', 'up'), EXIT.failed);
  assert.match(
    world.err,
    /^error: there is no etcd on the search path.*apt-get install etcd-server.*--etcd-binary.*--registry etcd:URL\n$/,
  );
  assert.equal(world.commands.length, 0);
  for (const args of [
    ['--nodes', '0'],
    ['--nodes', '33'],
    ['--runtime', 'torch'],
    ['--port', 'x'],
  ])
    assert.equal(await world.run('cluster', 'up', ...args), EXIT.usage, args.join(' '));
});

test('an etcd that ends at once is told with its last lines, and no node is started', async () => {
  using world = new FakeWorld({ programs: { etcd: '/bin/etcd' } });
  assert.equal(await world.run('cluster', 'up'), EXIT.failed);
  assert.match(world.err, /etcd ended:\nthe node cannot start: no luck/);
  assert.deepEqual([world.commands.length, world.commands[0]?.program], [1, '/bin/etcd']);
  assert.ok(world.commands[0]?.args.includes('http://127.0.0.1:40000'));
  assert.equal(await world.run('cluster', 'status'), EXIT.notFound);
});

test('nodes get ports, folders, the registry and the flags that are given; all of them gone ends the run', async () => {
  using world = new FakeWorld();
  const args = ['--nodes', '2', '--registry', 'etcd:e:2379', '--port', '9000', '--runtime', 'null', '--', '--log-level', 'debug'];
  assert.equal(await world.run('cluster', 'up', ...args), EXIT.unavailable);
  assert.match(world.err, /all nodes ended; the last one said:\nthe node cannot start: no luck/);
  const flags = world.commands.map((command) => command.args.slice(2).join(' '));
  assert.equal(flags.length, 2);
  assert.match(
    flags[1] ?? '',
    /--instance-id n2 .*--listeners-inference-port 9001 .*--peer-port 40005 .*--runtime-server null --log-level debug$/,
  );
  assert.equal(world.commands[0]?.env.KV_STORE, 'etcd:e:2379');
  assert.equal(readClusterFile(folderOf(world)), undefined, 'nothing runs any more');
});

test('a cluster is found by its file: its state is told, a second one is refused, and it is ended from elsewhere', async () => {
  await using mesh = await fakeMesh({
    'GET /api/v1/status': { json: { name: 'model-mesh', version: '0', ready: true, instances: 1 } },
    'GET /api/v1/instances': { json: { items: [instanceOf('n1'), instanceOf('n2')] } },
  });
  using world = new FakeWorld();
  const folder = folderOf(world);
  const node = (id: string, pid: number, port: number) => ({ id, pid, port, log: `${id}.log` });
  const nodes = [node('n1', 11, Number(new URL(mesh.url).port)), node('n2', 12, 1)];
  writeClusterFile(folder, { pid: 10, etcd: { pid: 13, port: 1 }, nodes });
  assert.equal(await world.run('cluster', 'status'), EXIT.notFound, 'a file that was left behind is no cluster');
  world.processes.set(10, 'node mmesh cluster up');
  world.processes.set(11, `node main --data-dir ${folder}/n1`);
  world.processes.set(12, 'an editor that has the number now');
  world.processes.set(13, `etcd --data-dir ${folder}/etcd`);
  assert.equal(await world.run('cluster', 'status', '-o', 'json'), EXIT.unavailable);
  const rows = JSON.parse(world.out) as { id: string; state: string; sees: number | null }[];
  assert.deepEqual(
    rows.map(({ id, state, sees }) => [id, state, sees]),
    [
      ['n1', 'ready', 1],
      ['n2', 'silent', null],
    ],
  );
  assert.equal(await world.run('cluster', 'up', '--registry', 'etcd:e:2379'), EXIT.failed);
  assert.match(world.err, /a cluster runs in .* already; "mmesh cluster down" ends it/);
  world.endWith.set(10, [11, 13]);
  assert.equal(await world.run('cluster', 'down'), EXIT.done, world.err);
  assert.deepEqual(world.signals, [[10, 'SIGTERM']], 'who started the others ends them');
  assert.ok(world.processes.has(12), 'a number that another program has now is left alone');
});

test('what a killed "cluster up" left is ended: nodes first, then etcd', async () => {
  using world = new FakeWorld();
  const folder = folderOf(world);
  writeClusterFile(folder, { pid: 10, etcd: { pid: 13, port: 1 }, nodes: [{ id: 'n1', pid: 11, port: 1, log: 'n1.log' }] });
  world.processes.set(11, `node main --data-dir ${folder}/n1`);
  world.processes.set(13, `etcd --data-dir ${folder}/etcd`);
  assert.equal(await world.run('cluster', 'down'), EXIT.done, world.err);
  assert.deepEqual(world.signals, [
    [11, 'SIGTERM'],
    [13, 'SIGTERM'],
  ]);
  writeFileSync(join(folder, 'cluster.json'), '{');
  assert.equal(await world.run('cluster', 'down'), EXIT.failed);
  assert.match(world.err, /cluster\.json is damaged/);
});
