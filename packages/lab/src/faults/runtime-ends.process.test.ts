import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { rawMethod } from '@modelmesh/grpc/call';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { freeFolder, NodeProcess, startNodeProgram } from '../node-process/index.ts';
import { isAlive } from '../process-usage/index.ts';
import { askGrpc, askRest, type Outcome, refusalOf } from './asking.ts';
import { eventually, within } from './eventually.ts';
import { applyModel, type ModelFile, ROW, writeModel } from './generated-models.ts';
import { askingGrpc, askingRest, sendPost } from './in-flight.ts';
import { copyStates, eventsOf, LONG_GRACE, leavesAtOnce } from './nothing-lost.ts';
import { countOf, killRuntime } from './runtime-life.ts';

const ANSWER_MS = 30_000;

const frozen = async <Value>(node: NodeProcess, act: (pid: number) => Promise<Value>): Promise<Value> => {
  const pid = node.runtimePid;
  process.kill(pid, 'SIGSTOP');
  try {
    return await act(pid);
  } finally {
    if (isAlive(pid)) process.kill(pid, 'SIGCONT');
  }
};

const refusal = (outcome: Outcome): { readonly code: string; readonly message: string } => {
  assert.equal(outcome.kind, 'refusal', JSON.stringify(outcome));
  return outcome.kind === 'refusal' ? outcome : { code: '', message: '' };
};

describe('a runtime of ONNX models', () => {
  let node: NodeProcess;
  let file: ModelFile;
  let answer: Outcome;
  before(async () => {
    node = await NodeProcess.start({ flags: { ...LONG_GRACE, 'runtime-workers': '1' } });
    file = writeModel(node.folder, 'model', 1);
    answer = { kind: 'answer', values: file.answer(ROW) };
    for (const name of ['warm', 'cold', 'colder']) await applyModel(node, name, { storage: { uri: file.uri } });
    await applyModel(node, 'once', { storage: { uri: file.uri }, spec: { retry: 'never' } });
    for (const name of ['warm', 'once']) assert.deepEqual(await askGrpc(node, name), answer);
  });
  after(() => node[Symbol.asyncDispose]());

  it('killed while idle: claims go at once, calls that come meanwhile are answered by its next life', async () => {
    const lives = countOf(node, 'runtime-ready');
    await killRuntime(node);
    const [grpc, rest] = await Promise.all([askGrpc(node, 'warm'), askRest(node, 'warm')]);
    assert.deepEqual([grpc, rest], [answer, answer]);
    await eventually('its next life was told', 5000, () => (countOf(node, 'runtime-ready') > lives ? true : undefined));
    assert.deepEqual(await copyStates(node, 'once'), [], 'a copy of the former life is not claimed');
    assert.deepEqual(await askRest(node, 'once'), answer);
  });

  it('killed while it loads: calls that wait are answered by its next life, and the model has not failed', async () => {
    const waiting = await frozen(node, async (pid) => {
      const calls = [await askingGrpc(node, 'cold'), await askingRest(node, 'cold')];
      await eventually('cold is being loaded', 5000, async () =>
        (await copyStates(node, 'cold')).includes('LOADING') ? true : undefined,
      );
      process.kill(pid, 'SIGKILL');
      return calls;
    });
    for (const call of waiting) assert.deepEqual(await within(ANSWER_MS, 'a call that waited', call.answer), answer);
    assert.deepEqual(await copyStates(node, 'cold'), ['LOADED']);
    await leavesAtOnce(node, 'cold');
    assert.equal(eventsOf(node, 'load-failed', 'cold').length, 0);
  });

  it('killed while it runs: calls that may be repeated are answered, the others are UNAVAILABLE and say why not', async () => {
    for (const name of ['warm', 'once']) assert.deepEqual(await askGrpc(node, name), answer);
    const calls = await frozen(node, async (pid) => {
      const sent = {
        repeated: [await askingGrpc(node, 'warm'), await askingRest(node, 'warm')],
        forbiddenByModel: [await askingGrpc(node, 'once'), await askingRest(node, 'once')],
        forbiddenByCall: [
          await askingGrpc(node, 'warm', { headers: ['mm-retry', 'never'] }),
          await askingRest(node, 'warm', { 'mm-retry': 'never' }),
        ],
      };
      process.kill(pid, 'SIGKILL');
      return sent;
    });
    const ended = (call: { readonly answer: Promise<Outcome> }): Promise<Outcome> =>
      within(ANSWER_MS, 'a call in flight', call.answer);
    for (const call of calls.repeated) assert.deepEqual(await ended(call), answer);
    const expectations = [
      [calls.forbiddenByModel, /lost during the call .*not repeated: the model says retry: never/],
      [calls.forbiddenByCall, /lost during the call .*not repeated: the call says mm-retry: never/],
    ] as const;
    for (const [[grpc, rest], why] of expectations) {
      assert.ok(grpc !== undefined && rest !== undefined);
      for (const [call, code] of [
        [grpc, 'UNAVAILABLE'],
        [rest, '503'],
      ] as const) {
        const said = refusal(await ended(call));
        assert.deepEqual([said.code, why.test(said.message)], [code, true], said.message);
      }
    }
    assert.deepEqual(await askGrpc(node, 'once'), answer);
  });

  it('frozen for a while: calls end by their deadline, and go on afterwards without a new life', async () => {
    assert.deepEqual(await askGrpc(node, 'warm'), answer);
    // Lines of the log come in order: with this one all of former lives have been read.
    await leavesAtOnce(node, 'warm');
    const lives = countOf(node, 'runtime-ready');
    assert.deepEqual(await askGrpc(node, 'warm'), answer);
    await frozen(node, async () => {
      const timeoutMs = durationMs(300);
      const grpc = refusal(await within(5000, 'a call with a deadline', askGrpc(node, 'warm', { timeoutMs })));
      assert.match(grpc.code, /DEADLINE_EXCEEDED|deadline-exceeded/);
      const rest = refusal(await within(5000, 'a call with a deadline', askRest(node, 'warm', { timeoutMs })));
      assert.deepEqual([rest.code, rest.message], ['504', 'the deadline passed']);
      const loading = refusal(await within(5000, 'a call with a deadline', askRest(node, 'colder', { timeoutMs })));
      assert.equal(loading.code, '504');
      assert.match(loading.message, /deadline passed/);
    });
    for (const name of ['warm', 'colder']) assert.deepEqual(await askGrpc(node, name), answer);
    await leavesAtOnce(node, 'warm');
    assert.equal(countOf(node, 'runtime-ready'), lives);
  });

  it('leaves no call and no claim behind: every copy goes at once', async () => {
    for (const name of ['warm', 'cold', 'colder', 'once']) {
      assert.deepEqual(await askGrpc(node, name), answer);
      await leavesAtOnce(node, name);
    }
  });
});

describe('a stream in flight when its runtime is killed', () => {
  it('over gRPC ends with UNAVAILABLE that says why it cannot go on', { timeout: 60_000 }, async () => {
    await using node = await NodeProcess.start({ flags: { ...LONG_GRACE, 'runtime-server': 'null' } });
    const path = 'size 8192';
    await node.client.unary(ModelMesh.method.registerModel, { modelId: 'echo', modelInfo: { type: 'null', path } });
    const never = Promise.withResolvers<never>();
    async function* requests(): AsyncGenerator<readonly Uint8Array[]> {
      yield [Uint8Array.of(7)];
      await never.promise;
    }
    const options = { headers: ['mm-model-id', 'echo'] };
    const answers = node.client.exchange(rawMethod('/any.Service/Call'), requests(), options);
    assert.deepEqual([...((await answers.next()).value ?? [])], [7]);
    process.kill(node.runtimePid, 'SIGKILL');
    const end = await within(
      5000,
      'the end of the stream',
      answers.next().then(() => undefined, refusalOf),
    );
    assert.ok(end !== undefined, 'the stream does not end as if it were complete');
    const { code, message } = refusal(end);
    assert.equal(code, 'UNAVAILABLE');
    assert.match(message, /lost during the call .*not repeated: /);
    const echoed = await node.client.call(rawMethod('/any.Service/Call'), [Uint8Array.of(8)], options);
    assert.deepEqual([...echoed], [8]);
    await leavesAtOnce(node, 'echo');
  });

  it('over REST ends with an event that holds the error', { timeout: 60_000 }, async () => {
    await using node = await NodeProcess.start({ flags: { ...LONG_GRACE, 'runtime-server': 'stream-text' } });
    const modelInfo = { type: 'text', path: 'pause 200' };
    await node.client.unary(ModelMesh.method.registerModel, { modelId: 'text', modelInfo });
    const response = await fetch(`${node.url}/v2/models/text/generate_stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text_input: 'one two three four five six seven eight nine ten' }),
    });
    assert.equal(response.status, 200);
    const reader = response.body?.getReader();
    assert.ok(reader !== undefined);
    const first = await reader.read();
    let text = Buffer.from(first.value ?? []).toString();
    assert.match(text, /one/);
    process.kill(node.runtimePid, 'SIGKILL');
    const rest = async (): Promise<void> => {
      for (let part = await reader.read(); !part.done; part = await reader.read()) text += Buffer.from(part.value).toString();
    };
    await within(5000, 'the end of the events', rest());
    assert.doesNotMatch(text, /ten/);
    assert.match(text.split('\n\n').at(-2) ?? '', /error.*lost during the call/);
    const { answer } = await sendPost(node, '/v2/models/text/generate', JSON.stringify({ text_input: 'again' }));
    assert.match((await answer).body, /again/);
    await leavesAtOnce(node, 'text');
  });
});

describe('a runtime that does not come up', () => {
  it('is started again with growing pauses, and the node says what it said', { timeout: 60_000 }, async () => {
    await using folder = await freeFolder();
    const path = join(folder.path, 'broken.mjs');
    writeFileSync(path, "process.stderr.write('no such library\\n'); process.exit(1);");
    const flags = { 'listeners-inference-port': '0' };
    const program = startNodeProgram(folder.path, { flags, environment: { MESH_RUNTIME_PROGRAM: path } });
    try {
      const ends = (): readonly number[] =>
        program.log.filter(({ event }) => event === 'runtime-ended').map(({ time }) => Date.parse(String(time)));
      await eventually(
        'the runtime ended five times',
        20_000,
        () => (ends().length >= 5 ? true : undefined),
        () => program.text,
      );
      const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = ends();
      const pauses = [second - first, third - second, fourth - third, fifth - fourth];
      for (const [at, leastMs] of [50, 100, 200, 400].entries())
        assert.ok((pauses[at] ?? 0) >= leastMs, `pauses ${pauses.join(', ')}`);
      const line = program.log.find(({ event }) => event === 'runtime-ended');
      assert.match(String(line?.message), /the runtime ended \(exit code 1\); no such library/);
    } finally {
      await program.kill('SIGTERM');
    }
  });

  it('is given up where starting it again is of no use, and the log says why', { timeout: 60_000 }, async () => {
    await using folder = await freeFolder();
    const path = join(folder.path, 'hopeless.mjs');
    writeFileSync(path, "process.stderr.write('MESH_RUNTIME_X is wrong\\n'); process.exit(2);");
    const program = startNodeProgram(folder.path, { environment: { MESH_RUNTIME_PROGRAM: path } });
    try {
      const failed = await program.until(({ event }) => event === 'runtime-failed', 'runtime-failed', 20_000);
      assert.match(String(failed.message), /exit code 2.*MESH_RUNTIME_X is wrong/);
      assert.equal(await within(15_000, 'the end of the node', program.kill('SIGTERM')), 0);
    } finally {
      await program.kill('SIGKILL');
    }
  });
});
