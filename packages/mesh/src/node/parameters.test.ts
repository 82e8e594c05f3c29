import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import { configPrefix } from '@modelmesh/wire/registry';
import type { Kv, KvWatchSink } from '../kv/index.ts';
import type { ParameterOverrides } from './index.ts';
import { PARAMETERS_MAX } from './registry/index.ts';
import { ControlRig, LAYOUT } from './testing/index.ts';

const NEVER = new AbortController().signal;
const keyOf = (name: string): string => `${configPrefix(LAYOUT)}${name}`;
const put = (kv: Kv, name: string, value: string) =>
  kv.txn({ conditions: [], operations: [{ kind: 'put', key: keyOf(name), value }] });

/** Parameters as control told them, newest last. */
class Told {
  readonly all: ParameterOverrides[] = [];
  readonly onParameters = (parameters: ParameterOverrides): void => void this.all.push(parameters);

  get last(): ParameterOverrides | undefined {
    return this.all.at(-1);
  }
}

describe('§6.4 dynamic parameters of a node', () => {
  it('are told at the start and whenever they change, until they are deleted', async () => {
    const told = new Told();
    const rig = await ControlRig.ready(told);
    assert.equal(told.last?.logLevel, undefined);
    await put(rig.kv, 'logger_level', 'DEBUG');
    await put(rig.kv, 'scaleup_rpm_threshold', '77');
    await rig.settle();
    assert.deepEqual([told.last?.logLevel, told.last?.scaleUpCallsPerMinute], ['debug', 77]);
    const before = told.all.length;
    await put(rig.kv, 'scaleup_rpm_threshold', '77');
    await rig.settle();
    assert.equal(told.all.length, before, 'the same again is no change');
    await rig.kv.txn({ conditions: [], operations: [{ kind: 'delete', key: keyOf('logger_level') }] });
    await rig.settle();
    assert.equal(told.last?.logLevel, undefined);
    await rig.close();
  });

  it('that are wrong are an event and change nothing', async () => {
    const told = new Told();
    const rig = await ControlRig.ready(told);
    await put(rig.kv, 'scaleup_rpm_threshold', 'many');
    await rig.settle();
    assert.deepEqual(told.last, {});
    assert.match(
      rig.saw('parameters-problem')[0]?.message ?? '',
      /scaleup_rpm_threshold must be a whole number of at least 10, got many/,
    );
    await rig.close();
  });

  it('beyond the limit are left out, which is an event and counted, and are read once there is room', async () => {
    const told = new Told();
    const rig = await ControlRig.ready(told);
    for (let at = 0; at < PARAMETERS_MAX; at++) await put(rig.kv, `a-${at}`, 'x');
    await rig.settle();
    const reached = () => rig.running.figures().limitsReached.get('parameters');
    assert.equal(reached(), 0);
    await put(rig.kv, 'scaleup_rpm_threshold', '77');
    await rig.settle();
    assert.deepEqual([told.last, reached()], [{}, 1]);
    const beyond = new RegExp(`more than ${PARAMETERS_MAX} stand there, and those beyond are not read`);
    assert.equal(rig.saw('parameters-problem').filter(({ message }) => beyond.test(message)).length, 1);
    await rig.kv.txn({ conditions: [], operations: [{ kind: 'delete', key: keyOf('a-0') }] });
    await rig.after(1000);
    assert.deepEqual([told.last, reached()], [{ scaleUpCallsPerMinute: 77 }, 1]);
    await put(rig.kv, 'a-0', 'x');
    await rig.running.close();
    const again = await ControlRig.ready({ kv: () => rig.kv });
    assert.equal(again.running.figures().limitsReached.get('parameters'), 1);
    assert.ok(again.saw('parameters-problem').some(({ message }) => beyond.test(message)));
    await again.close();
  });

  it('are followed again after the watch was lost, with what changed meanwhile', async () => {
    const told = new Told();
    const sinks: KvWatchSink[] = [];
    const watched = (kv: Kv): Kv =>
      new Proxy(kv, {
        get: (target, name, self) => {
          const member: unknown = Reflect.get(target, name, self);
          if (name !== 'watch') return typeof member === 'function' ? member.bind(target) : member;
          return (prefix: string, options: Parameters<Kv['watch']>[1], sink: KvWatchSink) => {
            if (prefix === configPrefix(LAYOUT)) sinks.push(sink);
            return target.watch(prefix, options, sink);
          };
        },
      });
    const rig = await ControlRig.ready({ ...told, kv: watched });
    sinks[0]?.ended({ kind: 'lost', error: new MeshError('registry-unavailable', 'the connection broke') });
    await rig.settle();
    assert.match(rig.saw('parameters-problem')[0]?.message ?? '', /not followed for now: the connection broke/);
    await rig.after(1000);
    assert.equal(sinks.length, 2);
    await put(rig.kv, 'log_each_invocation', 'true');
    await rig.settle();
    assert.equal(told.last?.logEachInvocation, true);
    await rig.close();
  });

  it('forbid the start of a node by disable, with the key in the sentence', async () => {
    const first = await ControlRig.ready();
    await put(first.kv, 'disable', 'true');
    await first.running.close();
    await assert.rejects(
      ControlRig.start({ kv: () => first.kv }),
      (error) => error instanceof MeshError && error.kind === 'failed-precondition' && error.message.includes(keyOf('disable')),
    );
    await put(first.kv, 'disable', 'false');
    const second = await ControlRig.start({ kv: () => first.kv });
    await second.close();
  });
});

describe('KV_READ_ONLY', () => {
  it('refuses to add, change and remove with ModelMesh codes, and loads and serves what is there', async () => {
    const first = await ControlRig.ready();
    await first.register('a');
    await first.running.close();
    const rig = await ControlRig.ready({ kv: () => first.kv, readOnly: true });
    const { control } = rig.running;
    const set = {
      vModelId: 'v',
      targetModelId: 'a',
      owner: '',
      updateOnly: false,
      modelInfo: undefined,
      autoDeleteTargetModel: false,
      loadNow: false,
      force: false,
      sync: false,
      expectedTargetModelId: '',
    };
    const model = { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Model', metadata: { name: 'n' } };
    const spec = { format: { name: 'onnx' }, storage: { uri: 'file:///n.onnx' } };
    const refused: readonly (readonly [() => Promise<unknown>, string])[] = [
      [() => rig.register('b'), 'internal'],
      [() => control.unregisterModel('a'), 'internal'],
      [() => control.setEndpoint(set, NEVER), 'unavailable'],
      [() => control.deleteEndpoint('v', ''), 'unavailable'],
      [() => control.apply({ ...model, spec }, NEVER), 'internal'],
    ];
    for (const [call, kind] of refused) {
      await assert.rejects(
        call(),
        (error) => error instanceof MeshError && error.kind === kind && /read-only/.test(error.message),
      );
    }
    assert.equal((await rig.ensure('a')).status, 'LOADED');
    assert.deepEqual(rig.holders('a'), ['here']);
    await rig.close();
  });

  it('drives no transition, whoever leads', async () => {
    const first = await ControlRig.ready({ isLeader: () => false });
    await first.register('a');
    await first.register('b');
    const set = (targetModelId: string) =>
      first.running.control.setEndpoint(
        {
          vModelId: 'v',
          targetModelId,
          owner: '',
          updateOnly: false,
          modelInfo: undefined,
          autoDeleteTargetModel: false,
          loadNow: false,
          force: false,
          sync: false,
          expectedTargetModelId: '',
        },
        NEVER,
      );
    await set('a');
    await first.copyElsewhere('a', 'other');
    await set('b');
    await first.running.close();
    const rig = await ControlRig.ready({ kv: () => first.kv, readOnly: true });
    await rig.settle();
    assert.deepEqual([rig.running.control.endpoint('v')?.record.active, rig.runtime.loads.length], ['a', 0]);
    await rig.close();
  });
});
