import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commit, ofKind, put } from '../../kv/testing/index.ts';
import { MeshRig } from '../testing/index.ts';

/** What a Java instance publishes of itself, as it was recorded. */
const JAVA =
  '{"startTime":1795462421940,"vers":1704067200000,"loc":"127.0.0.1","labels":["mt:onnx"],"actionable":true,"count":2,"cap":1038091,"used":256,"lThreads":8,"lInProg":1}';

const withJava = async (...ids: readonly string[]): Promise<MeshRig> => {
  const rig = await MeshRig.empty();
  await commit(
    rig.kv,
    ids.map((id) => put(`/mm/test/instances/${id}`, JAVA)),
  );
  return rig;
};

describe('a registry in which Java instances live', () => {
  it('is refused with their names and what to do', async () => {
    const rig = await withJava('inst1', 'inst2');
    const refusal = ofKind(
      'failed-precondition',
      /Java ModelMesh live in this registry: inst1, inst2; stop them first.*readOnly: true/,
    );
    await assert.rejects(rig.add('a'), refusal);
    await rig.kv.close();
  });

  it('is served by a node that may not change it', async () => {
    const rig = await withJava('inst1');
    const node = await rig.add('a', { readOnly: true });
    assert.equal(node.running.control.ready, true);
    await rig.close();
  });

  it('has so many of them that only a few are named', async () => {
    const rig = await withJava(...Array.from({ length: 8 }, (_, at) => `inst${at}`));
    await assert.rejects(rig.add('a'), ofKind('failed-precondition', /inst0, inst1, inst2, inst3, inst4 and 3 more;/));
    await rig.kv.close();
  });

  it('is no other than one in which ours live, whatever their version', async () => {
    const rig = await MeshRig.of(['a', 'b']);
    await rig.add('c');
    assert.equal(rig.node('c').running.control.instances().length, 3);
    await rig.close();
  });
});
