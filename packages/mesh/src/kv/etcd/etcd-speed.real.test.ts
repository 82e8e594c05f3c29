import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GrpcClient, protobufMethod } from '@modelmesh/grpc/call';
import { createFrameEngine, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { realClock } from '@modelmesh/grpc/testing';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { KV } from '@modelmesh/wire/etcd';
import { EtcdProcess, etcdTools, put } from '../testing/index.ts';
import { openEtcdKv } from './index.ts';

const tools = etcdTools(process.env);
const TXN = protobufMethod(KV.method.txn);
const RECORD = JSON.stringify({ type: 'onnx', mPath: 'models/digits', encKey: 'x'.repeat(100) });
const CALLERS = 64;
const WRITES = 10_000;

/** Writes per second of callers that each wait for their write before the next. */
async function rate(write: (index: number) => Promise<void>): Promise<number> {
  let left = WRITES;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await write(left);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return (WRITES / (performance.now() - start)) * 1000;
}

describe('the speed of a real etcd', { skip: tools.missing }, () => {
  let etcd: EtcdProcess;
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
  });
  after(() => etcd?.dispose());

  it(`is several times that of one request for each change, with ${CALLERS} callers`, { timeout: 300_000 }, async (context) => {
    const { host, port } = etcd.endpoint;
    const connection = createFrameEngine({ clock: realClock }).connect({ kind: 'tcp', host, port }, DEFAULT_STREAM_LIMITS);
    const timers = new TimerWheel(realClock);
    const client = new GrpcClient(connection, { clock: realClock, timers, authority: host, messageBytesMax: 1_000_000 });
    const value = Buffer.from(RECORD);
    const single = await rate(async (index) => {
      const request = { case: 'requestPut' as const, value: { key: Buffer.from(`/single/${index}`), value } };
      await client.call(TXN, { success: [{ request }] });
    });
    connection.close();
    const kv = await openEtcdKv({ location: '', clock: realClock, etcd: { endpoints: [etcd.endpoint], rootPrefix: '' } });
    const together = await rate(async (index) => {
      const key = `/together/${index}`;
      const outcome = await kv.txn({ conditions: [{ kind: 'absent', key }], operations: [put(key, RECORD)] });
      assert.equal(outcome.kind, 'committed');
    });
    await kv.close();
    context.diagnostic(`${CALLERS} callers: ${together.toFixed(0)} writes/s, ${single.toFixed(0)} with one request for each`);
    assert.ok(together > 2 * single);
  });
});
