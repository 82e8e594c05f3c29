import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epochMs, instanceId, sizeUnits } from '@modelmesh/core';
import { instanceRecordKey, newInstanceRecord } from '@modelmesh/core/records';
import { encodeRecord, recordKeyText } from '@modelmesh/wire/registry';
import { ControlRig, LAYOUT } from '../testing/index.ts';
import { GONE_REMEMBERED_MAX } from './reaper.ts';

const keyOf = (name: string): string => recordKeyText(LAYOUT, instanceRecordKey(instanceId(name)));

/** Another instance comes, and goes. */
async function comesAndGoes(rig: ControlRig, name: string): Promise<void> {
  const record = newInstanceRecord({
    id: instanceId(name),
    ...{ startedAtMs: epochMs(1000), buildVersion: 0, location: 'elsewhere', zone: '', labels: new Set<string>() },
    ...{ leastRecentUseMs: undefined, modelCount: 0, capacityUnits: sizeUnits(1000), usedUnits: sizeUnits(0) },
    ...{ loadingThreads: 8, loadsInProgress: 0, requestsPerMinute: 0, shuttingDown: false },
    ...{ peerAddress: undefined, incarnation: undefined },
  });
  const key = keyOf(name);
  await rig.kv.txn({ conditions: [], operations: [{ kind: 'put', key, value: encodeRecord(record) }] });
  await rig.kv.txn({ conditions: [], operations: [{ kind: 'delete', key }] });
}

test('as many instances that are gone are remembered as the limit says; further ones are counted, until those before them are forgotten', async () => {
  const rig = await ControlRig.ready({ isLeader: () => false });
  const reached = () => rig.running.figures().limitsReached.get('gone-instances');
  for (let at = 0; at < GONE_REMEMBERED_MAX; at++) await comesAndGoes(rig, `i${at}`);
  await rig.settle();
  assert.equal(reached(), 0);
  await comesAndGoes(rig, 'beyond');
  await rig.settle();
  assert.equal(reached(), 1);
  await rig.after(60_001);
  await comesAndGoes(rig, 'later');
  await rig.settle();
  assert.equal(reached(), 1, 'a minute later there is room again');
  await rig.close();
});
