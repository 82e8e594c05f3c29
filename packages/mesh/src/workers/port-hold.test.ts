import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { platform } from 'node:process';
import { it } from 'node:test';
import { holdPort, nameOpenPort } from './port-hold.ts';

const elsewhere = platform === 'linux' ? false : 'abstract sockets and shared ports are of Linux';
const host = '127.0.0.1';

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

it('a port that one holds cannot be held a second time, until it is let go', { skip: elsewhere }, async () => {
  const port = await freePort();
  const hold = await holdPort({ host, port });
  await assert.rejects(holdPort({ host, port }), /cannot listen on port \d+ of 127\.0\.0\.1: port-taken: another program has it/);
  hold.release();
  const again = await holdPort({ host, port });
  again.release();
});

it('a port at which another program listens, sharing it or not, cannot be held', { skip: elsewhere }, async () => {
  for (const reusePort of [false, true]) {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen({ host, port: 0, reusePort }, resolve));
    const { port } = other.address() as AddressInfo;
    await assert.rejects(holdPort({ host, port }), /port-taken/);
    // What failed holds nothing: only the other program is in the way.
    await new Promise((resolve) => other.close(resolve));
    const hold = await holdPort({ host, port });
    hold.release();
  }
});

it('of many that start at the same time one gets the port', { skip: elsewhere }, async () => {
  const port = await freePort();
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => holdPort({ host, port })));
  const holds = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  assert.equal(holds.length, 1);
  for (const hold of holds) hold.release();
});

it('a port that the system chose is named afterwards', { skip: elsewhere }, async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host, port: 0, reusePort: true }, resolve));
  const { port } = server.address() as AddressInfo;
  const hold = await nameOpenPort({ host, port });
  await assert.rejects(holdPort({ host, port }), /port-taken/);
  hold.release();
  await new Promise((resolve) => server.close(resolve));
});
