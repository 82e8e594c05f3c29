import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freePorts } from '@modelmesh/mesh/kv/testing';
import { isAlive } from '../../process-usage/index.ts';
import { ForeignProcess } from './foreign-process.ts';

const node = (script: string): ForeignProcess => new ForeignProcess(process.execPath, ['-e', script]);

describe('a foreign program', { timeout: 60_000 }, () => {
  it('is ready when it listens, has its children beside it, and has ended with them when it is disposed of', async () => {
    const [port = 0] = await freePorts(1);
    const program = node(`
      const child = require('node:child_process').spawn(process.execPath, ['-e', 'process.on("disconnect", () => process.exit())'], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
      child.on('spawn', () => require('node:net').createServer().listen(${port}, '127.0.0.1'));
    `);
    await program.listening(port);
    const { pids } = program;
    assert.equal(pids.length, 2);

    await program[Symbol.asyncDispose]();
    assert.equal(isAlive(pids[0] ?? 0), false);
    await program[Symbol.asyncDispose]();
  });

  it('that ends before it listens is told with its last words', async () => {
    const [port = 0] = await freePorts(1);
    await using program = node('console.error("no such file"); process.exit(3)');
    await assert.rejects(program.listening(port), /does not listen: no such file/);
  });

  it('that is not there is told so', async () => {
    const [port = 0] = await freePorts(1);
    await using program = new ForeignProcess('/no/such/program', []);
    await assert.rejects(program.listening(port), /does not listen: .*ENOENT/);
  });
});
