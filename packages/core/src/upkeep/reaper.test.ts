/** Each rule of spec §4.9.1 and §4.9.2, and what is better: a dead instance with thousands of copies stalls nothing. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type EpochMs, epochMs, type InstanceId, instanceId, modelKey, monotonicMs, revision } from '../index.ts';
import { type ModelRecord, newModelRecord, putOf } from '../records/index.ts';
import { RegistryView } from '../view/index.ts';
import { MissingInstances, ORPHANS_MAX, orphansOf, REAPED_RECORDS_MAX, runReaper } from './index.ts';

const NOW = epochMs(1_700_000_000_000);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const [LIVE, GONE, ALSO_GONE] = [instanceId('live'), instanceId('gone'), instanceId('also-gone')];
const ago = (ms: number): EpochMs => epochMs(NOW - ms);
const isLive = (instance: InstanceId) => instance === LIVE;

const aModel = (name: string, copies: readonly [InstanceId, number][], part: Partial<ModelRecord> = {}): ModelRecord =>
  newModelRecord({
    key: modelKey(name),
    type: 'onnx',
    copies: new Map(copies.map(([id, age]) => [id, ago(age)])),
    lastUsedMs: ago(MINUTE),
    ...part,
  });

class Registry {
  readonly view = new RegistryView();
  #revision = 1;

  constructor(records: readonly ModelRecord[]) {
    for (const record of records) this.write(record);
  }

  write(record: ModelRecord): void {
    const at = revision(this.#revision++);
    const write = putOf(record, revision(0));
    if (write.kind === 'put') this.view.applyCommitted([write], at, NOW);
  }
}

describe('§4.9.1 who is gone', () => {
  const present =
    (...ids: string[]) =>
    (id: InstanceId) =>
      ids.includes(id);

  test('an instance that records name and that is missing for more than ten minutes', () => {
    const missing = new MissingInstances();
    missing.observe([LIVE, GONE], present('live'), monotonicMs(0));
    missing.observe([LIVE, GONE], present('live'), monotonicMs(600_000));
    assert.deepEqual(missing.gone(monotonicMs(600_000)), []);
    assert.deepEqual(missing.gone(monotonicMs(600_001)), [GONE]);
  });

  test('one that comes back starts anew', () => {
    const missing = new MissingInstances();
    missing.observe([GONE], present(), monotonicMs(0));
    missing.observe([GONE], present('gone'), monotonicMs(300_000));
    missing.observe([GONE], present(), monotonicMs(400_000));
    assert.deepEqual(missing.gone(monotonicMs(700_000)), []);
    assert.deepEqual(missing.gone(monotonicMs(1_000_001)), [GONE]);
  });

  test('one that no record names any more is forgotten', () => {
    const missing = new MissingInstances();
    missing.observe([GONE], present(), monotonicMs(0));
    missing.observe([], present(), monotonicMs(1));
    assert.equal(missing.size, 0);
  });
});

describe('§4.9.1 what records say of the gone', () => {
  test('their copies and failures go, those of the others stay, and each record is written once', () => {
    const failures = new Map([[ALSO_GONE, { atMs: ago(HOUR), message: '' }]]);
    const { view } = new Registry([
      aModel(
        'm',
        [
          [LIVE, HOUR],
          [GONE, HOUR],
        ],
        { failures },
      ),
      aModel('n', [[LIVE, HOUR]]),
    ]);
    const { writes, confirm, more } = runReaper(view, [GONE, ALSO_GONE], NOW);
    assert.equal(writes.length, 1);
    assert.deepEqual([...(writes[0]?.record.copies.keys() ?? [])], [LIVE]);
    assert.equal(writes[0]?.record.failures.size, 0);
    assert.deepEqual([writes[0]?.dropped, confirm, more, writes[0]?.revision], [[GONE, ALSO_GONE], [GONE, ALSO_GONE], false, 1]);
  });

  test('what is younger than ten minutes stays', () => {
    const { view } = new Registry([aModel('young', [[GONE, 10 * MINUTE - 1]]), aModel('old', [[GONE, 10 * MINUTE]])]);
    assert.deepEqual(
      runReaper(view, [GONE], NOW).writes.map(({ record }) => record.key),
      ['old'],
    );
  });

  test('§4.9.2 an impossible last use is repaired along with it', () => {
    const { view } = new Registry([aModel('m', [[GONE, HOUR]], { lastUsedMs: epochMs(Number.MAX_SAFE_INTEGER) })]);
    assert.equal(runReaper(view, [GONE], NOW).writes[0]?.record.lastUsedMs, ago(3 * HOUR));
  });

  test('an instance that had thousands of copies is done in bounded runs, and then there is nothing left', () => {
    const registry = new Registry(Array.from({ length: 5000 }, (_, at) => aModel(`m${at}`, [[GONE, HOUR]])));
    let runs = 0;
    let written = 0;
    for (let more = true; more; runs += 1) {
      const run = runReaper(registry.view, [GONE], NOW);
      assert.ok(run.writes.length <= REAPED_RECORDS_MAX);
      for (const { record } of run.writes) registry.write(record);
      written += run.writes.length;
      more = run.more;
    }
    assert.deepEqual([runs, written, [...registry.view.namedInstances()]], [5, 5000, []]);
  });
});

describe('what was lost with an instance', () => {
  test('models whose only copies were there and that were used within the hour, most recently used first', () => {
    const { view } = new Registry([
      aModel('older', [[GONE, 3 * HOUR]], { lastUsedMs: ago(50 * MINUTE) }),
      aModel('newer', [[GONE, 3 * HOUR]], { lastUsedMs: ago(MINUTE) }),
      aModel('unused', [[GONE, 3 * HOUR]], { lastUsedMs: ago(2 * HOUR) }),
      aModel('elsewhere', [
        [GONE, 3 * HOUR],
        [LIVE, 3 * HOUR],
      ]),
      aModel(
        'twice',
        [
          [GONE, 3 * HOUR],
          [ALSO_GONE, 3 * HOUR],
        ],
        { lastUsedMs: ago(2 * MINUTE) },
      ),
      aModel('just-loaded', [[GONE, 0]], { lastUsedMs: ago(9 * HOUR) }),
    ]);
    const names = orphansOf(view, GONE, isLive, NOW).map(({ model }) => model);
    assert.deepEqual(names, ['just-loaded', 'newer', 'twice', 'older']);
  });

  test('what the lost instance had was used later than what it would have evicted first', () => {
    const { view } = new Registry([aModel('m', [[GONE, 9 * HOUR]], { lastUsedMs: ago(6 * HOUR) })]);
    const orphans = (...oldestUse: EpochMs[]) => orphansOf(view, GONE, isLive, NOW, ...oldestUse).length;
    assert.deepEqual([orphans(), orphans(ago(HOUR)), orphans(ago(HOUR + 1))], [0, 1, 0]);
  });

  test('a bounded number', () => {
    const { view } = new Registry(Array.from({ length: 300 }, (_, at) => aModel(`m${at}`, [[GONE, HOUR]])));
    assert.equal(orphansOf(view, GONE, isLive, NOW).length, ORPHANS_MAX);
  });
});
