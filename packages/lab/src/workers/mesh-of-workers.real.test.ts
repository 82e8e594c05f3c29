import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EtcdProcess, etcdTools } from '@modelmesh/mesh/kv/testing';
import { freeFolder, type NodeProcess, scrape } from '../node-process/index.ts';
import { echo, registerNull, startMember } from '../peers/index.ts';

const tools = etcdTools(process.env);
const elsewhere = process.platform === 'linux' ? tools.missing : 'ports are shared by several workers on Linux alone';
const HANG_WORKER = fileURLToPath(new URL('./hang-worker.ts', import.meta.url));
/** So many that each worker has some, by all chance. */
const CONNECTIONS = 24;
const LANES = 8;

/** Calls through a node on a connection of its own each, so that either worker may have it. */
async function callAnew(node: NodeProcess, modelId: string): Promise<void> {
  for (let at = 0; at < CONNECTIONS; at++) {
    using connection = node.connect();
    assert.equal(await echo(connection.client, modelId, `call ${at}`), `call ${at}`);
  }
}

describe('nodes with two workers each on one etcd', { skip: elsewhere }, () => {
  let etcd: EtcdProcess;
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
  });
  after(() => etcd?.dispose());

  it('answer for each other at whichever workers calls and connections between nodes come to, and go on when workers of one fall', {
    timeout: 180_000,
  }, async () => {
    await using places = new AsyncDisposableStack();
    const members: { readonly node: NodeProcess; readonly words: string }[] = [];
    for (const name of ['a', 'b', 'c']) {
      const { path: words } = places.use(await freeFolder());
      const options = { flags: { workers: '2' }, imports: [HANG_WORKER], environment: { LAB_HANG_FOLDER: words } };
      members.push({ node: places.use(await startMember(etcd, name, options)), words });
    }
    const [first] = members;
    assert.ok(first !== undefined);
    await registerNull(first.node, 'one', 'size 8192', true);
    for (const { node } of members) await callAnew(node, 'one');
    const forwarded = await Promise.all(
      members.map(async ({ node }) => (await scrape(node)).get('mesh_forwarded_calls_total{outcome="answered"}') ?? 0),
    );
    assert.deepEqual(
      forwarded.toSorted((one, two) => one - two),
      [0, CONNECTIONS, CONNECTIONS],
      'two of three nodes sent all of theirs on',
    );
    const holder = members[forwarded.indexOf(0)];
    const caller = members.find((member) => member !== holder);
    assert.ok(holder !== undefined && caller !== undefined);

    let goes = true;
    const lanes = Array.from({ length: LANES }, async () => {
      while (goes) assert.equal(await echo(caller.node.client, 'one', 'x'), 'x');
    });
    for (const worker of [0, 1]) {
      writeFileSync(join(holder.words, `hang-${worker}`), '');
      await started(holder.node, worker);
    }
    goes = false;
    await Promise.all(lanes);
    for (const { node } of members) await callAnew(node, 'one');
  });
});

const started = async (node: NodeProcess, worker: number): Promise<void> => {
  await node.program.until((line) => line.event === 'worker-started' && line.worker === worker, `a new worker ${worker}`, 60_000);
};
