import assert from 'node:assert/strict';
import { it } from 'node:test';
import { GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import { Health, HealthCheckResponse_ServingStatus as Serving } from '@modelmesh/wire/grpc-services';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { within } from '../faults/index.ts';
import { NodeProcess, scrape } from '../node-process/index.ts';

const ECHO = rawMethod('/any.Service/Call');
const UNAVAILABLE = 14;
/** Calls in flight would get this time: the node ends long before, as soon as they are over. */
const FLAGS = { 'runtime-server': 'null', 'shutdown-timeout': '120s', 'prestop-port': '0', 'prestop-host': '127.0.0.1' };
const END_MS = 20_000;

const text = async (address: string | undefined, path: string): Promise<string> => {
  const response = await fetch(`http://${address}${path}`);
  return `${response.status} ${await response.text()}`;
};

/** A conversation that waits between its first message and its second. */
async function conversation(node: NodeProcess) {
  const gate = Promise.withResolvers<void>();
  async function* requests(): AsyncGenerator<readonly Uint8Array[]> {
    yield [Uint8Array.of(1)];
    await gate.promise;
    yield [Uint8Array.of(2)];
  }
  const answers = node.client.exchange(ECHO, requests(), { headers: ['mm-model-id', 'm'] });
  const next = async (): Promise<readonly number[] | undefined> => {
    const { value, done } = await within(END_MS, 'the next answer', answers.next());
    return done === true ? undefined : [...value];
  };
  assert.deepEqual(await next(), [1]);
  return { goOn: gate.resolve, next };
}

it('a node that drains is live and not ready, lets calls end, ends what would last as long as itself, and then answers the pre-stop hook', {
  timeout: 60_000,
}, async () => {
  await using node = await NodeProcess.start({ flags: FLAGS });
  const { probes, prestop, inference } = node.addresses;
  await node.client.unary(ModelMesh.method.registerModel, { modelId: 'm', modelInfo: { type: 'null', path: '' } });
  const { goOn, next } = await conversation(node);
  const watch = node.client.serverStream(Health.method.watch, { service: '' });
  assert.equal((await watch.next()).value?.status, Serving.SERVING);
  const events = await fetch(`${node.url}/api/v1/events?follow=true`);
  assert.deepEqual([await text(probes, '/ready'), await text(probes, '/live')], ['200 ready\n', '200 live\n']);
  assert.equal((await scrape(node)).get('modelmesh_api_request_count') ?? 0, 0);
  let isHookAnswered = false;
  const hook = text(prestop, '/prestop').finally(() => {
    isHookAnswered = true;
  });

  node.program.process.kill('SIGTERM');
  await node.logged('node-ending');

  assert.equal(await text(probes, '/ready'), '503 not ready: the node is shutting down\n');
  assert.equal(await text(probes, '/live'), '200 live\n');
  assert.ok((await scrape(node)).size > 0, 'metrics are there to the end');
  await assert.rejects(fetch(`http://${inference}/v2/health/live`), 'no new connection');
  assert.equal((await watch.next()).value?.status, Serving.NOT_SERVING);
  await assert.rejects(watch.next(), (error) => error instanceof GrpcStatusError && error.code === UNAVAILABLE);
  assert.match(await within(END_MS, 'the events', events.text()), /event: closing\ndata: .*the node is shutting down/);
  assert.deepEqual([isHookAnswered, node.program.hasEnded], [false, false], 'a call is in flight');

  goOn();
  assert.deepEqual([await next(), await next()], [[2], undefined]);
  assert.equal(await within(END_MS, 'the hook', hook), '200 shut down\n');
  assert.equal(await within(END_MS, 'the end of the node', node.program.ended), 0);
});
