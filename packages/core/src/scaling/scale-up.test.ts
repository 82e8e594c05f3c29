/** Each rule and number of spec §4.7 and §4.8, and what §9.4 says of them. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type EpochMs, epochMs, modelKey, monotonicMs } from '../index.ts';
import type { ModelRecord } from '../records/index.ts';
import { CopyScaler, type CountedCopy, DEFAULT_SCALING_CONFIG, type ScaleUpDecision, type ScalingConfig } from './index.ts';
import { aCluster, aRecord, HOUR, MINUTE, type SmallCluster } from './testing/index.ts';

const START = 1_700_000_000_000;
const wall = (atMs: number): EpochMs => epochMs(START + atMs);
const instant = (atMs: number) => ({ monotonicMs: monotonicMs(atMs), wallMs: wall(atMs) });

interface Counted {
  readonly calls: number;
  readonly processingMs?: number;
  readonly queuedMs?: number;
  readonly maxConcurrency?: number;
  readonly record?: ModelRecord;
}

const counted = ({ calls, processingMs = 0, queuedMs = 0, maxConcurrency, record }: Counted): CountedCopy => ({
  record: record ?? aRecord('m', { a: HOUR }, wall(0)),
  maxConcurrency: maxConcurrency ?? null,
  generation: 1,
  counters: { calls, processingMs, queuedMs },
});

/** What one step of ten seconds says of one copy. */
function afterTenSeconds(copy: Counted, cluster: Partial<SmallCluster> = {}, config: Partial<ScalingConfig> = {}) {
  const scaler = new CopyScaler(monotonicMs(0), { ...DEFAULT_SCALING_CONFIG, ...config });
  const { decisions, loads } = scaler.step([counted(copy)], aCluster({ nowMs: wall(10_000), ...cluster }), instant(10_000));
  return { decision: decisions[0], load: loads.get(modelKey('m')), scaler };
}

const rate = (callsPerMinute: number): number => callsPerMinute / 6;
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'];

describe('§4.7.1 rate', () => {
  test('2000 calls a minute ask for a copy, 1999 do not', () => {
    const { decision } = afterTenSeconds({ calls: rate(2000) });
    assert.deepEqual(decision, {
      kind: 'add-copies',
      model: 'm',
      reason: 'load',
      copies: 1,
      exclude: ['a'],
      lastUsedMs: wall(30_000),
      because: '2000 calls a minute, 2000 are meant for a copy; 2 instances could take a copy, 0 of them too busy',
    });
    assert.equal(afterTenSeconds({ calls: rate(1994) }).decision, undefined);
  });

  test('the bound is the dynamic parameter as it is now', () => {
    const { scaler } = afterTenSeconds({ calls: 0 });
    scaler.setCallsPerMinuteMax(10);
    const { decisions } = scaler.step([counted({ calls: 3 })], aCluster({ nowMs: wall(20_000) }), instant(20_000));
    assert.equal(decisions[0]?.kind, 'add-copies');
    assert.throws(() => scaler.setCallsPerMinuteMax(9), /too small/);
  });

  test('more than three quarters of it is remembered as heavy use', () => {
    const heavyAt = (calls: number) => afterTenSeconds({ calls }).scaler.use(modelKey('m'))?.heavyAtMs;
    assert.equal(heavyAt(rate(1500)), null);
    assert.equal(heavyAt(rate(1512)), 10_000);
  });

  test('a step before 60 % of the interval has passed is skipped, and its calls count in the next one', () => {
    const scaler = new CopyScaler(monotonicMs(0));
    const cluster = aCluster({ nowMs: wall(0) });
    assert.deepEqual(scaler.step([counted({ calls: 10_000 })], cluster, instant(5999)).decisions, []);
    assert.equal(scaler.step([counted({ calls: 10_000 })], cluster, instant(6000)).decisions.length, 1);
  });

  test('another life of the copy starts from zero', () => {
    const { scaler } = afterTenSeconds({ calls: 1000 });
    const second = { ...counted({ calls: 1100 }), generation: 2 };
    const { loads } = scaler.step([second], aCluster({ nowMs: wall(20_000) }), instant(20_000));
    assert.equal(loads.get(modelKey('m'))?.value, 6600);
  });
});

describe('§4.7.2 candidates', () => {
  const held = ({ decision }: { decision: ScaleUpDecision | undefined }) => decision?.kind === 'hold' && decision.rule;

  test('with one instance, or none that may take a copy, nothing is added', () => {
    assert.equal(held(afterTenSeconds({ calls: 10_000 }, { instances: ['a'] })), 'no-other-instance');
    assert.equal(held(afterTenSeconds({ calls: 10_000 }, { unsuitable: ['b', 'c'] })), 'no-other-instance');
    const record = aRecord('m', { a: HOUR, b: HOUR }, wall(0), { failedIn: ['c'] });
    assert.equal(held(afterTenSeconds({ calls: 10_000, record })), 'no-other-instance');
  });

  test('copies.max is never exceeded', () => {
    const max = (copies: number) => aRecord('m', { a: HOUR }, wall(0), { policy: { max: copies } });
    assert.equal(held(afterTenSeconds({ calls: 10_000, record: max(1) })), 'copies-max');
    const { decision } = afterTenSeconds({ calls: 10_000, record: max(2) }, { instances: NAMES });
    assert.equal(decision?.kind === 'add-copies' && decision.copies, 1);
  });
});

describe('§4.7.3 second copy for regular use', () => {
  /** Uses at these minutes; the minute at which a second copy was proposed first. */
  function proposedAt(minutes: readonly number[], cluster: Partial<SmallCluster> = { freeShare: 0.1 }): number | undefined {
    const scaler = new CopyScaler(monotonicMs(0));
    let calls = 0;
    for (let atMs = 10_000; atMs <= 120 * MINUTE; atMs += 10_000) {
      if (minutes.includes(atMs / MINUTE)) calls += 1;
      const { decisions } = scaler.step([counted({ calls })], aCluster({ nowMs: wall(atMs), ...cluster }), instant(atMs));
      if (decisions[0]?.kind === 'propose-second-copy') return atMs / MINUTE;
    }
    return undefined;
  }

  test('two uses 7 to 40 minutes apart propose one, closer and farther ones do not', () => {
    assert.equal(proposedAt([1, 8]), 8);
    assert.equal(proposedAt([1, 41]), 41);
    assert.equal(proposedAt([1, 7]), undefined);
    assert.equal(proposedAt([1, 42]), undefined);
  });

  test('a burst of any size within seven minutes proposes none', () => {
    assert.equal(proposedAt([1, 2, 3, 4, 5, 6, 7, 7.5]), undefined);
  });

  test('only with a tenth of the room free, or a cache older than 20 hours', () => {
    assert.equal(proposedAt([1, 8], { freeShare: 0.09, cacheAgeMs: HOUR }), undefined);
    assert.equal(proposedAt([1, 8], { freeShare: 0, cacheAgeMs: 20 * HOUR }), undefined);
    assert.equal(proposedAt([1, 8], { freeShare: 0, cacheAgeMs: 21 * HOUR }), 8);
  });

  test('only where there is one copy', () => {
    const scaler = new CopyScaler(monotonicMs(0));
    const record = aRecord('m', { a: HOUR, b: HOUR }, wall(0));
    const at = (minute: number, calls: number) => {
      const cluster = aCluster({ nowMs: wall(minute * MINUTE), freeShare: 0.5 });
      return scaler.step([counted({ calls, record })], cluster, instant(minute * MINUTE)).decisions;
    };
    assert.deepEqual([at(1, 1), at(9, 2)], [[], []]);
  });

  test('a copy in an instance that is gone is no second one', () => {
    const scaler = new CopyScaler(monotonicMs(0));
    const record = aRecord('m', { a: HOUR, gone: HOUR }, wall(0));
    const at = (minute: number, calls: number) => {
      const cluster = aCluster({ nowMs: wall(minute * MINUTE), freeShare: 0.5 });
      return scaler.step([counted({ calls, record })], cluster, instant(minute * MINUTE)).decisions[0]?.kind;
    };
    assert.deepEqual([at(1, 1), at(9, 2)], [undefined, 'propose-second-copy']);
  });
});

describe('§4.7.4 load', () => {
  test('a copy that is being loaded elsewhere is waited for: elapsed + 10 s + 2 × what a load takes', () => {
    const withOther = (ageMs: number) => aRecord('m', { a: HOUR, b: ageMs }, wall(10_000));
    const { decision } = afterTenSeconds({ calls: 10_000, record: withOther(25_999) });
    assert.equal(decision?.kind === 'hold' && decision.rule, 'already-loading');
    assert.equal(afterTenSeconds({ calls: 10_000, record: withOther(26_000) }).decision?.kind, 'add-copies');
  });

  test('a claim stamped by a clock that is ahead counts as made now', () => {
    const record = aRecord('m', { a: HOUR, b: -HOUR }, wall(10_000));
    const { decision } = afterTenSeconds({ calls: 10_000, record });
    assert.equal(decision?.kind === 'hold' && decision.rule, 'already-loading');
  });

  test('instances busier than 4 × the bound are excluded, and with a busy instance here only those that are busier by two bounds less', () => {
    const calls = rate(2000);
    const excluded = (busyness: Record<string, number>) => {
      const { decision } = afterTenSeconds({ calls }, { busyness });
      return decision?.kind === 'add-copies' ? decision.exclude : decision?.kind;
    };
    assert.deepEqual(excluded({ b: 8000 }), ['a']);
    assert.deepEqual(excluded({ b: 8001 }), ['a', 'b']);
    assert.deepEqual(excluded({ a: 20_000, b: 16_000 }), ['a']);
    assert.deepEqual(excluded({ a: 20_000, b: 16_001 }), ['a', 'b']);
    assert.equal(excluded({ b: 8001, c: 8001 }), 'hold');
  });

  test('§9.4.3 an excluded instance is subtracted once: with three candidates and one busy, two copies can be added', () => {
    const { decision } = afterTenSeconds({ calls: rate(4000) }, { instances: ['a', 'b', 'c', 'd'], busyness: { d: 9000 } });
    assert.equal(decision?.kind === 'add-copies' && decision.copies, 2);
  });
});

describe('§4.7.5 how many', () => {
  const copies = (callsPerMinute: number, instances: readonly string[]) => {
    const { decision } = afterTenSeconds({ calls: rate(callsPerMinute) }, { instances });
    return decision?.kind === 'add-copies' ? decision.copies : 0;
  };

  test('as many as the load fills, above two at most a third of the instances, always one', () => {
    assert.equal(copies(2000, NAMES), 1);
    assert.equal(copies(4000, NAMES), 2);
    assert.equal(copies(8000, NAMES), 4);
    assert.equal(copies(60_000, NAMES), 4);
    assert.equal(copies(60_000, ['a', 'b', 'c', 'd']), 1);
    assert.equal(copies(60_000, ['a', 'b', 'c']), 2);
    assert.equal(copies(60_000, ['a', 'b']), 1);
  });
});

describe('§4.8 latency mode', () => {
  const bound = (copy: Counted) => afterTenSeconds(copy).load?.bound;

  test('the bound is what the concurrency can take at the mean time of a call: 90 % × 4 × 60 000 / 20 ms', () => {
    assert.equal(bound({ calls: 100, processingMs: 2000, maxConcurrency: 4 }), 10_800);
  });

  test('fewer than 8 calls say nothing: the static bound holds', () => {
    assert.equal(bound({ calls: 7, processingMs: 70_000, maxConcurrency: 1 }), 2000);
  });

  test('calls that take no time have no bound', () => {
    assert.equal(bound({ calls: 100, maxConcurrency: 1 }), Number.POSITIVE_INFINITY);
  });

  test('fewer than 64 calls are judged with the window before', () => {
    const { scaler } = afterTenSeconds({ calls: 64, processingMs: 640, maxConcurrency: 1 });
    const copy = counted({ calls: 96, processingMs: 640 + 32 * 40, maxConcurrency: 1 });
    const { loads } = scaler.step([copy], aCluster({ nowMs: wall(20_000) }), instant(20_000));
    // 64 calls of 10 ms and 32 of 40 ms: 20 ms.
    assert.equal(loads.get(modelKey('m'))?.bound, 2700);
  });

  test('an instance is too busy above 4 × 900 × the mean concurrency, in 0.1 %', () => {
    const copy = { calls: 1000, processingMs: 10_000, maxConcurrency: 2, record: aRecord('m', { a: HOUR }, wall(0)) };
    const loaded = { ...copy, processingMs: 100_000 };
    const excluded = (busyness: Record<string, number>) => {
      const { decision } = afterTenSeconds(loaded, { busyness });
      return decision?.kind === 'add-copies' && decision.exclude;
    };
    assert.deepEqual(excluded({ b: 7200 }), ['a']);
    assert.deepEqual(excluded({ b: 7201 }), ['a', 'b']);
  });
});

describe('waiting time', () => {
  test('calls that wait longer than the bound in the mean ask for copies at any rate', () => {
    const { decision, load } = afterTenSeconds({ calls: 20, processingMs: 20 * 500, queuedMs: 20 * 150 });
    assert.equal(load?.measure, 'queue-time');
    assert.equal(decision?.kind === 'add-copies' && decision.copies, 1);
    assert.match(decision?.because ?? '', /^calls wait 150 ms at it, at most 100 ms are wanted/);
  });

  test('as many copies as the waiting calls would keep busy', () => {
    const copies = (queuedMs: number) => {
      const { decision } = afterTenSeconds({ calls: 20, processingMs: 20 * 100, queuedMs: 20 * queuedMs }, { instances: NAMES });
      return decision?.kind === 'add-copies' ? decision.copies : 0;
    };
    assert.deepEqual([copies(99), copies(100), copies(250), copies(400), copies(5000)], [0, 1, 2, 4, 4]);
  });

  test('it can be switched off, and a handful of calls says nothing', () => {
    assert.equal(afterTenSeconds({ calls: 20, queuedMs: 90_000 }, {}, { meanQueueMaxMs: null }).decision, undefined);
    assert.equal(afterTenSeconds({ calls: 7, queuedMs: 90_000 }).decision, undefined);
  });
});

describe('budget', () => {
  const many = (count: number): CountedCopy[] =>
    Array.from({ length: count }, (_, at) =>
      counted({ calls: 10_000 + at, record: aRecord(`m${String(at).padStart(2, '0')}`, { a: HOUR }, wall(0)) }),
    );

  test('no more copies are asked for at a time than the budget has, the most loaded models first', () => {
    const scaler = new CopyScaler(monotonicMs(0), { ...DEFAULT_SCALING_CONFIG, scaleUpsInFlightMax: 3 });
    const cluster = aCluster({ nowMs: wall(10_000), instances: ['a', 'b'] });
    const { decisions } = scaler.step(many(5), cluster, instant(10_000));
    const kinds = decisions.map((one) => `${one.model} ${one.kind === 'hold' ? one.rule : one.kind}`);
    assert.deepEqual(kinds, ['m04 add-copies', 'm03 add-copies', 'm02 add-copies', 'm01 budget', 'm00 budget']);
  });

  test('a model whose copies were asked for waits for them; once settled it may ask again', () => {
    const { scaler } = afterTenSeconds({ calls: 10_000 });
    const again = (atMs: number, calls: number) =>
      scaler.step([counted({ calls })], aCluster({ nowMs: wall(atMs) }), instant(atMs)).decisions[0];
    const second = again(20_000, 20_000);
    assert.equal(second?.kind === 'hold' && second.rule, 'already-loading');
    scaler.settled(modelKey('m'));
    assert.equal(again(30_000, 30_000)?.kind, 'add-copies');
  });

  test('what was never settled is forgotten after ten minutes', () => {
    const { scaler } = afterTenSeconds({ calls: 10_000 });
    const late = 10_000 + 600_000;
    const { decisions } = scaler.step([counted({ calls: 10_000_000 })], aCluster({ nowMs: wall(late) }), instant(late));
    assert.equal(decisions[0]?.kind, 'add-copies');
  });
});
