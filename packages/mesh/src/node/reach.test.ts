import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_NAMESPACE, epochMs, type InstanceId, instanceId, modelKey, sizeUnits } from '@modelmesh/core';
import {
  type InstanceRecord,
  instanceRecordKey,
  modelRecordKey,
  newInstanceRecord,
  withCopyClaimed,
} from '@modelmesh/core/records';
import { encodeRecord, recordKeyText } from '@modelmesh/wire/registry';
import { LAYOUT, MeshRig } from './testing/index.ts';

const JAVA = instanceId('java');

const GONE = instanceId('gone');

/** What an instance of the Java mesh writes of itself: no life, and nowhere to reach it. */
const absentRecord = (id: InstanceId) =>
  newInstanceRecord({
    id,
    startedAtMs: epochMs(1000),
    buildVersion: 0,
    location: 'elsewhere',
    zone: '',
    labels: new Set(),
    leastRecentUseMs: undefined,
    modelCount: 1,
    capacityUnits: sizeUnits(1_000_000),
    usedUnits: sizeUnits(1),
    loadingThreads: 8,
    loadsInProgress: 0,
    requestsPerMinute: 0,
    shuttingDown: false,
    peerAddress: undefined,
    incarnation: undefined,
  });

async function publish(rig: MeshRig, record: InstanceRecord): Promise<void> {
  const key = recordKeyText(LAYOUT, instanceRecordKey(record.id));
  await rig.kv.txn({ conditions: [], operations: [{ kind: 'put', key, value: encodeRecord(record) }] });
  await rig.settle();
}

async function claimFor(rig: MeshRig, model: string, instance: InstanceId): Promise<void> {
  const [node] = rig.nodes.values();
  const record = node?.record(model);
  assert.ok(record !== undefined);
  const key = recordKeyText(LAYOUT, modelRecordKey(modelKey(model), DEFAULT_NAMESPACE));
  const value = encodeRecord(withCopyClaimed(record, instance, rig.clock.wallMs()));
  await rig.kv.txn({ conditions: [], operations: [{ kind: 'put', key, value }] });
  await rig.settle();
}

describe('an instance that nothing can be sent to', () => {
  it('is no place for a copy, and copies that it claims keep no node from loading', async () => {
    const rig = await MeshRig.of(['a']);
    await publish(rig, absentRecord(JAVA));
    await rig.register('fresh', 'held');
    await claimFor(rig, 'held', JAVA);
    assert.ok(
      rig
        .node('a')
        .running.control.instances()
        .some(({ id }) => id === JAVA),
    );
    for (const model of ['fresh', 'held']) assert.equal((await rig.node('a').locate(model))?.kind, 'serving', model);
    await rig.close();
  });

  it('that said that it leaves, and then was killed, holds up no load of what it held', async () => {
    for (const isKnown of [true, false]) {
      const rig = await MeshRig.of(['a', 'b']);
      await rig.register('m');
      const gone = { ...absentRecord(GONE), peerAddress: 'gone:8033', incarnation: GONE, shuttingDown: true };
      await publish(rig, gone);
      await claimFor(rig, 'm', GONE);
      if (isKnown) await rig.node('a').reaches(gone, false);
      assert.equal((await rig.node('a').ensure('m')).status, 'LOADED');
      assert.equal(rig.loadsOf('m'), 1, isKnown ? 'the data plane has seen that it is gone' : 'nobody has seen that it is gone');
      await rig.close();
    }
  });
});

describe('an instance that only loads what others ask it for', () => {
  it('§4.9 is in its own picture: it shares its copies with a node that is fresh', async () => {
    const rig = await MeshRig.empty();
    // Every call enters at a node that has no room, so that the other one never places anything itself.
    await rig.add('entry', { capacityMib: 1 });
    await rig.add('holder', { capacityMib: 64 });
    await rig.after(3000);
    const models = Array.from({ length: 32 }, (_, at) => `m${at}`);
    await rig.register(...models);
    for (const model of models) {
      const located = await rig.node('entry').locate(model);
      assert.ok(located?.kind === 'peer', JSON.stringify(located));
      await rig.node('holder').locate(model, { kind: 'here', intent: located.intent });
    }
    assert.equal(rig.node('holder').runtime.loaded.size, 32);
    await rig.after(30_000);
    const fresh = await rig.add('fresh', { capacityMib: 64 });
    await rig.after(60_000);
    assert.ok(fresh.runtime.loaded.size >= 8, `${fresh.runtime.loaded.size} of 32`);
    await rig.close();
  });
});
