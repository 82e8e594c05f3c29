import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { rawMethod } from '@modelmesh/grpc/call';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { freeFolder, NodeProcess, type ProcessEnd, startNodeProgram } from '../node-process/index.ts';
import { isAlive } from '../process-usage/index.ts';
import { type Outcome, refusalOf } from './asking.ts';
import { eventually, within } from './eventually.ts';
import { copyStates, LONG_GRACE, leavesAtOnce } from './nothing-lost.ts';
import { processesOf } from './processes.ts';

const ECHO = rawMethod('/any.Service/Call');
const FLAGS = { ...LONG_GRACE, 'runtime-server': 'null', 'shutdown-timeout': '1s' } as const;
/** One second for calls, five for the runtime, and some for a busy machine. */
const END_MS = 20_000;

const register = (node: NodeProcess, modelId: string, path: string, loadNow = false) =>
  node.client.unary(ModelMesh.method.registerModel, { modelId, modelInfo: { type: 'null', path }, loadNow });

async function echo(node: NodeProcess, modelId: string, timeoutMs = 30_000): Promise<Outcome> {
  const options = { headers: ['mm-model-id', modelId], timeoutMs: durationMs(timeoutMs) };
  try {
    return { kind: 'answer', values: [...(await node.client.call(ECHO, [Uint8Array.of(1, 2, 3)], options))] };
  } catch (error) {
    return refusalOf(error);
  }
}

const isLoading = (node: NodeProcess, key: string): Promise<true> =>
  eventually(`${key} is being loaded`, 10_000, async () => {
    const states = await copyStates(node, key);
    return states.includes('LOADING') ? true : undefined;
  });

/** What a node that was started again must show: no claim of an earlier life, every registration, and copies that leave at once. */
async function startsClean(folder: string): Promise<void> {
  await using node = await NodeProcess.start({ flags: FLAGS, folder });
  for (const key of ['warm', 'slow']) assert.deepEqual(await copyStates(node, key), [], `no claim of ${key} is left`);
  assert.deepEqual(await echo(node, 'warm'), { kind: 'answer', values: [1, 2, 3] });
  await leavesAtOnce(node, 'warm');
}

/** Loads one model, begins to load another that takes long, ends the node with `end`, and looks at what is left. */
async function endsWhileLoading(end: (node: NodeProcess) => Promise<ProcessEnd>, expected: ProcessEnd): Promise<Outcome> {
  await using folder = await freeFolder();
  const node = await NodeProcess.start({ flags: FLAGS, folder: folder.path });
  await register(node, 'warm', 'size 8192');
  await register(node, 'slow', 'slow 60000; size 8192');
  assert.deepEqual(await echo(node, 'warm'), { kind: 'answer', values: [1, 2, 3] });
  const waiting = echo(node, 'slow');
  await isLoading(node, 'slow');
  const { runtimePid } = node;

  assert.equal(await within(END_MS, 'the end of the node', end(node)), expected);

  await eventually('the runtime ended with its node', 5000, () => (isAlive(runtimePid) ? undefined : true));
  assert.deepEqual(processesOf(folder.path), []);
  const outcome = await within(1000, 'the call that waited', waiting);
  await startsClean(folder.path);
  return outcome;
}

const signal = (name: NodeJS.Signals) => (node: NodeProcess) => {
  node.program.process.kill(name);
  return node.program.ended;
};

describe('a node that ends during a load', () => {
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    it(`by ${name} ends within its time, tells the caller, and starts clean`, { timeout: 120_000 }, async () => {
      const outcome = await endsWhileLoading(signal(name), 0);
      assert.deepEqual(outcome, { kind: 'refusal', code: 'UNAVAILABLE', message: 'the node is shutting down' });
    });
  }

  it('ends at once by a second Ctrl-C, without an orphan', { timeout: 120_000 }, async () => {
    await endsWhileLoading(async (node) => {
      node.program.process.kill('SIGINT');
      await node.logged('node-ending');
      node.program.process.kill('SIGINT');
      return node.program.ended;
    }, 1);
  });

  it('is killed: its runtime ends with it, and it starts clean', { timeout: 120_000 }, async () => {
    await endsWhileLoading(signal('SIGKILL'), 'SIGKILL');
  });
});

describe('a node that ends with a call in flight', () => {
  it('by Ctrl-C, which reaches its runtime too, lets the call finish', { timeout: 120_000 }, async () => {
    await using folder = await freeFolder();
    const node = await NodeProcess.start({ flags: { ...FLAGS, 'shutdown-timeout': '20s' }, folder: folder.path });
    await register(node, 'warm', 'size 8192');
    await register(node, 'slow', 'slow 60000; size 8192');
    const gate = Promise.withResolvers<void>();
    async function* requests(): AsyncGenerator<readonly Uint8Array[]> {
      yield [Uint8Array.of(1)];
      await gate.promise;
      yield [Uint8Array.of(2)];
    }
    const answers = node.client.exchange(ECHO, requests(), { headers: ['mm-model-id', 'warm'] });
    assert.deepEqual([...((await answers.next()).value ?? [])], [1]);

    process.kill(node.runtimePid, 'SIGINT');
    node.program.process.kill('SIGINT');
    await node.logged('node-ending');
    gate.resolve();

    assert.deepEqual([...((await within(5000, 'the second answer', answers.next())).value ?? [])], [2]);
    assert.equal((await within(5000, 'the end of the stream', answers.next())).done, true);
    assert.equal(await within(END_MS, 'the end of the node', node.program.ended), 0);
    assert.deepEqual(processesOf(folder.path), []);
    await startsClean(folder.path);
  });
});

describe('a start that is interrupted', () => {
  it('by Ctrl-C before it is ready leaves neither a process nor a claim', { timeout: 120_000 }, async () => {
    await using folder = await freeFolder();
    const first = await NodeProcess.start({ flags: FLAGS, folder: folder.path });
    await register(first, 'warm', 'size 8192');
    await register(first, 'slow', 'slow 60000');
    assert.deepEqual(await echo(first, 'warm'), { kind: 'answer', values: [1, 2, 3] });
    await first.kill('SIGKILL');
    const program = startNodeProgram(folder.path, { flags: FLAGS });
    await eventually('the start has begun', 10_000, () => (processesOf(folder.path).length > 0 ? true : undefined));
    await within(END_MS, 'the end of the start', program.kill('SIGINT'));
    await eventually('nothing is left', 5000, () => (processesOf(folder.path).length === 0 ? true : undefined));
    await startsClean(folder.path);
  });
});
