/** Each rule and number of spec §4.11, the pass of §4.10.4, and what §9.4 says of them. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { durationMs, epochMs, instanceId, modelKey, sizeUnits } from '../index.ts';
import type { CopiesPolicy, ModelRecord } from '../records/index.ts';
import {
  type CopyLoad,
  decideScaleDown,
  heavyPauseMs,
  type IdleCopy,
  mayRemove,
  scaleDownPass,
  secondCopyIdleMs,
} from './index.ts';
import { aCluster, aRecord, HOUR, MINUTE, runUnderLoad, SELF, type SmallCluster } from './testing/index.ts';

const NOW = epochMs(1_700_000_000_000);
const DAY = 24 * HOUR;

interface Situation extends Partial<Omit<IdleCopy, 'record' | 'lastUsedMs' | 'heavyAgeMs'>> {
  /** Copies and the ages of their claims. */
  readonly copies?: Readonly<Record<string, number>>;
  readonly idleMs?: number;
  readonly heavyAgeMs?: number;
  readonly ratio?: number;
  readonly policy?: Partial<CopiesPolicy>;
  readonly unloadedAgoMs?: number;
  readonly selfFull?: boolean;
  readonly freeThere?: number;
  readonly cluster?: Partial<SmallCluster>;
}

const loadOf = (ratio: number): CopyLoad => ({ measure: 'rate', value: 2000 * ratio, bound: 2000, ratio, copiesWanted: 0 });

const idleCopy = (situation: Situation, record: ModelRecord): IdleCopy => ({
  record,
  units: situation.units ?? sizeUnits(10),
  lastUsedMs: epochMs(NOW - (situation.idleMs ?? DAY)),
  heavyAgeMs: situation.heavyAgeMs === undefined ? null : durationMs(situation.heavyAgeMs),
  load: situation.ratio === undefined ? situation.load : loadOf(situation.ratio),
  queued: situation.queued ?? 0,
});

/** By default: this instance is the one that placement wants least, the cluster is full, every copy a day old. */
const viewOf = ({ selfFull = false, freeThere = 0, cluster = {} }: Situation) => ({
  cluster: aCluster({ nowMs: NOW, instances: ['a', 'b', 'c', 'd'], order: ['d', 'c', 'b', 'a'], ...cluster }),
  nowMs: NOW,
  selfFull,
  freeShareOf: () => freeThere,
});

function verdict(situation: Situation): string | undefined {
  const { copies = { a: DAY, b: DAY }, policy = {}, unloadedAgoMs } = situation;
  const record = aRecord('m', copies, NOW, { policy, ...(unloadedAgoMs === undefined ? {} : { unloadedAgoMs }) });
  return decideScaleDown(idleCopy(situation, record), viewOf(situation))?.rule;
}

const THREE = { a: DAY, b: DAY, c: DAY };

describe('§4.11 preconditions', () => {
  test('the only copy is the business of the cache', () => assert.equal(verdict({ copies: { a: DAY } }), undefined));

  test('a copy in an instance that is gone does not count', () => {
    assert.equal(verdict({ copies: { a: DAY, gone: DAY } }), undefined);
    assert.equal(verdict({ copies: { a: DAY, b: DAY, gone: DAY } }), 'second-copy');
  });

  test('nothing goes for want of room while more than 5 % are free', () => {
    assert.equal(verdict({ cluster: { freeShare: 0.051 } }), 'space-left');
    assert.equal(verdict({ cluster: { freeShare: 0.05 } }), 'second-copy');
    assert.equal(verdict({ copies: THREE, cluster: { freeShare: 0.051 } }), 'space-left');
  });

  test('another copy must serve: one that is loading is none', () =>
    assert.equal(verdict({ copies: { a: DAY, b: 2000 } }), 'others-not-serving'));

  test('only the holder that placement wants least removes its copy', () => {
    assert.equal(verdict({ cluster: { order: ['a', 'b', 'c', 'd'] } }), 'more-wanted-here');
    assert.equal(verdict({ copies: THREE, cluster: { order: ['b', 'a', 'c', 'd'] } }), 'more-wanted-here');
  });
});

describe('§4.11 two copies', () => {
  test('unused for more than 10 % of the cache age', () => {
    assert.equal(verdict({ cluster: { cacheAgeMs: 10 * HOUR }, idleMs: HOUR }), 'used');
    assert.equal(verdict({ cluster: { cacheAgeMs: 10 * HOUR }, idleMs: HOUR + 1 }), 'second-copy');
  });

  test('at most 10 h; §9.4.5 16 h where it was used heavily of late, not the opposite', () => {
    assert.equal(secondCopyIdleMs(durationMs(1000 * HOUR), null), 10 * HOUR);
    assert.equal(secondCopyIdleMs(durationMs(1000 * HOUR), durationMs(200 * HOUR)), 16 * HOUR);
    assert.equal(secondCopyIdleMs(durationMs(1000 * HOUR), durationMs(201 * HOUR)), 10 * HOUR);
    assert.equal(secondCopyIdleMs(durationMs(50 * HOUR), durationMs(HOUR)), 5 * HOUR);
  });
});

describe('§4.11 three copies and more', () => {
  test('an unused one goes', () => assert.equal(verdict({ copies: THREE }), 'surplus'));

  test('not within 80 s of an unload', () => {
    assert.equal(verdict({ copies: THREE, unloadedAgoMs: 79_999 }), 'unloaded-just-now');
    assert.equal(verdict({ copies: THREE, unloadedAgoMs: 80_000 }), 'surplus');
  });

  test('not within 30 min of the start of any load', () => {
    assert.equal(verdict({ copies: { ...THREE, c: 30 * MINUTE - 1 } }), 'loaded-just-now');
    assert.equal(verdict({ copies: { ...THREE, a: 30 * MINUTE - 1 } }), 'loaded-just-now');
    assert.equal(verdict({ copies: { ...THREE, c: 30 * MINUTE } }), 'surplus');
  });

  test('§9.4.4 not within 3 % of the cache age and 104 s of heavy use, from 10 min to 5 h: an age, not an instant', () => {
    assert.equal(heavyPauseMs(durationMs(0)), 10 * MINUTE);
    assert.equal(heavyPauseMs(durationMs(100 * HOUR)), 3 * HOUR + 104_000);
    assert.equal(heavyPauseMs(durationMs(1000 * HOUR)), 5 * HOUR);
    const cluster = { cacheAgeMs: HOUR };
    assert.equal(verdict({ copies: THREE, cluster, heavyAgeMs: 10 * MINUTE - 1 }), 'used-heavily');
    assert.equal(verdict({ copies: THREE, cluster, heavyAgeMs: 10 * MINUTE }), 'surplus');
  });

  test('not with more than two thirds of the load of its bound, nor where the others would be heavily used without it', () => {
    const five = { ...THREE, d: DAY, e: DAY, f: DAY, g: DAY, h: DAY, i: DAY, j: DAY };
    const instances = Object.keys(five);
    const cluster = { instances, order: instances.toReversed() };
    assert.equal(verdict({ copies: five, cluster, ratio: 0.66 }), 'surplus');
    assert.equal(verdict({ copies: five, cluster, ratio: 0.67 }), 'load-would-rise');
    assert.equal(verdict({ copies: THREE, ratio: 0.5 }), 'surplus');
    assert.equal(verdict({ copies: THREE, ratio: 0.51 }), 'load-would-rise');
  });

  test('not with more than one call that waits', () => {
    assert.equal(verdict({ copies: THREE, queued: 1 }), 'surplus');
    assert.equal(verdict({ copies: THREE, queued: 2 }), 'calls-wait');
  });
});

describe('what the owner says', () => {
  test('copies.min is never undercut, whatever else is true', () => {
    assert.equal(verdict({ copies: THREE, policy: { min: 3 } }), 'copies-min');
    assert.equal(verdict({ copies: THREE, policy: { min: 2 } }), 'surplus');
    assert.equal(verdict({ copies: { a: DAY, b: DAY, c: 0 }, policy: { min: 2 } }), 'others-not-serving');
  });

  test('pinned copies go for nobody, but those above copies.max go', () => {
    assert.equal(verdict({ policy: { pin: true } }), 'pinned');
    assert.equal(verdict({ copies: THREE, policy: { pin: true, max: 2 } }), 'above-max');
  });

  test('copies above copies.max go although there is room', () => {
    assert.equal(verdict({ copies: THREE, policy: { max: 2 }, cluster: { freeShare: 1 } }), 'above-max');
    assert.equal(verdict({ copies: THREE, policy: { max: 3 }, cluster: { freeShare: 1 } }), 'space-left');
  });

  test('copies that are idle for idleAfter go although there is room, down to copies.min', () => {
    const policy = { idleAfterMs: durationMs(30 * MINUTE), min: 1 };
    const cluster = { freeShare: 1 };
    assert.equal(verdict({ policy, cluster, idleMs: 30 * MINUTE }), 'idle');
    assert.equal(verdict({ policy, cluster, idleMs: 30 * MINUTE - 1 }), 'space-left');
    assert.equal(verdict({ policy: { ...policy, min: 2 }, cluster, idleMs: DAY }), 'copies-min');
  });
});

describe('a fresh instance took it over', () => {
  const moved: Situation = {
    copies: { a: DAY, b: MINUTE },
    selfFull: true,
    freeThere: 0.1,
    cluster: { freeShare: 0.3 },
    idleMs: 0,
  };

  test('a full instance gives up what a younger copy serves in one with much room', () => assert.equal(verdict(moved), 'moved'));

  test('nothing comes back: not to an older claim, not to one with less room, not while there is room here, not under load', () => {
    assert.equal(verdict({ ...moved, copies: { a: MINUTE, b: DAY } }), 'space-left');
    assert.equal(verdict({ ...moved, freeThere: 0.09 }), 'space-left');
    assert.equal(verdict({ ...moved, selfFull: false }), 'space-left');
    assert.equal(verdict({ ...moved, ratio: 0.34 }), 'space-left');
    assert.equal(verdict({ ...moved, copies: { a: DAY, b: HOUR + 1 } }), 'space-left');
  });
});

describe('§4.10.4 the pass', () => {
  const pass = (copies: readonly IdleCopy[], capacity = 1000) => {
    const { decisions, removedUnits } = scaleDownPass(copies, sizeUnits(capacity), viewOf({}));
    return { removedUnits, said: decisions.map(({ model, rule }) => `${model} ${rule}`) };
  };
  const copy = (name: string, units: number, idleMs: number): IdleCopy =>
    idleCopy({ units: sizeUnits(units), idleMs }, aRecord(name, { a: DAY, b: DAY }, NOW));

  test('least recently used first, at most 5 % of the capacity', () => {
    const { said, removedUnits } = pass([copy('new', 20, DAY), copy('mid', 20, 2 * DAY), copy('old', 20, 3 * DAY)]);
    assert.deepEqual(said, ['old second-copy', 'mid second-copy', 'new enough-removed']);
    assert.equal(removedUnits, 40);
  });

  test('the first one always goes, and what follows it waits', () => {
    assert.deepEqual(pass([copy('large', 400, 2 * DAY), copy('small', 1, DAY)]).said, [
      'large second-copy',
      'small enough-removed',
    ]);
  });

  test('§9.4.6 copies that were used at the same instant are all looked at', () => {
    assert.deepEqual(pass([copy('c', 1, DAY), copy('a', 1, DAY), copy('b', 1, DAY)]).said, [
      'a second-copy',
      'b second-copy',
      'c second-copy',
    ]);
  });

  test('a removal that was decided is given up when the record has changed so that too few would remain', () => {
    const decision = { others: [instanceId('b')] };
    const isLive = (id: string) => id !== 'gone';
    const may = (copies: Record<string, number>, policy: Partial<CopiesPolicy> = {}) =>
      mayRemove(aRecord('m', copies, NOW, { policy }), decision, SELF, isLive);
    assert.equal(may({ a: DAY, b: DAY }), true);
    assert.equal(may({ a: DAY }), false);
    assert.equal(may({ a: DAY, gone: DAY }), false);
    assert.equal(may({ b: DAY }), false);
    assert.equal(may({ a: DAY, c: DAY }), false);
    assert.equal(may({ a: DAY, b: DAY }, { min: 2 }), false);
  });

  test('every decision says why, with its numbers', () => {
    const decision = decideScaleDown(copy('m', 10, DAY), viewOf({ cluster: { cacheAgeMs: 10 * HOUR } }));
    assert.deepEqual(decision, {
      kind: 'remove-copy',
      model: modelKey('m'),
      rule: 'second-copy',
      units: 10,
      others: ['b'],
      because: 'second copy, unused for 86400 s of 3600 s, cache 36000 s old',
    });
  });
});

describe('up and down with the load', () => {
  test('when it falls copies go one at a time, down to two while it is used; when it rises again they come back', (context) => {
    const callsPerMinute = (minute: number): number => (minute <= 60 || minute > 300 ? 9000 : 600);
    const { added, removed, copies } = runUnderLoad(['a', 'b', 'c', 'd', 'e', 'f'], [{ callsPerMinute }], 0, 6 * HOUR);
    const minutes = (moves: readonly { readonly minute: number }[]) => moves.map(({ minute }) => Math.round(minute));
    context.diagnostic(`added in minutes ${minutes(added).join(', ')}; removed in ${minutes(removed).join(', ')}`);
    assert.deepEqual(
      removed.map(({ left }) => left),
      Array.from({ length: removed.length }, (_, at) => removed.length + 1 - at),
    );
    assert.equal(removed.at(-1)?.left, 2);
    assert.ok(removed.every(({ minute }) => minute > 60 && minute <= 300));
    for (const [at, { minute }] of removed.entries()) assert.ok(minute - (removed[at - 1]?.minute ?? 0) >= 80 / 60);
    assert.ok(added.filter(({ minute }) => minute > 300 && minute < 310).length >= 2);
    assert.ok((copies.get('m0') ?? 0) >= 4);
  });
});
