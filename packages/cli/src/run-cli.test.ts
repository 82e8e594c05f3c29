import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeClock } from '@modelmesh/core/testing';
import { TEST_CERTIFICATES } from '@modelmesh/grpc/testing';
import { ERROR_KINDS } from '@modelmesh/wire/status';
import { EXIT_MEANINGS, exitCodeOf, nextStepOf } from './exit-code.ts';
import { EXIT } from './index.ts';
import { FakeWorld, fakeMesh } from './testing/index.ts';

const ESCAPE = '\u001b';

test('help and version are a success, a command line that is not understood is wrong usage', async () => {
  using world = new FakeWorld();
  assert.equal(await world.run('--help'), EXIT.done);
  assert.match(world.out, /^Usage: mmesh /);
  assert.match(world.out, /Exit codes:/);
  assert.equal(await world.run('--version'), EXIT.done);
  assert.match(world.out, /^\d+\.\d+\.\d+\n$/);
  assert.equal(await world.run('get', '--help'), EXIT.done);
  assert.match(world.out, /^Usage: mmesh get /);
  for (const args of [['geet'], ['get'], ['get', 'models', '--nope'], ['get', 'models', '-o', 'xml'], ['get', 'nothing']]) {
    assert.equal(await world.run(...args), EXIT.usage, args.join(' '));
    assert.match(world.err, /^error: /, args.join(' '));
    assert.equal(world.out, '');
  }
  await world.run('geet');
  assert.match(world.err, /Did you mean get\?/);
  assert.equal(await world.run('get', 'models', '--server', 'a b'), EXIT.usage);
});

test('every kind of error has an exit code of the reference', () => {
  const known = EXIT_MEANINGS.map(([code]) => code);
  for (const kind of ERROR_KINDS) assert.ok(known.includes(exitCodeOf(kind)), kind);
  assert.equal(nextStepOf('invalid-argument'), undefined);
});

test('colours are for terminals', async () => {
  await using mesh = await fakeMesh();
  using person = new FakeWorld({ terminal: true });
  await person.run('get', 'models', '--server', mesh.url);
  assert.ok(person.err.startsWith(`${ESCAPE}[31merror:${ESCAPE}[39m `));
  using pipe = new FakeWorld();
  await pipe.run('get', 'models', '--server', mesh.url);
  assert.match(pipe.err, /^error: /);
});

test('a node behind TLS is trusted by the authority that is given', async () => {
  const { server } = TEST_CERTIFICATES;
  await using mesh = await fakeMesh({ 'GET /api/v1/instances': { json: { items: [] } } }, server);
  using world = new FakeWorld({ env: { MESH_SERVER: mesh.url } });
  writeFileSync(join(world.folder, 'ca.pem'), server.cert);
  assert.equal(await world.run('get', 'instances', '--tls-ca', 'ca.pem', '-o', 'json'), EXIT.done, world.err);
  assert.equal(world.out, '[]\n');
  assert.equal(await world.run('get', 'instances'), EXIT.unavailable);
  assert.match(world.err, /certificate/);
  assert.equal(await world.run('get', 'instances', '--tls-ca', 'absent.pem'), EXIT.usage);
});

test('serving becomes the node: every flag is the node’s, and its runtime is the one installed here', async () => {
  using world = new FakeWorld({ env: { MESH_SERVER: 'elsewhere', PATH: '/bin' } });
  assert.equal(await world.run('serve', '--config', 'node.yaml', '--log-level', 'debug', '--help'), EXIT.done);
  const [command] = world.commands;
  assert.equal(command?.program, '/node');
  const [entry = '', ...flags] = command.args.slice(2);
  assert.deepEqual(command.args.slice(0, 2), ['--conditions=mesh-source', '--max-semi-space-size=4']);
  assert.match(entry, /\/mesh\/src\/main\.ts$/);
  assert.deepEqual(flags, ['--config', 'node.yaml', '--log-level', 'debug', '--help']);
  assert.match(command.env.MESH_RUNTIME_PROGRAM ?? '', /\/runtime\/src\/main\.ts$/);
  assert.deepEqual([command.env.MESH_SERVER, command.env.PATH], [undefined, '/bin']);
  using failing = new FakeWorld({ becomes: 1 });
  assert.equal(await failing.run('serve'), EXIT.failed);
});

test('each shell gets a script that knows every command', async () => {
  using world = new FakeWorld();
  for (const shell of ['bash', 'zsh', 'fish']) {
    assert.equal(await world.run('completion', shell), EXIT.done);
    for (const word of ['describe', 'instances', 'inference-services']) assert.ok(world.out.includes(word), `${shell} ${word}`);
  }
  assert.equal(await world.run('completion', 'tcsh'), EXIT.usage);
});

test('a demonstration is refused beside whoever holds its port and says nothing', async () => {
  const clock = new FakeClock();
  using world = new FakeWorld({ clock });
  const asked = Promise.withResolvers<void>();
  await using silent = await fakeMesh({
    'GET /api/v1/status': () => {
      asked.resolve();
      return new Promise(() => undefined);
    },
  });
  const running = world.run('demo', '--port', new URL(silent.url).port);
  await asked.promise;
  clock.advance(2000);
  assert.equal(await running, EXIT.failed);
  assert.match(world.err, /give another one with --port/);
});

test('a demonstration whose node does not start tells why, and one beside a running node is refused', async () => {
  using world = new FakeWorld();
  const free = await fakeMesh();
  const port = new URL(free.url).port;
  assert.equal(await world.run('demo', '--port', port), EXIT.failed);
  assert.match(world.err, new RegExp(`something answers at port ${port} already; give another one with --port`));
  assert.equal(world.commands.length, 0);
  await free[Symbol.asyncDispose]();
  assert.equal(await world.run('demo', '--port', port), EXIT.failed);
  assert.match(world.err, /the node ended:\nthe node cannot start: no luck/);
  assert.ok(world.commands.at(-1)?.args.includes('--listeners-inference-port'));
  assert.equal(await world.run('demo', '--examples', 'nowhere'), EXIT.notFound);
  assert.equal(await world.run('demo', '--port', '0'), EXIT.usage);
});
