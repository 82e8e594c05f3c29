import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { openRegistry } from '@modelmesh/mesh/kv';
import { registryLayout, schemaKey } from '@modelmesh/wire/registry';
import { freeFolder, NodeProcess, type ProcessEnd, realClock, startNodeProgram } from '../node-process/index.ts';
import { askRest } from './asking.ts';
import { eventually, within } from './eventually.ts';
import { applyModel, ROW, writeModel } from './generated-models.ts';
import { processesOf } from './processes.ts';

const NULL_SERVER = { 'runtime-server': 'null' } as const;
const START_MS = 40_000;

interface Refusal {
  readonly end: ProcessEnd;
  readonly said: string;
}

/** Starts a node that cannot start, and hears what it says; it leaves no process behind. */
async function refusedStart(folder: string, flags: Readonly<Record<string, string>>): Promise<Refusal> {
  const program = startNodeProgram(folder, { flags: { ...NULL_SERVER, ...flags } });
  const { pid } = program;
  try {
    const end = await within(START_MS, 'a start that is refused', program.ended);
    await eventually('no process is left of it', 5000, () =>
      processesOf(`--data-dir=${folder}`).length === 0 ? true : undefined,
    );
    const said = program.text.join('\n');
    assert.doesNotMatch(said, /^\s+at /m, 'a sentence, no stack');
    return { end, said };
  } finally {
    if (!program.hasEnded) process.kill(pid, 'SIGKILL');
  }
}

/** A port that another program has. */
async function takenPort(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  return { port: address.port, [Symbol.asyncDispose]: close };
}

describe('a node that cannot start says why and what to do, and leaves nothing behind', () => {
  it('when its port is taken: by another program, and by another node, which goes on', { timeout: 120_000 }, async () => {
    await using folder = await freeFolder();
    await using node = await NodeProcess.start({ flags: NULL_SERVER });
    const [, port = ''] = node.addresses.inference.split(':');
    const beside = await refusedStart(folder.path, { 'listeners-inference-port': port });
    assert.equal(beside.end, 1, beside.said);
    assert.match(
      beside.said,
      new RegExp(
        `cannot listen on port ${port} of 127\\.0\\.0\\.1: port-taken: another program has it; end that program, or choose`,
      ),
    );
    assert.equal((await fetch(`${node.url}/v2/health/ready`)).status, 200);

    await using taken = await takenPort();
    for (const flag of ['probes-port', 'metrics-port']) {
      const refusal = await refusedStart(folder.path, { [flag]: String(taken.port) });
      assert.equal(refusal.end, 1, refusal.said);
      assert.match(refusal.said, new RegExp(`port ${taken.port} of 127\\.0\\.0\\.1: port-taken: another program has it`));
    }
    await using later = await NodeProcess.start({ folder: folder.path, flags: NULL_SERVER });
    assert.equal((await fetch(`${later.url}/v2/health/ready`)).status, 200);
  });

  it('when the path of a unix socket is too long, naming the longest that works', { timeout: 120_000 }, async () => {
    await using folder = await freeFolder();
    const path = join(folder.path, 'x'.repeat(120), 'mesh.sock');
    for (const flag of ['runtime-socket-path', 'listeners-inference-socket-path']) {
      const { end, said } = await refusedStart(folder.path, { [flag]: path });
      assert.ok(end === 1 || end === 2, `${flag}: ${end}`);
      assert.match(said, /socketPath .*expected a path of at most \d+ bytes, .*this one has \d+/, flag);
      assert.ok(said.includes(`--${flag}`), flag);
    }
  });

  it('but starts where only its data folder is too deep for a socket', { timeout: 120_000 }, async () => {
    await using folder = await freeFolder();
    const deep = join(folder.path, 'deep'.repeat(30));
    mkdirSync(deep);
    await using node = await NodeProcess.start({ folder: folder.path, flags: { ...NULL_SERVER, 'data-dir': deep } });
    assert.equal((await fetch(`${node.url}/v2/health/ready`)).status, 200);
  });

  it('when its registry is held by another node, which goes on serving', { timeout: 120_000 }, async () => {
    await using node = await NodeProcess.start();
    const file = writeModel(node.folder, 'good', 1);
    await applyModel(node, 'good', { storage: { uri: file.uri } });
    const answer = { kind: 'answer', values: file.answer(ROW) };
    assert.deepEqual(await askRest(node, 'good'), answer);
    const before = processesOf(node.folder);

    const program = startNodeProgram(node.folder, { flags: NULL_SERVER });
    const end = await within(START_MS, 'a start that is refused', program.ended);

    const said = program.text.join('\n');
    assert.equal(end, 1, said);
    assert.match(
      said,
      new RegExp(`registry\\.sqlite is in use by process ${node.pid} on host .*give this node a registry file of its own`),
    );
    assert.deepEqual(processesOf(node.folder), before, 'the refused node started no runtime, and the other kept its own');
    assert.deepEqual(await askRest(node, 'good'), answer);
  });

  it('when a newer version wrote its registry, whether its tables or its records', { timeout: 120_000 }, async () => {
    await using tables = await freeFolder();
    const path = join(tables.path, 'registry.sqlite');
    const key = schemaKey(registryLayout({ root: '', prefix: 'tas-runtime', service: 'model-mesh' }));
    await (await openRegistry('sqlite', { location: path, clock: realClock, schemaKey: key })).close();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 99');
    database.close();
    const newerTables = await refusedStart(tables.path, {});
    assert.equal(newerTables.end, 1);
    assert.match(
      newerTables.said,
      /registry\.sqlite was written by a newer version of Model Mesh \(layout 99, .*run that version, or/,
    );

    await using records = await freeFolder();
    const location = join(records.path, 'registry.sqlite');
    const kv = await openRegistry('sqlite', { location, clock: realClock, schemaKey: key });
    await kv.txn({ conditions: [], operations: [{ kind: 'put', key, value: JSON.stringify({ written: 9, readableFrom: 8 }) }] });
    await kv.close();
    const newerRecords = await refusedStart(records.path, {});
    assert.equal(newerRecords.end, 1);
    assert.match(newerRecords.said, /written by a newer version of Model Mesh .*schema 9, readable from 8.*run that version, or/);
  });

  it('when its data folder cannot be made', { timeout: 120_000 }, async () => {
    await using folder = await freeFolder();
    const path = join(folder.path, 'file');
    writeFileSync(path, '');
    const { end, said } = await refusedStart(folder.path, { 'data-dir': join(path, 'data') });
    assert.equal(end, 1, said);
    assert.match(said, /the data folder .*file\/data cannot be made: .*; choose another with --data-dir/);
    const lied = await refusedStart(folder.path, { 'data-dir': '/proc/nope' });
    assert.equal(lied.end, 1, lied.said);
    assert.match(lied.said, /the data folder \/proc\/nope cannot be made: ENOENT.*; choose another with --data-dir/);
    const registry = await refusedStart(folder.path, { 'registry-path': '/proc/nope/registry.sqlite' });
    assert.equal(registry.end, 1, registry.said);
    assert.match(registry.said, /the registry file \/proc\/nope\/registry\.sqlite cannot be opened \(ENOENT/);
  });
});
