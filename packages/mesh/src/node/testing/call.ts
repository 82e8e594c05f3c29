import assert from 'node:assert/strict';
import type { MeshRig, RigNode } from './mesh-rig.ts';

/** Attempts of one call, as many as the data plane makes. */
const ATTEMPTS_MAX = 8;

/** Sends a call as the data plane does: to whoever control names. The node that serves. */
export async function call(rig: MeshRig, entry: RigNode, model: string): Promise<RigNode> {
  const tried: string[] = [];
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const located = await entry.locate(model, { kind: 'anywhere' }, tried);
    if (located?.kind === 'serving') return entry;
    assert.ok(located?.kind === 'peer', JSON.stringify(located));
    const peer = rig.node(located.instance);
    const there = await peer.locate(model, { kind: 'here', intent: located.intent }, tried);
    if (there?.kind === 'serving') return peer;
    tried.push(located.instance);
  }
  throw new Error(`no copy of ${model} was found`);
}
