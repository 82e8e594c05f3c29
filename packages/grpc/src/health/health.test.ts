import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health as HealthService, HealthCheckResponse_ServingStatus as Status } from '@modelmesh/wire/grpc-services';
import { GrpcStatusError } from '../call/index.ts';
import { serveRouter } from '../testing/index.ts';
import { addHealth, HEALTH_SERVICES_MAX, HEALTH_WATCHES_MAX, HealthBoard } from './index.ts';

test('check answers with the status, and NOT_FOUND for a service that is not known', async () => {
  const board = new HealthBoard();
  board.set('', 'serving');
  board.set('inference.GRPCInferenceService', 'not-serving');
  await using served = await serveRouter((router) => addHealth(router, board));
  const check = (service: string) => served.client.unary(HealthService.method.check, { service });
  assert.equal((await check('')).status, Status.SERVING);
  assert.equal((await check('inference.GRPCInferenceService')).status, Status.NOT_SERVING);
  await assert.rejects(check('other'), (error) => error instanceof GrpcStatusError && error.code === 5);
});

test('list answers with every service', async () => {
  const board = new HealthBoard();
  board.set('', 'serving');
  board.set('a', 'not-serving');
  await using served = await serveRouter((router) => addHealth(router, board));
  const { statuses } = await served.client.unary(HealthService.method.list, {});
  assert.deepEqual(
    Object.entries(statuses).map(([service, { status }]) => [service, status]),
    [
      ['', Status.SERVING],
      ['a', Status.NOT_SERVING],
    ],
  );
});

test('a watch tells the present status at once and then each change, of unknown services too', async () => {
  const board = new HealthBoard();
  await using served = await serveRouter((router) => addHealth(router, board));
  const watch = served.client.serverStream(HealthService.method.watch, { service: 'a' });
  const next = async () => (await watch.next()).value?.status;
  assert.equal(await next(), Status.SERVICE_UNKNOWN);
  board.set('a', 'serving');
  assert.equal(await next(), Status.SERVING);
  board.set('a', 'serving');
  board.set('a', 'not-serving');
  assert.equal(await next(), Status.NOT_SERVING);
  await watch.return?.();
});

test('a board that is closed is not serving for ever, and ends its watches after telling them so', async () => {
  const board = new HealthBoard();
  board.set('a', 'serving');
  await using served = await serveRouter((router) => addHealth(router, board));
  const watch = served.client.serverStream(HealthService.method.watch, { service: 'a' });
  assert.equal((await watch.next()).value?.status, Status.SERVING);
  board.close();
  board.set('a', 'serving');
  assert.equal((await watch.next()).value?.status, Status.NOT_SERVING);
  await assert.rejects(watch.next(), (error) => error instanceof GrpcStatusError && error.code === 14);
  assert.equal((await served.client.unary(HealthService.method.check, { service: 'a' })).status, Status.NOT_SERVING);
});

test('a board refuses more services than its limit', () => {
  const board = new HealthBoard();
  for (let index = 0; index < HEALTH_SERVICES_MAX; index += 1) board.set(`s${index}`, 'serving');
  board.set('s0', 'not-serving');
  assert.throws(() => board.set('one more', 'serving'), { kind: 'overloaded' });
});

test('a board refuses more watches than its limit, and a watch that ends makes room', async () => {
  const board = new HealthBoard();
  const controller = new AbortController();
  const watches = Array.from({ length: HEALTH_WATCHES_MAX }, () => board.watch('', controller.signal));
  await Promise.all(watches.map((watch) => watch.next()));
  await assert.rejects(board.watch('', controller.signal).next(), { kind: 'overloaded' });
  await watches[0]?.return(undefined);
  const late = board.watch('', controller.signal);
  assert.equal((await late.next()).value, Status.SERVICE_UNKNOWN);
  const waiting = late.next();
  controller.abort(new Error('over'));
  await assert.rejects(waiting, /over/);
});
