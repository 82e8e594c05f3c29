import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { instance, NOW_MS, units } from '../cluster/testing/index.ts';
import { TypeConstraints } from '../constraints/index.ts';
import { type EpochMs, epochMs, type InstanceId, instanceId, modelKey, namespace as namespaceOf } from '../index.ts';
import type { InstanceRecord } from '../records/index.ts';
import {
  affinity,
  explainPlacement,
  type PlacementDecision,
  type PlacementRequest,
  type PlacementSituation,
  place,
  placementRecord,
  RECORDED_PER_REASON_MAX,
  RECORDED_SHORTLIST_MAX,
  type Rejection,
  UpgradeTracker,
} from './index.ts';
import { aRequest, idsOf, situation } from './testing/index.ts';

const ago = (ms: number): EpochMs => epochMs(NOW_MS - ms);
const id = instanceId;
const ids = (...names: readonly string[]): ReadonlySet<InstanceId> => new Set(names.map(id));
const held = (...names: readonly string[]): ReadonlyMap<InstanceId, EpochMs> => new Map(names.map((name) => [id(name), ago(0)]));
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const FULL = units(9900);
const full = (name: string, idleMs: number, fields: Partial<InstanceRecord> = {}): InstanceRecord =>
  instance(name, { usedUnits: FULL, modelCount: 90, leastRecentUseMs: ago(idleMs), ...fields });

type Placed = Extract<PlacementDecision, { kind: 'placed' }>;

function placed(
  records: readonly InstanceRecord[],
  request: Partial<PlacementRequest> = {},
  around: Partial<PlacementSituation> = {},
): Placed {
  const decision = place(aRequest(request), situation(records, around));
  assert.equal(decision.kind, 'placed', explainPlacement(decision).join('\n'));
  return decision as Placed;
}

const shortlist = (...args: Parameters<typeof placed>): readonly string[] => idsOf(placed(...args).shortlist);
const reason = ({ rejections }: PlacementDecision, name: string): Rejection['reason'] | undefined =>
  rejections.find((rejection) => rejection.id === name)?.reason;

describe('§4.5.2: what forbids an instance', () => {
  const two = [instance('a'), instance('b', { modelCount: 9 })];
  const failure = { atMs: ago(MINUTE_MS), message: 'no such file' };

  it('is told by the first reason that applies', () => {
    const cases: readonly [Rejection['reason']['by'], Partial<PlacementRequest>, Partial<InstanceRecord>][] = [
      ['excluded', { exclude: ids('a'), copies: held('a') }, {}],
      ['holds-copy', { copies: held('a'), tried: ids('a') }, {}],
      ['failed-there', { failures: new Map([[id('a'), failure]]), tried: ids('a') }, {}],
      ['tried', { tried: ids('a') }, { shuttingDown: true }],
      ['leaving', {}, { shuttingDown: true, peerAddress: undefined }],
      ['unreachable', { units: units(20_000) }, { peerAddress: undefined }],
      ['too-small', { units: units(500) }, { capacityUnits: units(499) }],
    ];
    for (const [by, request, fields] of cases) {
      const decision = place(aRequest(request), situation([instance('a', fields), instance('b', { capacityUnits: units(500) })]));
      assert.equal(reason(decision, 'a')?.by, by);
      assert.deepEqual(idsOf(decision.candidates), by === 'unreachable' ? [] : ['b'], 'what just fits, fits');
    }
  });

  it('an instance that does not answer is none, until it is trusted again', () => {
    const around = situation(two);
    around.cluster.suspect(id('a'));
    const decision = place(aRequest(), around);
    assert.deepEqual(reason(decision, 'a'), { by: 'unreachable', because: 'no-answer' });
    around.cluster.trust(id('a'));
    assert.equal(reason(place(aRequest(), around), 'a'), undefined);
  });

  it('a failure that expired forbids nothing, one from the future counts as of now', () => {
    const failed = (ms: number) => ({ failures: new Map([[id('a'), { ...failure, atMs: ago(ms) }]]) });
    assert.deepEqual(shortlist(two, failed(15 * MINUTE_MS)), ['a', 'b']);
    assert.deepEqual(shortlist(two, failed(15 * MINUTE_MS - 1)), ['b']);
    assert.deepEqual(shortlist(two, failed(-HOUR_MS)), ['b']);
  });

  it('this instance needs no address of its own', () => {
    const self = [instance('a', { peerAddress: undefined }), instance('b')];
    assert.deepEqual(shortlist(self, {}, { self: id('a') }), ['a', 'b']);
  });

  it('§6.1: labels that nobody has are named, and nobody takes the copy', () => {
    const around = situation([instance('a', { labels: new Set(['gpu']) }), instance('b')]);
    const constraints = new TypeConstraints([['vision', { required: new Set(['gpu', 'big']), preferred: new Set() }]]);
    around.cluster.configure({ constraints });
    const decision = place(aRequest({ type: 'vision' }), around);
    assert.deepEqual(
      decision.kind === 'nowhere' && decision.because,
      'type vision requires labels big, gpu, which no instance has',
    );
    assert.deepEqual(explainPlacement(decision).slice(1), [
      'a: type vision requires label big, which it does not have',
      'b: type vision requires labels big, gpu, which it does not have',
    ]);
    assert.deepEqual(idsOf(place(aRequest(), around).candidates), ['a', 'b']);
  });

  it('nowhere says how many instances what forbids', () => {
    const because = (request: Partial<PlacementRequest>, records = two): string => {
      const decision = place(aRequest(request), situation(records));
      return decision.kind === 'nowhere' ? decision.because : 'placed';
    };
    assert.equal(
      because({ copies: held('a'), tried: ids('b') }),
      'none of 2 instances can take it: 1 hold a copy, 1 tried already',
    );
    assert.equal(because({}, []), 'there is no instance');
  });

  it('§9.4, 3: an instance that is excluded for several reasons is rejected once, and the others remain', () => {
    const three = [instance('a'), instance('b'), instance('c')];
    const decision = placed(three, { exclude: ids('a'), tried: ids('a'), copies: held('a') });
    assert.deepEqual([decision.rejections.length, decision.candidates.length], [1, 2]);
  });
});

describe('§4.5.3: the shortlist', () => {
  it('§9.4, 2: each candidate is compared, whatever the record of the deciding instance says', () => {
    const records = [
      instance('best'),
      instance('poor', { usedUnits: units(7600) }),
      instance('near', { usedUnits: units(7400) }),
    ];
    for (const own of [full('self', 0), instance('self', { modelCount: 50 }), instance('self', { shuttingDown: true })]) {
      const decision = placed([...records, own], { exclude: ids('self') });
      assert.deepEqual(idsOf(decision.shortlist), ['best', 'near']);
      assert.deepEqual(reason(decision, 'poor'), { by: 'room', remainingUnits: 2400, requiredUnits: 2500 });
    }
  });

  it('takes who has a quarter of the best one’s room, and fewer than ten models or 1.25 times the best one’s', () => {
    const models = (name: string, modelCount: number, usedUnits = 0): InstanceRecord =>
      instance(name, { modelCount, usedUnits: units(usedUnits) });
    assert.deepEqual(shortlist([models('a', 0), models('b', 9, 7500), models('c', 9, 7501), models('d', 10)]), ['a', 'b']);
    assert.deepEqual(shortlist([models('a', 20), models('b', 25), models('c', 26)]), ['a', 'b']);
  });

  it('among full ones takes who evicts something at most 45 s, or a tenth of the age, younger', () => {
    assert.deepEqual(shortlist([full('a', 100_000), full('b', 55_000), full('c', 54_999)]), ['a', 'b']);
    assert.deepEqual(shortlist([full('a', 10 * HOUR_MS), full('b', 9 * HOUR_MS), full('c', 9 * HOUR_MS - 1)]), ['a', 'b']);
  });

  it('never mixes full with not full, nor builds, and says by which criterion', () => {
    const decision = placed([
      instance('a', { buildVersion: 2 }),
      full('b', HOUR_MS, { buildVersion: 2 }),
      instance('c', { buildVersion: 1 }),
    ]);
    assert.deepEqual(idsOf(decision.shortlist), ['a']);
    assert.deepEqual(reason(decision, 'b'), { by: 'class', than: 'a', criterion: 'not full' });
    assert.deepEqual(reason(decision, 'c'), { by: 'class', than: 'a', criterion: 'newer build' });
  });

  it('among equally good ones takes those that need to evict nothing for the model', () => {
    const records = [instance('a', { usedUnits: units(6000) }), instance('b', { usedUnits: units(3000) })];
    assert.deepEqual(shortlist(records, { units: units(5000) }), ['b']);
    assert.deepEqual(shortlist(records, { units: units(8000) }), ['b', 'a']);
  });

  it('§9.4, 6: instances that are equal in everything are all on it', () => {
    assert.deepEqual(shortlist(['c', 'b', 'a'].map((name) => full(name, HOUR_MS))), ['a', 'b', 'c']);
  });

  it('this instance is chosen from it where it is favoured, and only from it', () => {
    const records = [instance('a'), instance('self', { requestsPerMinute: 9000 })];
    const own = placed(records, { favourSelf: true, lastUsedMs: ago(0) });
    assert.deepEqual([own.chosen.id, own.chosenBy], ['self', 'self']);
    assert.equal(placed(records, { favourSelf: false, lastUsedMs: ago(0) }).chosen.id, 'a');
    assert.equal(placed([instance('a'), full('self', HOUR_MS)], { favourSelf: true }).chosen.id, 'a');
  });
});

describe('§4.5.3 and §6.1: preferred instances', () => {
  const wants = new TypeConstraints([['plain', { required: new Set(), preferred: new Set(['ssd']) }]]);
  const ssd = { labels: new Set(['ssd']) };

  function chosen(records: readonly InstanceRecord[], constraints = wants, type = 'plain'): readonly string[] {
    const around = situation(records);
    around.cluster.configure({ constraints });
    const decision = place(aRequest({ type }), around);
    return decision.kind === 'placed' ? idsOf(decision.shortlist) : [];
  }

  it('if the best has room, the first preferred one with room is taken in its place', () => {
    assert.deepEqual(chosen([instance('a'), instance('b', { modelCount: 60, ...ssd }), full('c', HOUR_MS, ssd)]), ['b']);
  });

  it('if none of them has room the preference is forgotten', () => {
    assert.deepEqual(chosen([instance('a'), full('b', HOUR_MS, ssd)]), ['a']);
  });

  it('if the best is full, a preferred one is taken that evicts something 120 s, or a quarter of the age, younger', () => {
    assert.deepEqual(chosen([full('a', 200_000), full('b', 80_000, ssd)]), ['b']);
    assert.deepEqual(chosen([full('a', 200_000), full('b', 79_999, ssd)]), ['a']);
    assert.deepEqual(chosen([full('a', 4 * HOUR_MS), full('b', 3 * HOUR_MS, ssd), full('c', 4 * HOUR_MS)]), ['b']);
  });

  it('a preferred one of an older build takes the place of a best one with room, not of a full one', () => {
    const old = { ...ssd, buildVersion: 1 };
    assert.deepEqual(chosen([instance('a', { buildVersion: 2 }), instance('b', old)]), ['b']);
    assert.deepEqual(chosen([full('a', HOUR_MS, { buildVersion: 2 }), full('b', HOUR_MS, old), instance('c', old)]), ['a']);
  });

  it('a preferred best one keeps the others off the list', () => {
    assert.deepEqual(chosen([instance('a', ssd), instance('b'), instance('c', { ...ssd, modelCount: 1 })]), ['a', 'c']);
  });

  it('who would be missed least is asked among those that the type may use and that can be reached', () => {
    const asks = (label: string) => ({ required: new Set([label]), preferred: new Set<string>() });
    const needs = new TypeConstraints([
      ['vision', asks('gpu')],
      ['plain', asks('ssd')],
    ]);
    const both = instance('a', { labels: new Set(['gpu', 'ssd']) });
    const other = instance('b', { ...ssd, modelCount: 50 });
    assert.deepEqual(chosen([both, other, instance('c')], needs), ['b']);
    for (const useless of [{ peerAddress: undefined }, { shuttingDown: true }]) {
      assert.deepEqual(chosen([both, other, instance('c', useless)], needs, 'other'), ['b'], JSON.stringify(useless));
    }
  });

  it('a type without a preference stays off the instances that others need', () => {
    const needs = new TypeConstraints([['vision', { required: new Set(['gpu']), preferred: new Set() }]]);
    const gpu = { labels: new Set(['gpu']) };
    assert.deepEqual(chosen([instance('a', gpu), instance('b', { modelCount: 50 })], needs), ['b']);
    assert.deepEqual(chosen([instance('a', gpu), full('b', HOUR_MS)], needs), ['a']);
    assert.deepEqual(chosen([instance('a', gpu), instance('b', { ...gpu, modelCount: 5 })], needs), ['a', 'b']);
    assert.deepEqual(chosen([instance('a', gpu), instance('b', { ...gpu, modelCount: 5 })], needs, 'vision'), ['a', 'b']);
  });
});

describe('§4.5.1: copies spread over zones and locations', () => {
  const at = (name: string, zone: string, location: string, modelCount = 0): InstanceRecord =>
    instance(name, { zone, location, modelCount });
  const records = [at('a', 'z1', 'n1'), at('b', 'z1', 'n2'), at('c', 'z2', 'n3', 60), at('d', 'z2', 'n4', 61)];

  it('the second copy goes to another zone, though the instance there is wanted less', () => {
    const decision = placed(records, { copies: held('a') });
    assert.deepEqual(idsOf(decision.shortlist), ['c', 'd']);
    assert.deepEqual(reason(decision, 'b'), { by: 'zone', zone: 'z1', copies: 1, fewest: 0 });
  });

  it('within the zones that have fewest it goes to another location', () => {
    const third = [...records, at('e', 'z1', 'n1')];
    const decision = placed(third, { copies: held('a', 'c') });
    assert.deepEqual(reason(decision, 'e'), { by: 'location', location: 'n1', copies: 1, fewest: 0 });
    assert.deepEqual(idsOf(decision.shortlist), ['b']);
  });

  it('a zone with fewer copies comes before a location with fewer', () => {
    const holders = [at('a', 'z1', 'n1'), at('b', 'z1', 'n2'), at('c', 'z2', 'n3')];
    const free = [at('e', 'z1', 'n5'), at('f', 'z2', 'n3')];
    assert.deepEqual(shortlist([...holders, ...free], { copies: held('a', 'b', 'c') }), ['f']);
  });

  it('never where something would have to be evicted while there is room elsewhere', () => {
    assert.deepEqual(
      shortlist([at('a', 'z1', 'n1'), at('b', 'z1', 'n1'), full('c', HOUR_MS, { zone: 'z2' })], { copies: held('a') }),
      ['b'],
    );
  });

  it('a copy that is about to leave, or is gone, is not counted', () => {
    const leaving = [at('a', 'z1', 'n1'), { ...at('c', 'z2', 'n3'), shuttingDown: true }, at('d', 'z2', 'n3', 5)];
    assert.deepEqual(shortlist(leaving, { copies: held('c', 'gone') }), ['a', 'd']);
  });

  it('the first copy is not spread, and without zones nothing is', () => {
    assert.deepEqual(shortlist(records), ['a', 'b']);
    assert.deepEqual(shortlist([instance('a'), instance('b'), instance('c')], { copies: held('a') }), ['b', 'c']);
  });
});

describe('not where many loads wait for a thread', () => {
  const loading = (name: string, loadsInProgress: number, loadingThreads = 8): InstanceRecord =>
    instance(name, { loadsInProgress, loadingThreads });

  it('one round of its threads more than the shortest queue is allowed', () => {
    const decision = placed([loading('a', 8), loading('b', 16), loading('c', 17), loading('d', 2, 1), loading('e', 3, 1)]);
    assert.deepEqual(idsOf(decision.shortlist).toSorted(), ['a', 'b', 'd']);
    assert.deepEqual(reason(decision, 'c'), { by: 'queue', loadsInProgress: 17, allowed: 16 });
    assert.deepEqual(reason(decision, 'e'), { by: 'queue', loadsInProgress: 3, allowed: 2 });
    assert.deepEqual(shortlist([loading('a', 140), loading('b', 143)]), ['a', 'b']);
  });

  it('comes before how busy they are: a quiet instance is not given every load', () => {
    const busy = { ...loading('b', 0), requestsPerMinute: 9000 };
    assert.equal(placed([loading('a', 40), busy], { lastUsedMs: ago(0) }).chosen.id, 'b');
    assert.equal(placed([loading('a', 16), busy], { lastUsedMs: ago(0) }).chosen.id, 'a');
  });
});

describe('§4.5.4: not where it is busy', () => {
  const busy = (name: string, requestsPerMinute: number): InstanceRecord => instance(name, { requestsPerMinute });
  const records = [busy('a', 200), busy('b', 220), busy('c', 300), busy('d', 600), busy('e', 800), busy('f', 801)];
  const left = (lastUsedMs: EpochMs): readonly string[] => shortlist(records, { lastUsedMs });

  it('the more likely the next call is soon, the quieter it has to be', () => {
    assert.deepEqual(left(ago(-1001)), ['a', 'b']);
    assert.deepEqual(left(ago(-1000)), ['a', 'b', 'c']);
    assert.deepEqual(left(ago(4999)), ['a', 'b', 'c']);
    assert.deepEqual(left(ago(5000)), ['a', 'b', 'c', 'd']);
    assert.deepEqual(left(ago(12 * MINUTE_MS)), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(left(ago(24 * HOUR_MS)), ['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('who has fewer than a hundred requests a minute is not busy, and the quietest always stays', () => {
    assert.deepEqual(shortlist([busy('a', 0), busy('b', 99), busy('c', 111)], { lastUsedMs: ago(-20_000) }), ['a', 'b']);
    assert.deepEqual(shortlist([busy('a', 100_000)], { lastUsedMs: ago(-20_000) }), ['a']);
  });
});

describe('the last choice', () => {
  const records = Array.from({ length: 8 }, (_, at) => instance(`i${at}`));
  const chosen = (model: string, among = records, self = 'self'): string =>
    placed(among, { model: modelKey(model) }, { self: id(self) }).chosen.id;

  it('is the same on every node that sees the same cluster', () => {
    for (const self of ['i0', 'i3', 'elsewhere']) assert.equal(chosen('m7', records, self), chosen('m7', [...records].reverse()));
  });

  it('is by numbers that no version may change: nodes of two versions have to agree', () => {
    const of = (namespace: string, model: string, name: string): number =>
      affinity(namespaceOf(namespace), modelKey(model))(id(name));
    assert.equal(of('default', 'm', 'a'), 3_104_184_134);
    assert.equal(of('default', 'fraud@3', 'f7c6b5-abcde'), 3_998_943_396);
    assert.equal(of('team', '模型', 'i1'), 455_245_467);
    const strongest = records.reduce((one, other) => (of('default', 'm7', one.id) > of('default', 'm7', other.id) ? one : other));
    assert.equal(chosen('m7'), strongest.id);
  });

  it('spreads models evenly over equally good instances', () => {
    const counts = new Map<string, number>();
    for (let at = 0; at < 8000; at++) counts.set(chosen(`m${at}`), (counts.get(chosen(`m${at}`)) ?? 0) + 1);
    for (const [name, count] of counts) assert.ok(count > 850 && count < 1150, `${name}: ${count} of 8000, 1000 are fair`);
    assert.equal(counts.size, 8);
  });

  it('moves only the models of an instance that goes', () => {
    for (let at = 0; at < 200; at++) {
      const before = chosen(`m${at}`);
      if (before !== 'i5')
        assert.equal(
          chosen(
            `m${at}`,
            records.filter((record) => record.id !== 'i5'),
          ),
          before,
        );
    }
  });
});

describe('§4.12: instances that an upgrade replaces', () => {
  const upgrades = new UpgradeTracker();
  const records = [
    instance('111111-aaaaa', { startedAtMs: ago(HOUR_MS) }),
    instance('222222-bbbbb', { startedAtMs: ago(MINUTE_MS), modelCount: 60 }),
  ];
  for (const record of records) upgrades.put(record, epochMs(NOW_MS));

  it('get nothing, though they are wanted more', () => {
    const decision = placed(records, {}, { upgrades });
    assert.equal(decision.chosen.id, '222222-bbbbb');
    assert.deepEqual(reason(decision, '111111-aaaaa'), { by: 'being-replaced', replicaSet: '222222' });
  });

  it('unless nothing else is left', () => {
    assert.equal(placed(records, { tried: ids('222222-bbbbb') }, { upgrades }).chosen.id, '111111-aaaaa');
  });
});

describe('memory that was given away a moment ago', () => {
  it('counts as used, so that a burst does not all go to one instance', () => {
    const around = situation([instance('a', { modelCount: 30 }), instance('b', { modelCount: 31 })]);
    const loads = new Map<string, number>();
    for (let at = 0; at < 60; at++) {
      const decision = place(aRequest({ model: modelKey(`m${at}`) }), around);
      assert.ok(decision.kind === 'placed');
      const { record } = decision.chosen.instance;
      around.reservations.reserve(around.cluster.get(record.id)?.record ?? record, units(100), around.nowMs);
      loads.set(record.id, (loads.get(record.id) ?? 0) + 1);
    }
    const [a, b] = [loads.get('a') ?? 0, loads.get('b') ?? 0];
    assert.ok(Math.abs(a - b) <= 20, `${a} against ${b}`);
  });

  it('is told anew with each that follows, and with each record', () => {
    const around = situation([instance('a')]);
    const seen = (): readonly number[] => {
      const [candidate] = place(aRequest(), around).candidates;
      assert.ok(candidate !== undefined);
      const { remainingUnits, record } = candidate.instance;
      return [candidate.reservedUnits, remainingUnits, record.modelCount, record.loadsInProgress];
    };
    const reserve = (size: number): void => around.reservations.reserve(instance('a'), units(size), around.nowMs);
    assert.deepEqual(seen(), [0, 10_000, 0, 0]);
    reserve(100);
    assert.deepEqual(seen(), [100, 9900, 1, 1]);
    reserve(0);
    assert.deepEqual(seen(), [100, 9900, 2, 2]);
    reserve(50);
    assert.deepEqual(seen(), [150, 9850, 3, 3]);
    around.cluster.put(instance('a', { usedUnits: units(40), modelCount: 7 }));
    assert.deepEqual(seen(), [150, 9810, 10, 3]);
    around.cluster.put(instance('a', { usedUnits: units(100), modelCount: 8 }));
    assert.deepEqual(seen(), [50, 9850, 10, 2]);
  });

  it('fills an instance as far as it goes, and is shown in the decision', () => {
    const around = situation([instance('a', { usedUnits: units(9700) }), full('b', HOUR_MS)]);
    const record = around.cluster.get(id('a'))?.record;
    assert.ok(record !== undefined);
    const before = place(aRequest(), around);
    assert.equal(before.kind === 'placed' && before.chosen.id, 'a');
    around.reservations.reserve(record, units(150), around.nowMs);
    const after = place(aRequest(), around);
    assert.ok(after.kind === 'placed');
    assert.deepEqual([after.chosen.id, after.candidates.map(({ reservedUnits }) => reservedUnits)], ['b', [0, 150]]);
    assert.ok(after.candidates[1]?.instance.full);
  });
});

describe('the record of a decision', () => {
  it('is plain values, the same after a journey as JSON, and holds no picture of the cluster', () => {
    const around = situation([
      instance('a', { labels: new Set(['gpu']), zone: 'z1' }),
      full('b', HOUR_MS),
      instance('c', { shuttingDown: true }),
    ]);
    const record = placementRecord(place(aRequest(), around));
    assert.deepEqual(JSON.parse(JSON.stringify(record)), record);
    assert.deepEqual(
      [record.outcome.kind === 'placed' && record.outcome.chosen.zone, record.candidates, record.shortlisted, record.bytes],
      ['z1', 2, 1, 819_200],
    );
    assert.deepEqual(record.rejected, [
      { by: 'leaving', instances: 1, examples: [{ instance: 'c', because: 'it is shutting down' }] },
      { by: 'class', instances: 1, examples: [{ instance: 'b', because: 'a is wanted before it (not full)' }] },
    ]);
  });

  it('counts all instances and names some, however many there are', () => {
    const free = Array.from({ length: 100 }, (_, at) => instance(`free${at}`));
    const gone = Array.from({ length: 100 }, (_, at) => instance(`gone${at}`, { shuttingDown: true }));
    const record = placementRecord(place(aRequest(), situation([...free, ...gone])));
    assert.deepEqual([record.shortlisted, record.shortlist.length], [100, RECORDED_SHORTLIST_MAX]);
    assert.deepEqual(
      record.rejected.map(({ by, instances, examples }) => [by, instances, examples.length]),
      [['leaving', 100, RECORDED_PER_REASON_MAX]],
    );
  });

  it('of a copy that can be nowhere says why', () => {
    const record = placementRecord(place(aRequest(), situation([])));
    assert.deepEqual([record.outcome, record.shortlist], [{ kind: 'nowhere', because: 'there is no instance' }, []]);
  });
});

it('the decision names size, candidates and shortlist, and can be read', () => {
  const decision = placed([instance('a'), full('b', HOUR_MS), instance('c', { shuttingDown: true })]);
  assert.deepEqual([decision.units, decision.bytes, idsOf(decision.candidates)], [100, 819_200, ['a', 'b']]);
  assert.deepEqual(explainPlacement(decision), [
    'm: 100 units to a (only-one) among a',
    'c: it is shutting down',
    'b: a is wanted before it (not full)',
  ]);
});
