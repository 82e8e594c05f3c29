import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { rawMethod } from '@modelmesh/grpc/call';
import { ModelMesh, ModelStatusInfo_ModelStatus as Status } from '@modelmesh/wire/mmesh';
import {
  freeFolder,
  type LogLine,
  NodeProcess,
  type NodeProcessOptions,
  scrape,
  startNodeProgram,
} from '../node-process/index.ts';

const elsewhere = process.platform === 'linux' ? false : 'ports are shared by several workers on Linux alone';
const echo = rawMethod('/any.Service/Call');
const TWO = { 'runtime-server': 'null', workers: '2' };
const HANG_WORKER = fileURLToPath(new URL('./hang-worker.ts', import.meta.url));

const register = (node: NodeProcess, modelId: string) =>
  node.client.unary(ModelMesh.method.registerModel, { modelId, modelInfo: { type: 'null', path: 'size 8192' } });

/** A call on a connection of its own, so that either worker may have it. */
async function callAnew(node: NodeProcess, modelId: string, text: string): Promise<string> {
  using connection = node.connect();
  const answer = await connection.client.call(echo, [Buffer.from(text)], { headers: ['mm-model-id', modelId] });
  return Buffer.from(answer).toString();
}

const CALLS = 'modelmesh_api_request_milliseconds_count{method="Call",code="OK"}';
/** So many that each worker has some, by all chance. */
const CONNECTIONS = 24;

/** So long a slow model takes, and far longer than a node that does not wait for it. */
const SLOW_MS = 3000;

/** The first line with that event about a worker. */
const lineOf = (node: NodeProcess, event: string, worker: number): Promise<LogLine> =>
  node.program.until((line) => line.event === event && line.worker === worker, `${event} of worker ${worker}`, 30_000);

/** A node whose workers hang and fall at a word. */
async function startMortal(folder: string, options: NodeProcessOptions = {}): Promise<NodeProcess> {
  return NodeProcess.start({
    ...options,
    flags: { ...TWO, ...options.flags },
    imports: [HANG_WORKER],
    environment: { LAB_HANG_FOLDER: folder },
  });
}

describe('a node with two workers', { skip: elsewhere }, () => {
  it('serves calls, management, metadata and pages of metrics at whichever worker a connection comes to', {
    timeout: 120_000,
  }, async () => {
    await using node = await NodeProcess.start({ flags: TWO });
    await register(node, 'm');
    for (let at = 0; at < CONNECTIONS; at++) assert.equal(await callAnew(node, 'm', `call ${at}`), `call ${at}`);
    for (let at = 0; at < CONNECTIONS; at++) {
      // Without keep-alive each request is a connection.
      const ask = (path: string): Promise<Response> => fetch(`${node.url}${path}`, { headers: { connection: 'close' } });
      assert.deepEqual(await (await ask('/v2/models/m/ready')).json(), { name: 'm', ready: true });
      assert.equal((await ask('/v2/health/ready')).status, 200);
      using connection = node.connect();
      const { status } = await connection.client.unary(ModelMesh.method.getModelStatus, { modelId: 'm' });
      assert.equal(status, Status.LOADED);
    }
    const page = await scrape(node);
    assert.equal(page.get(CALLS), CONNECTIONS, 'what both measured is summed up');
    for (const worker of [0, 1]) assert.ok(page.has(`mesh_worker_eventloop_lag_p99_seconds{worker="${worker}"}`));
  });

  it('has its port alone: a second node with two workers fails with port-taken, and the first goes on', {
    timeout: 120_000,
  }, async () => {
    await using node = await NodeProcess.start({ flags: TWO });
    await register(node, 'm');
    const [, port = ''] = node.addresses.inference.split(':');
    for (const workers of ['2', '1']) {
      await using folder = await freeFolder();
      const second = startNodeProgram(folder.path, { flags: { ...TWO, workers, 'listeners-inference-port': port } });
      assert.equal(await second.ended, 1);
      assert.match(second.text.join('\n'), new RegExp(`cannot listen on port ${port} of 127\\.0\\.0\\.1: port-taken: `));
    }
    for (let at = 0; at < CONNECTIONS; at++) assert.equal(await callAnew(node, 'm', 'still'), 'still');
  });

  it('replaces a worker that hangs, while the other serves, and forgets no call that was counted', {
    timeout: 120_000,
  }, async () => {
    await using words = await freeFolder();
    await using node = await startMortal(words.path);
    await register(node, 'm');
    for (let at = 0; at < CONNECTIONS; at++) await callAnew(node, 'm', 'before');
    assert.equal((await scrape(node)).get(CALLS), CONNECTIONS);

    writeFileSync(join(words.path, 'hang-0'), '');
    const replaced = await node.logged('worker-replaced');
    assert.deepEqual([replaced.worker, replaced.reason], [0, 'silent']);
    await node.logged('worker-started');

    for (let at = 0; at < CONNECTIONS; at++) assert.equal(await callAnew(node, 'm', 'after'), 'after');
    const page = await scrape(node);
    assert.equal(page.get(CALLS), 2 * CONNECTIONS);
    assert.equal(page.get('mesh_worker_restarts_total{reason="silent"}'), 1);
  });

  it('replaces a worker that falls, with calls in flight, and its copies can be unloaded', { timeout: 120_000 }, async () => {
    await using words = await freeFolder();
    await using node = await startMortal(words.path);
    await node.client.unary(ModelMesh.method.registerModel, {
      modelId: 'slow',
      modelInfo: { type: 'null', path: 'size 8192; answer 60000' },
    });
    const outcomes = Promise.allSettled(Array.from({ length: CONNECTIONS }, () => callAnew(node, 'slow', 'x')));
    await node.logged('model-loaded');
    for (const worker of [1, 0]) {
      writeFileSync(join(words.path, `fall-${worker}`), '');
      const { reason } = await lineOf(node, 'worker-replaced', worker);
      assert.equal(reason, 'ended');
      await lineOf(node, 'worker-started', worker);
    }
    assert.deepEqual(new Set((await outcomes).map(({ status }) => status)), new Set(['rejected']));
    // It would wait for calls that nobody ends, were they still counted.
    using connection = node.connect();
    await connection.client.unary(ModelMesh.method.unregisterModel, { modelId: 'slow' });
    await node.logged('model-unloaded');
  });

  it('lets the calls of both workers end when it ends, and takes what changes in its configuration to both', {
    timeout: 120_000,
  }, async () => {
    await using folder = await freeFolder();
    const configPath = join(folder.path, 'mesh.yaml');
    writeFileSync(configPath, 'log: {calls: false}\n');
    await using node = await NodeProcess.start({ flags: { ...TWO, config: configPath } });
    const slow = { type: 'null', path: `size 8192; answer ${SLOW_MS}` };
    await node.client.unary(ModelMesh.method.registerModel, { modelId: 'slow', modelInfo: slow, loadNow: true, sync: true });
    await register(node, 'm');
    writeFileSync(configPath, 'log: {calls: true}\n');
    node.program.process.kill('SIGHUP');
    await node.logged('config-changed');

    const links = Array.from({ length: CONNECTIONS }, () => node.connect());
    const callAll = (modelId: string) =>
      links.map(({ client }) => client.call(echo, [Buffer.from('x')], { headers: ['mm-model-id', modelId] }));
    // A worker hears of the change a moment later than control, and its lines come later than its answers.
    let isLogged = false;
    const logged = Promise.all([0, 1].map((worker) => lineOf(node, 'call', worker))).finally(() => {
      isLogged = true;
    });
    while (!isLogged) await Promise.all(callAll('m'));
    await logged;

    const answers = Promise.all(callAll('slow'));
    // Each connection keeps the order of what is sent on it: the slow calls were taken when these are answered.
    await Promise.all(callAll('m'));
    const end = node.stop();
    assert.equal((await answers).length, CONNECTIONS);
    for (const link of links) link.close();
    assert.equal(await end, 0);
  });
});
