import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EtcdProcess, etcdTools } from '@modelmesh/mesh/kv/testing';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { applyModel } from '../faults/index.ts';
import type { NodeProcess } from '../node-process/index.ts';
import { echo, type MeshOfNodes, startMesh } from './index.ts';

const tools = etcdTools(process.env);
/** Callers at a time, each with one call after the other. */
const CALLERS = 8;
const CALLS_BEFORE = 200;
const CALLS_AFTER = 2000;

/** Where the copies of a model are, once there are `count`: the oldest first, which alone is called for as long as the others may still load. */
async function placesOf(node: NodeProcess, modelId: string, count: number): Promise<readonly string[]> {
  for (;;) {
    const { modelCopyInfos } = await node.client.unary(ModelMesh.method.getModelStatus, { modelId });
    const places = modelCopyInfos.toSorted((a, b) => Number(a.time - b.time)).map(({ location }) => location);
    if (places.length >= count) return places;
    await echo(node.client, modelId, 'wake');
  }
}

/** What callers saw. */
interface Seen {
  readonly errors: readonly string[];
  readonly calls: number;
  readonly slowestMs: number;
}

/** Calls through `entry` all the time; `strike` happens after the first calls. */
async function callThrough(entry: NodeProcess, modelId: string, strike: () => Promise<unknown>): Promise<Seen> {
  const errors: string[] = [];
  let [calls, slowestMs] = [0, 0];
  let struck: Promise<unknown> | undefined;
  const { client } = entry;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (calls < CALLS_BEFORE + CALLS_AFTER) {
        calls += 1;
        if (calls === CALLS_BEFORE) struck = strike();
        const text = `call ${calls}`;
        const startedMs = performance.now();
        try {
          assert.equal(await echo(client, modelId, text), text);
        } catch (error) {
          errors.push(String(error));
        }
        slowestMs = Math.max(slowestMs, performance.now() - startedMs);
      }
    }),
  );
  await struck;
  return { errors, calls, slowestMs };
}

/** A node that forwards, and one of two others that have copies. */
async function cast(mesh: MeshOfNodes, modelId: string): Promise<{ readonly entry: NodeProcess; readonly victim: NodeProcess }> {
  await applyModel(mesh.at(0), modelId, {
    storage: { uri: 'size 8192' },
    spec: { format: { name: 'null' }, copies: { min: 2, max: 2 } },
  });
  const places = await placesOf(mesh.at(0), modelId, 2);
  const at = (name: string): NodeProcess => mesh.at(name.charCodeAt(0) - 97);
  const entry = mesh.nodes.find((_node, index) => !places.includes(String.fromCharCode(97 + index)));
  assert.ok(entry !== undefined, `copies at ${places.join()}`);
  return { entry, victim: at(places[0] ?? 'a') };
}

describe('a node of three', { skip: tools.missing }, () => {
  let etcd: EtcdProcess;
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
  });
  after(() => etcd?.dispose());

  it('that is killed under load costs no caller an error', { timeout: 180_000 }, async (t) => {
    await using mesh = await startMesh(etcd, 3);
    const { entry, victim } = await cast(mesh, 'killed');
    const seen = await callThrough(entry, 'killed', () => victim.kill('SIGKILL'));
    t.diagnostic(JSON.stringify(seen));
    assert.deepEqual(seen.errors, []);
  });

  it('that is stopped under load costs no caller an error, and answers again when it goes on', {
    timeout: 180_000,
  }, async (t) => {
    await using mesh = await startMesh(etcd, 3);
    const { entry, victim } = await cast(mesh, 'stopped');
    const seen = await callThrough(entry, 'stopped', async () => process.kill(victim.pid, 'SIGSTOP'));
    t.diagnostic(JSON.stringify(seen));
    process.kill(victim.pid, 'SIGCONT');
    assert.deepEqual(seen.errors, []);
    await entry.logged('peer-unreachable');
    await entry.logged('peer-reachable');
  });
});
