import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { describe, it } from 'node:test';
import { etcdTools } from '@modelmesh/mesh/kv/testing';
import { APART, apart, NetworkSpace } from '../chaos/index.ts';
import { ClusterProcess } from '../cluster-process/index.ts';
import { eventually } from '../faults/index.ts';
import { renderTable } from '../figures/index.ts';
import { callOnce, edit, editsHold, editsTable, makeVariants, runEdits } from './index.ts';

const tools = etcdTools(process.env);
const NODES = 3;
/** `npm run lab:edits` does it for two minutes. */
const SIZE = { clients: 32, seconds: 20 } as const;

describe('an endpoint of three real nodes', { skip: tools.missing }, () => {
  it('that is edited every second answers by no old revision once its successor is acknowledged', {
    timeout: 180_000,
  }, async (t) => {
    await using cluster = await ClusterProcess.start({ nodes: NODES, etcd: tools });
    const figures = await runEdits(cluster, SIZE);
    const table = renderTable(editsTable(figures), false);
    t.diagnostic(table);
    assert.ok(editsHold(figures), table);
  });

  it('of which one is cut off from the others and the registry: an edit names it, and its answers say what they may be', {
    timeout: 180_000,
  }, async (t) => {
    const space = NetworkSpace.make();
    if (typeof space === 'string') return t.skip(`no network namespace can be made here: ${space}`);
    using network = space;
    await using cluster = await ClusterProcess.start({ nodes: NODES, etcd: tools, ...apart(network) });
    const others = cluster.nodes.filter((_, at) => at !== APART);
    const [here] = others;
    const cut = cluster.node(APART);
    assert.ok(here);
    await makeVariants(cluster.nodes);
    assert.deepEqual((await edit(here, [1, 0, 0])).missing, []);
    const agent = new Agent({ keepAlive: true });
    const seenAt = (node: typeof cut) => callOnce(agent, node.process.addresses.inference, 'c');
    const before = await seenAt(cut);
    assert.deepEqual([before.variant, before.staleSince], ['one', null]);

    network.mesh.cut();
    const apartMade = await edit(here, [0, 1, 0]);

    assert.deepEqual(
      apartMade.missing.map(({ instance }) => instance),
      [cut.id],
    );
    assert.deepEqual(apartMade.acknowledged.toSorted(), others.map(({ id }) => id).toSorted());
    const fresh = await seenAt(here);
    assert.deepEqual([fresh.revision, fresh.variant, fresh.staleSince], [apartMade.revision, 'two', null]);
    const stale = await eventually('the node that is cut off says so', 30_000, async () => {
      const answer = await seenAt(cut);
      return answer.staleSince === null ? undefined : answer;
    });
    assert.deepEqual([stale.revision, stale.variant, stale.isRight], [before.revision, 'one', true]);
    assert.ok(Date.parse(stale.staleSince ?? '') > 0, `since ${stale.staleSince}`);

    network.mesh.mend();
    await cluster.converged(60_000);
    const mended = await edit(here, [0, 0, 1], 60_000);
    assert.deepEqual(mended.missing, []);
    const back = await eventually('it hears the registry again', 30_000, async () => {
      const answer = await seenAt(cut);
      return answer.staleSince === null ? answer : undefined;
    });
    assert.deepEqual([back.revision, back.variant], [mended.revision, 'three']);
    agent.destroy();
  });
});
