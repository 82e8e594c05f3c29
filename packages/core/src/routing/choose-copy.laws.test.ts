import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { type DurationMs, durationMs, epochMs, type InstanceId, instanceId, monotonicMs } from '../index.ts';
import {
  type ClaimedCopy,
  type CopyLoads,
  type CopyQuestion,
  chooseCopy,
  HOP_MARGIN,
  HOT_SETTLED_AFTER_MS,
  knownLatencyMs,
  LATENCY_KEPT_MS,
  LOCAL_IN_FLIGHT_BOUND,
  type PeerStanding,
  smoothLatency,
  staysLocal,
} from './index.ts';

const NOW = epochMs(1_000_000);
const SETTLED_AFTER = durationMs(1000);
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'].map(instanceId);
const SELF = instanceId('self');

interface Place {
  readonly standing: PeerStanding;
  readonly inFlight: number;
  readonly latencyMs: DurationMs | null;
}

const aPlace: fc.Arbitrary<Place> = fc.record({
  standing: fc.constantFrom<PeerStanding>('ready', 'ready', 'leaving', 'away'),
  inFlight: fc.nat(100),
  latencyMs: fc.option(fc.integer({ min: 1, max: 1000 }).map(durationMs), { nil: null }),
});
const someRemotes: fc.Arbitrary<readonly ClaimedCopy[]> = fc
  .uniqueArray(fc.record({ instance: fc.constantFrom(...NAMES), ageMs: fc.nat(2000) }), { selector: ({ instance }) => instance })
  .map((copies) => copies.map(({ instance, ageMs }) => ({ instance, sinceMs: epochMs(NOW - ageMs) })))
  .map((copies) => copies.toSorted((one, other) => one.sinceMs - other.sinceMs));
const aCase = fc.record({
  places: fc.array(aPlace, { minLength: NAMES.length, maxLength: NAMES.length }),
  here: aPlace,
  question: fc.record({
    local: fc.constantFrom(null, SELF),
    remotes: someRemotes,
    tried: fc.subarray([...NAMES, SELF]).map((names) => new Set<InstanceId>(names)),
    balanced: fc.boolean(),
    nowMs: fc.constant(NOW),
    assumeLoadedAfterMs: fc.constant(SETTLED_AFTER),
    chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  }),
});

function loadsOf(places: readonly Place[], here: Place): CopyLoads {
  const at = (instance: InstanceId): Place => (instance === SELF ? here : (places[NAMES.indexOf(instance)] ?? here));
  return {
    standing: (instance) => at(instance).standing,
    inFlight: (instance) => at(instance).inFlight,
    latencyMs: (instance) => at(instance).latencyMs,
  };
}

const isSettled = ({ sinceMs }: ClaimedCopy): boolean => sinceMs <= NOW - SETTLED_AFTER;

test('law: what is chosen exists, was not tried, and can be called; nothing is chosen only where nothing can be', () => {
  fc.assert(
    fc.property(aCase, ({ places, here, question }) => {
      const loads = loadsOf(places, here);
      const choice = chooseCopy(question, loads);
      const { local, tried, remotes } = question;
      const callable = remotes.filter(({ instance }) => !tried.has(instance) && loads.standing(instance) !== 'away');
      if (choice.kind === 'local') assert.ok(local !== null && !tried.has(local));
      else if (choice.kind === 'peer') assert.ok(callable.some(({ instance }) => instance === choice.instance));
      else assert.ok(callable.length === 0 && (local === null || tried.has(local)));
    }),
    { numRuns: 3000 },
  );
});

test('law: a copy that is settled and ready goes before one that loads, and both before one whose instance is leaving', () => {
  fc.assert(
    fc.property(aCase, ({ places, here, question }) => {
      const loads = loadsOf(places, here);
      const choice = chooseCopy(question, loads);
      if (choice.kind !== 'peer') return;
      const { tried, remotes } = question;
      const ready = remotes.filter(({ instance }) => !tried.has(instance) && loads.standing(instance) === 'ready');
      const chosen = remotes.find(({ instance }) => instance === choice.instance);
      assert.ok(chosen !== undefined);
      if (ready.length > 0) assert.equal(loads.standing(chosen.instance), 'ready');
      if (ready.some(isSettled)) assert.ok(isSettled(chosen));
      else if (ready.length > 0) assert.equal(chosen, ready[0], 'the oldest claim is loaded first');
    }),
    { numRuns: 3000 },
  );
});

test('law: a call stays at the local copy unless it is hot and another is cheaper with the hop; one of a balanced caller always does', () => {
  fc.assert(
    fc.property(aCase, ({ places, here, question }) => {
      const loads = loadsOf(places, here);
      const choice = chooseCopy(question, loads);
      const { local, tried, remotes, balanced } = question;
      if (local === null || tried.has(local)) return;
      if (staysLocal(here.inFlight, remotes.length, balanced)) assert.equal(choice.kind, 'local');
      if (choice.kind !== 'peer') return;
      assert.ok(!balanced && here.inFlight >= LOCAL_IN_FLIGHT_BOUND);
      const [best, ...others] = choice.considered;
      const own = others.at(-1);
      assert.ok(best !== undefined && own?.instance === SELF && best.cost < own.cost);
      for (const other of others) assert.ok(best.cost <= other.cost);
    }),
    { numRuns: 3000 },
  );
});

const question = (more: Partial<CopyQuestion>): CopyQuestion => ({
  local: null,
  remotes: NAMES.map((instance) => ({ instance, sinceMs: epochMs(1) })),
  tried: new Set(),
  balanced: false,
  nowMs: NOW,
  assumeLoadedAfterMs: SETTLED_AFTER,
  chance: 0,
  ...more,
});

describe('the choice among copies', () => {
  it('reaches every pair of copies by chance, evenly', () => {
    const pairs = new Map<string, number>();
    const looked: string[] = [];
    const place: Place = { standing: 'ready', inFlight: 0, latencyMs: null };
    const loads: CopyLoads = {
      ...loadsOf([], place),
      standing: (instance) => {
        looked.push(instance);
        return 'ready';
      },
    };
    const ROUNDS = 3000;
    for (let round = 0; round < ROUNDS; round++) {
      looked.length = 0;
      chooseCopy(question({ chance: (round + 0.5) / ROUNDS }), loads);
      assert.equal(new Set(looked).size, 2, 'two copies are looked at, however many there are');
      const pair = looked.toSorted().join('');
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    }
    assert.equal(pairs.size, 15);
    for (const [pair, times] of pairs) assert.equal(times, ROUNDS / 15, pair);
  });

  it('of two copies is the one with fewer calls, or the faster one, and says what it compared (§4.6)', () => {
    const [a, b] = [instanceId('a'), instanceId('b')];
    const remotes = [a, b].map((instance) => ({ instance, sinceMs: epochMs(1) }));
    const busy: Place = { standing: 'ready', inFlight: 3, latencyMs: durationMs(10) };
    const choose = (one: Place, other: Place) => chooseCopy(question({ remotes }), loadsOf([one, other], one));
    const byCalls = choose(busy, { ...busy, inFlight: 1 });
    assert.ok(byCalls.kind === 'peer' && byCalls.instance === b);
    assert.deepEqual(
      byCalls.considered.map(({ instance, cost }) => [instance, cost]),
      [
        ['b', 20],
        ['a', 40],
      ],
    );
    const bySpeed = choose(busy, { ...busy, latencyMs: durationMs(100) });
    assert.ok(bySpeed.kind === 'peer' && bySpeed.instance === a);
  });

  it('spreads a hot model at once: the call that finds the local copy too busy goes elsewhere', () => {
    const idle: Place = { standing: 'ready', inFlight: 0, latencyMs: null };
    const hot: Place = { ...idle, inFlight: LOCAL_IN_FLIGHT_BOUND };
    const ask = { local: SELF, remotes: [{ instance: NAMES[0] ?? SELF, sinceMs: epochMs(1) }] };
    assert.equal(chooseCopy(question(ask), loadsOf([idle], hot)).kind, 'peer');
    assert.equal(chooseCopy(question(ask), loadsOf([idle], { ...hot, inFlight: LOCAL_IN_FLIGHT_BOUND - 1 })).kind, 'local');
    const asBusy = { ...idle, inFlight: Math.ceil((LOCAL_IN_FLIGHT_BOUND + 1) / HOP_MARGIN) };
    assert.equal(chooseCopy(question(ask), loadsOf([asBusy], hot)).kind, 'local');
  });
});

describe('a copy that was claimed a while ago', () => {
  const [old, young] = [instanceId('a'), instanceId('b')];
  const choose = (youngAgeMs: number, oldInFlight: number) => {
    const remotes = [
      { instance: old, sinceMs: epochMs(1) },
      { instance: young, sinceMs: epochMs(NOW - youngAgeMs) },
    ];
    const idle: Place = { standing: 'ready', inFlight: 0, latencyMs: null };
    return chooseCopy(
      question({ remotes, assumeLoadedAfterMs: durationMs(30_000) }),
      loadsOf([{ ...idle, inFlight: oldInFlight }, idle], idle),
    );
  };

  it('helps those that are hot before it counts as loaded, and only those', () => {
    const hot = choose(HOT_SETTLED_AFTER_MS + 1, LOCAL_IN_FLIGHT_BOUND);
    assert.ok(hot.kind === 'peer' && hot.instance === young);
    for (const [ageMs, inFlight] of [
      [HOT_SETTLED_AFTER_MS - 1, LOCAL_IN_FLIGHT_BOUND],
      [HOT_SETTLED_AFTER_MS + 1, LOCAL_IN_FLIGHT_BOUND - 1],
    ] as const) {
      const choice = choose(ageMs, inFlight);
      assert.ok(choice.kind === 'peer' && choice.instance === old);
    }
  });
});

describe('a smoothed latency', () => {
  it('follows what is measured, between the old value and the new one', () => {
    const [first, then] = [monotonicMs(0), monotonicMs(10)];
    const one = smoothLatency(undefined, durationMs(100), first);
    const two = smoothLatency(one, durationMs(200), then);
    assert.deepEqual([one.ms, two.ms], [100, 120]);
  });

  it('is forgotten when nobody has called for long, so that a slow copy is tried again', () => {
    const slow = smoothLatency(undefined, durationMs(5000), monotonicMs(0));
    assert.equal(knownLatencyMs(slow, monotonicMs(LATENCY_KEPT_MS)), 5000);
    assert.equal(knownLatencyMs(slow, monotonicMs(LATENCY_KEPT_MS + 1)), null);
    assert.equal(smoothLatency(slow, durationMs(10), monotonicMs(LATENCY_KEPT_MS + 1)).ms, 10);
  });
});
