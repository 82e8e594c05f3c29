import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, endpointId } from '@modelmesh/core';
import type { SlotRun } from '@modelmesh/core/records';
import { SeededRandom } from '@modelmesh/core/testing';
import { slotCounts } from '@modelmesh/core/traffic';
import type { ArmCount } from '../../link/index.ts';
import { MeshRig, type RigNode } from '../testing/index.ts';

const PERIOD_MS = 5000;

const manifestOf = (strategy: unknown, weights: readonly number[] = [1, 1]) => ({
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Endpoint',
  metadata: { name: 'e' },
  spec: {
    variants: weights.map((weight, at) => ({ name: `v${at}`, model: `m${at}`, weight })),
    default: 'v0',
    strategy,
  },
});

const THOMPSON = { name: 'thompson', config: { explore: 0.1 } };

async function meshOf(names: readonly string[]): Promise<MeshRig> {
  const rig = await MeshRig.of(names, { random: new SeededRandom(6), strategyPeriodMs: durationMs(PERIOD_MS) });
  await rig.register('m0', 'm1', 'm2');
  return rig;
}

async function apply(rig: MeshRig, node: RigNode, manifest: unknown): Promise<void> {
  const applying = node.running.control.apply(manifest, new AbortController().signal);
  applying.catch(() => {});
  await rig.after(1000);
  await applying;
}

/** What the workers of a node were told last of the endpoint. */
function routeOf(node: RigNode): { readonly revision: number; readonly published: readonly SlotRun[] | null } | undefined {
  for (const message of node.told.toReversed()) {
    const endpoints =
      message.kind === 'route-delta' ? message.put.endpoints : message.kind === 'route-snapshot' ? message.parts.endpoints : [];
    const [found] = endpoints;
    if (found !== undefined) return { revision: found.revision, published: found.policy?.published ?? null };
  }
  return undefined;
}

const shareOf = (node: RigNode, variant: string): number | undefined => {
  const published = routeOf(node)?.published;
  return published == null ? undefined : (slotCounts(published).get(variant) ?? 0) / 100;
};

const counted = (revision: number, variant: string, calls: number, rewards: number): ArmCount => ({
  id: endpointId('e'),
  revision,
  variant,
  calls,
  rewards,
});

describe('an endpoint whose strategy learns', () => {
  it('gets weights by what the calls of all nodes came to, on all nodes alike', async () => {
    const rig = await meshOf(['a', 'b', 'c']);
    await apply(rig, rig.node('a'), manifestOf(THOMPSON));
    const revision = routeOf(rig.node('b'))?.revision ?? 0;
    assert.ok(revision > 0);
    await rig.after(3 * PERIOD_MS);
    for (const node of rig.nodes.values()) assert.equal(shareOf(node, 'v1'), undefined, 'nothing was learned yet');
    // Each node alone has too few calls of one of them.
    rig.node('a').counts([counted(revision, 'v0', 40, 10)]);
    rig.node('b').counts([counted(revision, 'v1', 30, 29)]);
    rig.node('c').counts([counted(revision, 'v1', 30, 29)]);
    await rig.after(4 * PERIOD_MS);
    for (const node of rig.nodes.values()) assert.equal(shareOf(node, 'v1'), 95);
    assert.deepEqual(routeOf(rig.node('a')), routeOf(rig.node('c')));
    await rig.close();
  });

  it('does not forget what a node had counted that went, nor when another leads', async () => {
    const rig = await meshOf(['a', 'b', 'c']);
    await apply(rig, rig.node('b'), manifestOf(THOMPSON));
    const revision = routeOf(rig.node('b'))?.revision ?? 0;
    rig.node('b').counts([counted(revision, 'v0', 100, 10), counted(revision, 'v1', 100, 90)]);
    await rig.after(3 * PERIOD_MS);
    assert.equal(shareOf(rig.node('c'), 'v1'), 95);
    await rig.remove('b');
    await rig.after(3 * PERIOD_MS);
    assert.equal(shareOf(rig.node('c'), 'v1'), 95, 'the leader had seen what b had counted');
    await rig.remove('a');
    await rig.after(3 * PERIOD_MS);
    // Ten calls of each would be all that c knows if nothing had been kept.
    rig.node('c').counts([counted(revision, 'v0', 10, 10), counted(revision, 'v1', 10, 0)]);
    await rig.after(4 * PERIOD_MS);
    assert.equal(shareOf(rig.node('c'), 'v1'), 95);
    await rig.close();
  });

  it('begins anew with another policy, and what was counted under the old one says nothing', async () => {
    const rig = await meshOf(['a', 'b']);
    await apply(rig, rig.node('a'), manifestOf(THOMPSON));
    const before = routeOf(rig.node('b'))?.revision ?? 0;
    rig.node('b').counts([counted(before, 'v0', 100, 0), counted(before, 'v1', 100, 100)]);
    await rig.after(3 * PERIOD_MS);
    assert.equal(shareOf(rig.node('b'), 'v1'), 95);
    await apply(rig, rig.node('a'), manifestOf(THOMPSON, [1, 1, 1]));
    assert.equal(shareOf(rig.node('b'), 'v1'), undefined);
    rig.node('b').counts([counted(before, 'v1', 100, 100)]);
    await rig.after(3 * PERIOD_MS);
    assert.equal(shareOf(rig.node('b'), 'v1'), undefined);
    await rig.close();
  });

  it('that is deleted and made anew at once begins anew, though its revision is the same', async () => {
    const rig = await meshOf(['a', 'b']);
    await apply(rig, rig.node('a'), manifestOf(THOMPSON));
    const revision = routeOf(rig.node('b'))?.revision ?? 0;
    for (const node of rig.nodes.values()) node.counts([counted(revision, 'v0', 100, 0), counted(revision, 'v1', 100, 100)]);
    await rig.after(3 * PERIOD_MS);
    assert.equal(shareOf(rig.node('b'), 'v1'), 95);
    const { control } = rig.node('a').running;
    const removing = control.deleteResource('Endpoint', 'e');
    await rig.settle();
    await removing;
    await apply(rig, rig.node('a'), manifestOf(THOMPSON));
    assert.equal(routeOf(rig.node('b'))?.revision, revision);
    for (let turn = 0; turn < 3; turn++) {
      assert.equal(shareOf(rig.node('b'), 'v1'), undefined, 'what was learned before is forgotten');
      await rig.after(PERIOD_MS);
    }
    rig.node('b').counts([counted(revision, 'v0', 100, 100), counted(revision, 'v1', 100, 0)]);
    await rig.after(3 * PERIOD_MS);
    assert.equal(shareOf(rig.node('b'), 'v1'), 5);
    await rig.close();
  });

  it('leaves nothing behind when it is gone', async () => {
    const rig = await meshOf(['a']);
    await apply(rig, rig.node('a'), manifestOf(THOMPSON));
    const revision = routeOf(rig.node('a'))?.revision ?? 0;
    rig.node('a').counts([counted(revision, 'v0', 100, 0), counted(revision, 'v1', 100, 100)]);
    await rig.after(3 * PERIOD_MS);
    assert.equal(await rig.stored('endpoint-weights'), 1);
    const removing = rig.node('a').running.control.deleteResource('Endpoint', 'e');
    await rig.after(3 * PERIOD_MS);
    await removing;
    assert.equal(await rig.stored('endpoint-weights'), 0);
    await rig.close();
  });
});

it('a mesh without such an endpoint does nothing for it', async () => {
  const rig = await meshOf(['a']);
  await apply(rig, rig.node('a'), manifestOf({ name: 'weighted' }));
  rig.node('a').counts([counted(routeOf(rig.node('a'))?.revision ?? 0, 'v0', 5, 5)]);
  await rig.after(3 * PERIOD_MS);
  assert.deepEqual([await rig.stored('endpoint-weights'), await rig.stored('strategy-figures')], [0, 0]);
  await rig.close();
});
