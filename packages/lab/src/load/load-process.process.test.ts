import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { RuntimeProcess } from '../node-process/index.ts';
import { type CallsOrder, LoadProcess } from './index.ts';

/** A port in front of the runtime's socket, since a load process calls ports. */
async function portOf(runtime: RuntimeProcess): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket) => {
    const inner = connect(runtime.socketPath);
    socket.pipe(inner).pipe(socket);
    for (const each of [socket, inner]) each.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())) };
}

const orderAt = (port: number, metadata: readonly string[] = []): CallsOrder => ({
  port,
  path: '/any.Service/Call',
  metadata,
  messageBytes: 256,
  connections: 2,
  streamsPerConnection: 4,
});

describe('a load process', { timeout: 60_000 }, () => {
  it('makes loads, one after the other, and says why one failed', async () => {
    await using runtime = await RuntimeProcess.start({ environment: { MESH_RUNTIME_SERVER: 'null' } });
    await using front = await portOf(runtime);
    await using load = new LoadProcess();

    const unique = await load.run({ ...orderAt(front.port), uniqueHeaders: true, calls: 400 });
    const same = await load.run({ ...orderAt(front.port), uniqueHeaders: false, calls: 80 });
    const failing = load.run({ ...orderAt(front.port, ['null-fail', 'ABORTED so it is']), uniqueHeaders: false, calls: 8 });

    await assert.rejects(failing, /8 failures of 8:\n {2}8 × grpc-status 10: so it is/);
    assert.deepEqual([unique.completed, same.completed], [400, 80]);
    assert.ok(unique.perSecond > 0 && unique.p50Ms > 0 && unique.p99Ms >= unique.p50Ms);
  });

  it('holds streams open, sends a message on each in rounds, and ends them', async () => {
    await using runtime = await RuntimeProcess.start({ environment: { MESH_RUNTIME_SERVER: 'null' } });
    await using front = await portOf(runtime);
    await using load = new LoadProcess();

    await assert.rejects(load.round(), /no stream is held/);
    const opened = await load.hold({ ...orderAt(front.port), streamsPerConnection: 200 });
    const round = await load.round();
    const released = await load.release();

    assert.deepEqual([opened.completed, round.completed, released.completed], [400, 400, 400]);
    await assert.rejects(load.round(), /no stream is held/);
  });

  it('says so when it ends amid a load', async () => {
    await using runtime = await RuntimeProcess.start({ environment: { MESH_RUNTIME_SERVER: 'null' } });
    await using front = await portOf(runtime);
    await using load = new LoadProcess();
    await load.hold(orderAt(front.port));

    const endless = load.run({ ...orderAt(front.port), uniqueHeaders: false, calls: 1e9 });
    process.kill(load.pid, 'SIGKILL');

    await assert.rejects(endless, /has ended/);
  });
});
