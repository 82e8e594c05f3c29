import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { freeFolder, type ProcessEnd, startNodeProgram } from '../node-process/index.ts';
import { within } from './eventually.ts';

/**
 * What a node may take beyond the start of its program, which is measured beside it, for machines that do other things too. With a start
 * within two seconds it keeps to the five that `ModelMeshEtcdFailFastTest` allows (spec `modelmesh.md` §8).
 */
const FAIL_FAST_MS = 3000;

/** A port of the loopback: that nobody listens on, or with somebody who accepts and never says a word. */
async function port(kind: 'closed' | 'silent'): Promise<AsyncDisposable & { readonly port: number }> {
  const server: Server = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  if (kind === 'closed') await close();
  return { port: address.port, [Symbol.asyncDispose]: close };
}

interface Refusal {
  readonly end: ProcessEnd;
  readonly said: string;
  readonly termination: string;
  readonly tookMs: number;
}

async function start(folder: string, store: string): Promise<Refusal> {
  const reason = join(folder, 'termination-log');
  writeFileSync(reason, '');
  const begun = performance.now();
  const environment = { KV_STORE: `etcd:${store}`, LL_TERMINATION_MSG_PATH: reason };
  const program = startNodeProgram(folder, { flags: { 'runtime-server': 'null' }, environment });
  const end = await within(20_000, 'the end of a node without etcd', program.ended);
  const tookMs = performance.now() - begun;
  return { end, said: program.text.join('\n'), termination: readFileSync(reason, 'utf8'), tookMs };
}

/** How long the program takes until it has read its configuration and refuses it. */
async function programStart(): Promise<number> {
  await using folder = await freeFolder();
  const { end, tookMs } = await start(folder.path, join(folder.path, 'no-file'));
  assert.equal(end, 2);
  return tookMs;
}

describe('a node whose etcd cannot be reached (ModelMeshEtcdFailFastTest)', () => {
  for (const kind of ['closed', 'silent'] as const) {
    it(`ends within five seconds with the reason, where the port is ${kind}`, { timeout: 60_000 }, async (context) => {
      await using folder = await freeFolder();
      await using member = await port(kind);
      const startMs = await programStart();
      const { end, said, termination, tookMs } = await start(folder.path, `127.0.0.1:${member.port}`);
      context.diagnostic(`${tookMs.toFixed(0)} ms, of which ${startMs.toFixed(0)} are the start of the program: ${said}`);
      assert.equal(end, 1, said);
      assert.match(said, new RegExp(`no member of etcd can be used: 127\\.0\\.0\\.1:${member.port}: `));
      assert.doesNotMatch(said, /^\s+at /m, 'a sentence, no stack');
      assert.match(termination, /^Service startup failed: no member of etcd/);
      assert.ok(tookMs - startMs < FAIL_FAST_MS, `${tookMs} ms with a start of ${startMs} ms`);
    });
  }

  it('tells everything that is wrong with its JSON at once, and ends with 2', { timeout: 60_000 }, async () => {
    await using folder = await freeFolder();
    const file = join(folder.path, 'etcd_connection');
    writeFileSync(file, JSON.stringify({ endpoints: 'http://a:b', password: 'hunter2' }));
    const { end, said } = await start(folder.path, file);
    assert.equal(end, 2, said);
    assert.match(said, /endpoints has "http:\/\/a:b".*userid is missing/);
    assert.doesNotMatch(said, /hunter2/);
  });
});
