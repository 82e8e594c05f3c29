import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { it } from 'node:test';
import { within } from '../faults/index.ts';
import { NodeProcess } from '../node-process/index.ts';

/** The grace is much longer than the whole test may take. */
const FLAGS = { 'runtime-server': 'null', 'shutdown-timeout': '120s' };
const END_MS = 20_000;

/** Begins a request that never comes to its end; what is heard until the connection ends. */
function trickle(address: string | undefined, begun: string): { readonly heard: Promise<string>; readonly socket: Socket } {
  const [host = '', port = ''] = (address ?? '').split(':');
  const socket = connect(Number(port), host);
  socket.setEncoding('utf8').write(begun);
  const heard = (async () => {
    let text = '';
    for await (const chunk of socket) text += chunk;
    return text;
  })();
  return { heard, socket };
}

it('a node that is told to end waits neither for bodies nor for headers that trickle in, and says so', {
  timeout: 60_000,
}, async () => {
  await using node = await NodeProcess.start({ flags: FLAGS });
  const json = 'host: a\r\ncontent-type: application/json\r\ncontent-length: 10000\r\n\r\n{';
  const trickles = [
    `POST /v2/repository/index HTTP/1.1\r\n${json}`,
    `POST /api/v1/apply HTTP/1.1\r\n${json}`,
    'GET /v2/health/live HTTP/1.1\r\nhos',
  ].map((begun) => trickle(node.addresses.inference, begun));
  // A later request that is answered says that the earlier ones are there.
  assert.equal((await fetch(`${node.url}/v2/health/live`)).status, 200);
  node.program.process.kill('SIGTERM');
  await node.logged('node-ending');
  for (const { heard } of trickles) {
    const answer = await within(END_MS, 'the refusal', heard);
    assert.match(answer, /^HTTP\/1\.1 503 .*connection: close.*"error":"the node is shutting down, and the/is);
  }
  assert.equal(await within(END_MS, 'the end of the node', node.program.ended), 0);
});
