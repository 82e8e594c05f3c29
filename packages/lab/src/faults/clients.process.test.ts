import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect as connectSocket, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { rawMethod } from '@modelmesh/grpc/call';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { connectGrpc, freeFolder, NodeProcess, splitAddress } from '../node-process/index.ts';
import { MODEL_INFER, refusalOf, rowBody, rowRequest, valuesOf } from './asking.ts';
import { eventually, within } from './eventually.ts';
import { applyModel, type ModelFile, ROW, writeModel } from './generated-models.ts';
import { HeldRuntime } from './held-runtime.ts';
import { sendPost, taken } from './in-flight.ts';
import { copyStates, LONG_GRACE, leavesAtOnce } from './nothing-lost.ts';
import { SlowReader } from './slow-reader.ts';
import { trickleTo } from './trickle.ts';

const MIB = 1024 * 1024;
const ECHO = rawMethod('/any.Service/Call');
const portOf = (node: NodeProcess): number => Number(splitAddress(node.addresses.inference)[1]);

describe('a client that goes away', () => {
  let node: NodeProcess;
  let runtime: HeldRuntime;
  let folder: Awaited<ReturnType<typeof freeFolder>>;
  before(async () => {
    folder = await freeFolder();
    const socket = join(folder.path, 'held.sock');
    runtime = await HeldRuntime.listen(socket);
    const flags = { ...LONG_GRACE, 'runtime-kind': 'external', 'runtime-management': `unix:${socket}` };
    node = await NodeProcess.start({ flags });
    for (const modelId of ['held', 'cold'])
      await node.client.unary(ModelMesh.method.registerModel, { modelId, modelInfo: { type: 't', path: 'p' } });
  });
  after(async () => {
    await node[Symbol.asyncDispose]();
    await runtime[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const reached = (): Promise<true> =>
    eventually('the call reached the runtime', 5000, () => (runtime.held.size === 1 ? true : undefined));
  const seenByRuntime = async (before: number): Promise<void> => {
    await eventually('the runtime sees the cancellation', 5000, () => (runtime.cancelled === before + 1 ? true : undefined));
    assert.equal(runtime.held.size, 0);
  };

  it('over gRPC, by cancelling: the runtime sees it, and no call is left in flight', async () => {
    const before = runtime.cancelled;
    const giveUp = new AbortController();
    const options = { headers: ['mm-model-id', 'held'], signal: giveUp.signal };
    const call = node.client.call(ECHO, [Uint8Array.of(1)], options).then(() => undefined, refusalOf);
    await reached();
    giveUp.abort();
    await within(5000, 'the cancelled call', call);
    await seenByRuntime(before);
    await leavesAtOnce(node, 'held');
  });

  it('over gRPC, with its connection: the runtime sees it, and no call is left in flight', async () => {
    const before = runtime.cancelled;
    const other = node.connect();
    const call = other.client
      .call(ECHO, [Uint8Array.of(1)], { headers: ['mm-model-id', 'held'] })
      .then(() => undefined, refusalOf);
    await reached();
    other.close();
    await within(5000, 'the call without a connection', call);
    await seenByRuntime(before);
    await leavesAtOnce(node, 'held');
  });

  it('over REST, with its socket: the runtime sees it, and no call is left in flight', async () => {
    const before = runtime.cancelled;
    for (const path of ['/v2/models/held/infer', '/v2/models/held/generate_stream']) {
      const seen = runtime.cancelled;
      const body = path.endsWith('infer') ? rowBody() : JSON.stringify({ text_input: 'x' });
      const sending = request(`${node.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' } });
      sending.on('error', () => {});
      sending.end(body);
      await reached();
      sending.destroy();
      await seenByRuntime(seen);
    }
    assert.equal(runtime.cancelled, before + 2);
    await leavesAtOnce(node, 'held');
  });

  it('in the middle of a body: nothing reaches the runtime, and the node goes on', async () => {
    const socket = await rawSocket(node);
    socket.write(
      'POST /v2/models/held/infer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"inp',
    );
    await taken(node);
    socket.destroy();
    await taken(node);
    assert.equal(runtime.held.size, 0);
    assert.equal((await fetch(`${node.url}/v2/health/ready`)).status, 200);
  });

  it('while its model is being loaded: the load goes on, and the copy serves the next', async () => {
    const gate = Promise.withResolvers<void>();
    runtime.loadGate = gate.promise;
    const giveUp = new AbortController();
    const grpc = node.client
      .call(ECHO, [Uint8Array.of(1)], { headers: ['mm-model-id', 'cold'], signal: giveUp.signal })
      .then(() => undefined, refusalOf);
    const sending = request(`${node.url}/v2/models/cold/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    sending.on('error', () => {});
    sending.end(rowBody());
    await eventually('cold is being loaded', 5000, () => (runtime.loads.includes('cold') ? true : undefined));
    await taken(node);
    giveUp.abort();
    sending.destroy();
    await within(5000, 'the cancelled call', grpc);
    // Both are over for their clients at once; the node has to have heard of it before the load ends.
    await taken(node);
    gate.resolve();
    await eventually('the copy serves', 5000, async () =>
      (await copyStates(node, 'cold')).includes('LOADED') ? true : undefined,
    );
    assert.equal(runtime.loads.filter((key) => key === 'cold').length, 1);
    assert.equal(runtime.held.size, 0, 'calls that were given up are not made');
    const next = node.client.call(ECHO, [Uint8Array.of(1)], { headers: ['mm-model-id', 'cold'] });
    await reached();
    runtime.answerAll(Uint8Array.of(2));
    assert.deepEqual([...(await next)], [2]);
    await leavesAtOnce(node, 'cold');
  });
});

function rawSocket(node: NodeProcess): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: '127.0.0.1', port: portOf(node), noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

describe('a client that is slow', () => {
  let node: NodeProcess;
  let file: ModelFile;
  before(async () => {
    node = await NodeProcess.start({ flags: { ...LONG_GRACE, 'runtime-workers': '1' } });
    file = writeModel(node.folder, 'model', 1);
    await applyModel(node, 'model', { storage: { uri: file.uri } });
  });
  after(() => node[Symbol.asyncDispose]());

  it('and sends a byte at a time is answered over REST and gRPC', async () => {
    await using slow = await trickleTo(portOf(node));
    const rest = await fetch(`http://127.0.0.1:${slow.port}/v2/models/model/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: rowBody(),
    });
    const { outputs } = (await rest.json()) as { outputs: { data: number[] }[] };
    assert.deepEqual(outputs[0]?.data, file.answer(ROW));
    using grpc = connectGrpc({ kind: 'tcp', host: '127.0.0.1', port: slow.port });
    assert.deepEqual(valuesOf(await grpc.client.call(MODEL_INFER, rowRequest('model'))), file.answer(ROW));
    await leavesAtOnce(node, 'model');
  });

  it('and pipelines requests gets every answer, in order', async () => {
    const socket = await rawSocket(node);
    const requests = 32;
    const body = (i: number): string =>
      JSON.stringify({ id: `n${i}`, ...(JSON.parse(rowBody(ROW.map((x) => x * (i % 2)))) as object) });
    const texts = Array.from({ length: requests }, (_, i) => {
      const text = body(i);
      const last = i === requests - 1 ? 'connection: close\r\n' : '';
      return `POST /v2/models/model/infer HTTP/1.1\r\nhost: x\r\n${last}content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
    });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise<void>((resolve) => socket.once('close', resolve));
    socket.write(texts.join(''));
    await within(10_000, 'the answers', ended);
    const answers =
      Buffer.concat(chunks)
        .toString()
        .match(/"id":"n\d+"/g) ?? [];
    assert.deepEqual(
      answers,
      Array.from({ length: requests }, (_, i) => `"id":"n${i}"`),
    );
    await leavesAtOnce(node, 'model');
  });
});

/** What a node may hold more while its callers do not read: windows and buffers, never whole answers. */
const HELD_BYTES_MAX = 32 * MIB;
const residentBytes = (node: NodeProcess): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${node.pid}/status`, 'latin1'))?.[1]) * 1024;

describe('a client that does not read its answers', () => {
  it('over gRPC holds up neither its own other calls nor memory, and gets everything in the end', {
    timeout: 60_000,
  }, async () => {
    await using node = await NodeProcess.start({ flags: { ...LONG_GRACE, 'runtime-server': 'null' } });
    await node.client.unary(ModelMesh.method.registerModel, { modelId: 'echo', modelInfo: { type: 'null', path: 'size 8192' } });
    const headers = ['mm-model-id', 'echo'];
    await node.client.call(ECHO, [Uint8Array.of(1)], { headers });
    using own = node.connect();
    const length = 8 * MIB;
    const ask = (): readonly SlowReader[] =>
      Array.from({ length: 7 }, () => new SlowReader(own.connection, ECHO.path, new Uint8Array(length), headers));
    const readAll = async (readers: readonly SlowReader[]): Promise<void> => {
      for (const reader of readers) reader.read();
      const statuses = await within(30_000, 'the answers', Promise.all(readers.map(({ status }) => status)));
      assert.deepEqual(new Set(statuses), new Set(['0']));
      assert.ok(readers.every(({ received }) => received === length + 5));
    };
    // The same read at once shows what the traffic itself costs.
    await readAll(ask());
    const before = residentBytes(node);
    const slow = ask();
    await eventually('every answer has begun', 20_000, () => (slow.every(({ received }) => received > 0) ? true : undefined));
    const beside = await within(5000, 'a call beside them', own.client.call(ECHO, [Uint8Array.of(5)], { headers }));
    assert.deepEqual([...beside], [5]);
    const grown = residentBytes(node) - before;
    assert.ok(grown < HELD_BYTES_MAX, `the node grew by ${grown} bytes for ${slow.length * length} that nobody reads`);
    assert.ok(slow.every(({ received }) => received < length));
    await readAll(slow);
    await leavesAtOnce(node, 'echo');
  });

  it('over REST holds up no other call, and gets every word in the end', { timeout: 60_000 }, async () => {
    await using node = await NodeProcess.start({ flags: { ...LONG_GRACE, 'runtime-server': 'stream-text' } });
    await node.client.unary(ModelMesh.method.registerModel, { modelId: 'text', modelInfo: { type: 't', path: 'pause 0' } });
    const word = ` ${'x'.repeat(10_000)}`;
    const words = 1000;
    const body = JSON.stringify({ text_input: word.repeat(words) });
    const socket = await rawSocket(node);
    socket.write(
      `POST /v2/models/text/generate_stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await new Promise<void>((resolve) => socket.once('readable', resolve));
    for (let i = 0; i < 20; i++) {
      const { answer } = await sendPost(node, '/v2/models/text/generate', JSON.stringify({ text_input: 'beside' }));
      assert.match((await within(5000, 'a call beside it', answer)).body, /beside/);
    }
    let text = '';
    socket.setEncoding('latin1');
    const ended = new Promise<void>((resolve) => socket.once('close', resolve));
    socket.on('data', (part: string) => {
      text += part;
    });
    await within(40_000, 'the words', ended);
    assert.equal(text.match(/data: /g)?.length, words);
    assert.doesNotMatch(text, /"error"/);
    await leavesAtOnce(node, 'text');
  });
});

describe('connections that do nothing', () => {
  it('a thousand of them slow nobody down, and do not hold up a shutdown', { timeout: 90_000 }, async () => {
    await using node = await NodeProcess.start({ flags: { 'runtime-server': 'null', 'shutdown-timeout': '30s' } });
    const sockets: Socket[] = [];
    for (let i = 0; i < 500; i++) {
      const socket = await rawSocket(node);
      socket.on('error', () => {});
      sockets.push(socket);
      if (i % 2 === 0) socket.write('GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n');
    }
    const others = Array.from({ length: 500 }, () => node.connect());
    const live = others.map(({ client }) => client.unary(ModelMesh.method.getModelStatus, { modelId: 'x' }));
    assert.equal((await within(20_000, 'the calls that open connections', Promise.all(live))).length, 500);
    const { body } = await (await sendPost(node, '/v2/repository/index', '{}')).answer;
    assert.equal(body, '[]');
    const beganMs = performance.now();
    assert.equal(await within(20_000, 'the end of the node', node.stop()), 0);
    assert.ok(performance.now() - beganMs < 15_000, 'idle connections are not waited for');
    for (const socket of sockets) socket.destroy();
    for (const other of others) other.close();
  });
});
