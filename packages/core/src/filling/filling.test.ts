/** The numbers of spec §4.9.3, §4.9.4 and §4.13, and what the one mechanism makes of them. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { durationMs, epochMs, instanceId, modelKey, monotonicMs, sizeUnits } from '../index.ts';
import { type CopiesPolicy, DEFAULT_COPIES_POLICY, newModelRecord } from '../records/index.ts';
import {
  clusterBudget,
  evictedCopyOf,
  FILL_REST_MAX_MS,
  FILLED_MODELS_MAX,
  Filler,
  FillMemory,
  type FillNode,
  FillScan,
  FreshNodes,
  fairShareUnits,
  type KnownCopy,
  mayRebalance,
  offersOf,
  PLANNED_LOADS_MAX,
  partOfBudget,
  probabilityNeeded,
  roomToFill,
  type ScanView,
  secondCopyOf,
  typicalUnits,
  worthPerUnit,
} from './index.ts';
import { aCandidate, aNode, HOUR, MINUTE, NOW, VirtualCluster } from './testing/index.ts';

const TEN = sizeUnits(10);

const viewOf = (nodes: readonly FillNode[], part: Partial<ScanView> = {}): ScanView => ({
  nodes,
  nowMs: NOW,
  typical: TEN,
  typicalLoadMs: durationMs(1000),
  wanted: new Map(),
  mayHold: () => true,
  unitsOf: () => TEN,
  loadMsOf: () => durationMs(1000),
  isLive: () => true,
  ...part,
});

const aScan = (nodes: readonly FillNode[], part: Partial<ScanView> = {}) => new FillScan(viewOf(nodes, part), () => false, 100);
const budget = (freeUnits: number, evictUnits = 0, loads = 100) => ({
  freeUnits: sizeUnits(freeUnits),
  evictUnits: sizeUnits(evictUnits),
  loads,
});

describe('what a load is worth', () => {
  test('a model not used for an hour is needed within one with probability one half; with a known rate that of one call', () => {
    assert.equal(probabilityNeeded({ idleMs: durationMs(HOUR), callsPerMinute: null }, durationMs(HOUR)), 0.5);
    assert.equal(probabilityNeeded({ idleMs: durationMs(0), callsPerMinute: null }, durationMs(HOUR)), 1);
    const often = probabilityNeeded({ idleMs: durationMs(HOUR), callsPerMinute: 1 / 60 }, durationMs(HOUR));
    assert.ok(Math.abs(often - (1 - Math.exp(-1))) < 1e-12);
  });

  test('it is cold time per unit: longer loads and smaller models first, a second copy a fiftieth of a first one', () => {
    const base = worthPerUnit(aCandidate('m'));
    assert.equal(worthPerUnit(aCandidate('m', { loadMs: durationMs(2000) })), 2 * base);
    assert.equal(worthPerUnit(aCandidate('m', { units: sizeUnits(5) })), 2 * base);
    assert.ok(Math.abs(worthPerUnit(aCandidate('m', { reason: 'second-copy' })) - base / 50) < 1e-12);
  });
});

describe('§4.9.4 how much is filled', () => {
  test('room is what is free but for an eighth, and what 50 loads per thread would take', () => {
    assert.equal(roomToFill(aNode('a', { used: 500 }), TEN), 375);
    assert.equal(roomToFill(aNode('a', { used: 900 }), TEN), 0);
    assert.equal(roomToFill(aNode('a', { capacity: 100_000, threads: 1, inProgress: 20 }), TEN), 300);
    assert.equal(roomToFill(aNode('a', { threads: 1, inProgress: 60 }), TEN), 0);
  });

  test('a run fills half of it; a twentieth of the capacity less that may be evicted, where there is any free room', () => {
    assert.deepEqual(clusterBudget([aNode('a', { used: 500 }), aNode('b', { used: 1000 })], TEN), budget(187, 0, 64));
    assert.deepEqual(clusterBudget([aNode('a', { used: 850 }), aNode('b', { used: 1000 })], TEN), budget(12, 88, 64));
    assert.deepEqual(clusterBudget([aNode('a', { used: 1000 })], TEN).evictUnits, 0);
  });

  test('the size of a typical model is the mean, below three copies the default, up to ten the mean of both', () => {
    assert.equal(typicalUnits([aNode('a', { used: 100, models: 2 })], TEN), 10);
    assert.equal(typicalUnits([aNode('a', { used: 300, models: 10 })], TEN), 20);
    assert.equal(typicalUnits([aNode('a', { used: 330, models: 11 })], TEN), 30);
  });

  test('the leader and all instances together never exceed the whole', () => {
    const whole = budget(1000, 500, 90);
    const nothing = { evictedUnits: sizeUnits(0), loadsUnderWay: 0 };
    const leader = partOfBudget(whole, 0.5, nothing, sizeUnits(0));
    const instance = partOfBudget(whole, 0.5 / 7, nothing, sizeUnits(0));
    for (const key of ['freeUnits', 'evictUnits', 'loads'] as const)
      assert.ok(leader[key] + 7 * instance[key] <= whole[key], key);
    const spent = { evictedUnits: sizeUnits(200), loadsUnderWay: 40 };
    assert.deepEqual(partOfBudget(whole, 0.5, spent, sizeUnits(0)), budget(500, 50, 5));
  });

  test('a plan has a bounded number of loads, however large the cluster', () => {
    assert.equal(
      clusterBudget(
        Array.from({ length: 500 }, (_, at) => aNode(`n${at}`)),
        TEN,
      ).loads,
      PLANNED_LOADS_MAX,
    );
  });
});

describe('§4.9.3 who is a candidate', () => {
  const record = (name: string, copies: readonly string[], failedIn: readonly string[] = []) =>
    newModelRecord({
      key: modelKey(name),
      type: 'onnx',
      lastUsedMs: epochMs(NOW - HOUR),
      copies: new Map(copies.map((id) => [instanceId(id), epochMs(NOW - 2 * HOUR)])),
      failures: new Map(failedIn.map((id) => [instanceId(id), { atMs: NOW, message: '' }])),
    });
  const planned = (records: readonly ReturnType<typeof record>[], isLive = (id: string) => id !== 'gone') => {
    const scan = aScan([aNode('a'), aNode('b')], { isLive });
    scan.consider(records);
    return scan.plan(budget(1000)).loads.map(({ model, to }) => `${model} ${to}`);
  };

  test('a model without a live copy that failed in fewer than two instances, and not where it failed', () => {
    assert.deepEqual(planned([record('held', ['a']), record('failed', [], ['x', 'y'])]), []);
    assert.deepEqual(planned([record('cold', [])]), ['cold a']);
    assert.deepEqual(planned([record('once', [], ['a'])]), ['once b']);
  });

  test('a model whose only copy was in an instance that is gone is one at once', () => {
    assert.deepEqual(planned([record('lost', ['gone'])]), ['lost a']);
  });

  test('a lost copy was wanted when it was claimed, whatever the record says of its last use', () => {
    const lost = newModelRecord({
      key: modelKey('z'),
      type: 'onnx',
      lastUsedMs: epochMs(NOW - 7 * HOUR),
      copies: new Map([[instanceId('gone'), epochMs(NOW - MINUTE)]]),
    });
    const scan = aScan([aNode('a')], { isLive: () => false });
    scan.consider([record('m', []), lost]);
    assert.deepEqual(
      scan.plan(budget(1000)).loads.map(({ model }) => model),
      ['z', 'm'],
    );
  });

  test('§9.4.6 models that were used at the same instant are all loaded', () => {
    assert.deepEqual(
      planned([record('c', []), record('a', []), record('b', [])]).map((one) => one[0]),
      ['a', 'b', 'c'],
    );
  });
});

describe('where it goes', () => {
  const planOf = (
    nodes: readonly FillNode[],
    candidates: readonly ReturnType<typeof aCandidate>[],
    part: Partial<ScanView> = {},
    spend = budget(1000, 1000),
  ) => {
    const scan = aScan(nodes, part);
    for (const candidate of candidates) scan.propose(candidate);
    return scan.plan(spend);
  };
  const said = (plan: ReturnType<typeof planOf>) =>
    plan.loads.map(({ model, to, evicts }) => `${model} ${to}${evicts ? ' evicts' : ''}`);

  test('into the instance with the greatest part free, one after the other', () => {
    const nodes = [aNode('a', { used: 700 }), aNode('b', { used: 690 })];
    assert.deepEqual(said(planOf(nodes, [aCandidate('x'), aCandidate('y'), aCandidate('z')])), ['x b', 'y a', 'z b']);
  });

  test('only where its type may be, and models of a type without room do not hide the others', () => {
    const nodes = [aNode('a', { used: 1000, oldestAgeMs: MINUTE }), aNode('b')];
    const mayHold = (type: string, id: string) => (type === 'onnx') === (id === 'a');
    const many = Array.from({ length: 500 }, (_, at) => aCandidate(`m${at}`, { idleMs: durationMs(0) }));
    const plan = planOf(nodes, [...many, aCandidate('other', { type: 'other', idleMs: durationMs(HOUR) })], { mayHold });
    assert.deepEqual(said(plan), ['other b']);
    assert.ok(plan.notPlanned['not-worth-evicting'] > 0);
  });

  test('something goes for it only if that was used earlier by a third of its age, at least 20 minutes (§4.9.4)', () => {
    const full = (oldestAgeMs: number) => [aNode('a', { used: 1000, oldestAgeMs })];
    const evicts = (oldestAgeMs: number, idleMs: number) =>
      said(planOf(full(oldestAgeMs), [aCandidate('m', { idleMs: durationMs(idleMs) })])).length === 1;
    assert.deepEqual([evicts(9 * HOUR, 6 * HOUR), evicts(9 * HOUR, 6 * HOUR - 1)], [false, true]);
    assert.deepEqual([evicts(30 * MINUTE, 10 * MINUTE), evicts(30 * MINUTE, 2 * MINUTE)], [false, true]);
  });

  test('and only if it is worth more than what goes: a large model that is quick to load does not push out small ones', () => {
    const nodes = [aNode('a', { used: 1000, oldestAgeMs: 9 * HOUR })];
    const candidate = (units: number, loadMs: number) => aCandidate('m', { units: sizeUnits(units), loadMs: durationMs(loadMs) });
    assert.deepEqual(said(planOf(nodes, [candidate(10, 1000)])), ['m a evicts']);
    const plan = planOf(nodes, [candidate(100, 1000)]);
    assert.deepEqual([said(plan), plan.notPlanned['not-worth-evicting']], [[], 1]);
  });

  test('second copies never push anything out', () => {
    const nodes = [aNode('a', { used: 1000, oldestAgeMs: 100 * HOUR })];
    const second = aCandidate('m', { reason: 'second-copy', callsPerMinute: 100, loadMs: durationMs(600_000) });
    assert.deepEqual(planOf(nodes, [second]).notPlanned['no-room'], 1);
  });

  test('the best first, within units and loads', () => {
    const candidates = [
      aCandidate('old', { idleMs: durationMs(HOUR) }),
      aCandidate('new', { idleMs: durationMs(MINUTE) }),
      aCandidate('mid'),
    ];
    assert.deepEqual(said(planOf([aNode('a')], candidates, {}, budget(20))), ['new a', 'mid a']);
    assert.deepEqual(said(planOf([aNode('a')], candidates, {}, budget(1000, 0, 1))), ['new a']);
  });

  test('a model that is proposed twice is loaded once', () => {
    const plan = planOf(
      [aNode('a'), aNode('b')],
      [aCandidate('m'), aCandidate('m', { reason: 'second-copy', exclude: [instanceId('a')] })],
    );
    assert.deepEqual(said(plan), ['m a']);
  });

  test('a load says why, with its numbers', () => {
    const [load] = planOf([aNode('a')], [aCandidate('m')]).loads;
    assert.equal(
      load?.because,
      'first-copy, counted as last used 600 s ago, is expected to save 857 ms of loading in 3600 s, into free room',
    );
    assert.deepEqual([load?.lastUsedMs, Math.round(load?.worthMs ?? 0)], [NOW - 10 * MINUTE, 857]);
  });
});

describe('§4.13 after an eviction', () => {
  test('a model that was registered for longer than two loads may take is offered elsewhere, where a twentieth is free', () => {
    const may = (registeredForMs: number, free: number) => mayRebalance(durationMs(registeredForMs), durationMs(90_000), free);
    assert.deepEqual([may(180_000, 0.05), may(180_001, 0.05), may(180_001, 0.049)], [false, true, false]);
  });
});

test('§4.9 a leader that is alone begins after two minutes, one with others at once', () => {
  const loads = (names: readonly string[], ms: readonly number[]) => {
    const cluster = new Filler({ kind: 'leader' });
    return ms.map((at) => {
      const situation = { ...viewOf(names.map((name) => aNode(name))), defaultUnits: TEN };
      const run = cluster.begin(situation, { monotonicMs: monotonicMs(at), wallMs: NOW });
      run.scan.propose(aCandidate(`m${at}`));
      return run.finish().loads.length;
    });
  };
  assert.deepEqual(loads(['a'], [0, 119_999, 120_000]), [0, 0, 1]);
  assert.deepEqual(loads(['a', 'b'], [0]), [1]);
});

describe('what an instance proposes', () => {
  const known = (copies: readonly string[], policy: Partial<CopiesPolicy> = {}): KnownCopy => ({
    record: newModelRecord({
      key: modelKey('m'),
      type: 'onnx',
      copies: new Map(copies.map((id) => [instanceId(id), epochMs(NOW - HOUR)])),
      copiesPolicy: { ...DEFAULT_COPIES_POLICY, ...policy },
    }),
    units: TEN,
    lastUsedMs: epochMs(NOW - MINUTE),
    callsPerMinute: 2,
    loadMs: durationMs(1000),
  });
  const view = { nowMs: NOW, isLive: (id: string) => id !== 'gone' };
  const offered = (copy: KnownCopy, own = aNode('a', { used: 1000, oldestAgeMs: HOUR })) => [
    ...offersOf([copy], own, durationMs(1000), view),
  ];

  test('a second copy of what has one live copy, as far as its owner allows', () => {
    assert.deepEqual(secondCopyOf(known(['a', 'gone']), view)?.exclude, ['a', 'gone']);
    assert.equal(secondCopyOf(known(['a', 'b']), view), undefined);
    assert.equal(secondCopyOf(known(['a'], { max: 1 }), view), undefined);
  });

  test('what it evicted, if nobody else has it, and never for itself', () => {
    const evicted = evictedCopyOf(known(['a']), instanceId('a'), view);
    assert.deepEqual([evicted?.reason, evicted?.exclude], ['first-copy', ['a']]);
    assert.deepEqual(evictedCopyOf(known([]), instanceId('a'), view)?.exclude, ['a']);
    assert.equal(evictedCopyOf(known(['a', 'b']), instanceId('a'), view), undefined);
  });

  test('to fresh ones what it alone has; a full one gains what it would have evicted next', () => {
    assert.deepEqual(
      offered(known(['a'])).map(({ reason, freesPerUnit }) => [reason, freesPerUnit]),
      [['spread', 50]],
    );
    assert.equal(offered(known(['a']), aNode('a', { used: 500 }))[0]?.freesPerUnit, 0);
    for (const copy of [known(['a', 'b']), known(['b']), known(['a'], { max: 1 })]) assert.deepEqual(offered(copy), []);
  });
});

describe('copies.idleAfter', () => {
  const record = (idleMs: number) =>
    newModelRecord({
      key: modelKey('m'),
      type: 'onnx',
      lastUsedMs: epochMs(NOW - idleMs),
      copiesPolicy: { ...DEFAULT_COPIES_POLICY, idleAfterMs: durationMs(30 * MINUTE) },
    });

  test('what its owner has unloaded when idle is not loaded again by itself, and is worth less the sooner that comes', () => {
    const worth = (idleMs: number) => {
      const scan = aScan([aNode('a')]);
      scan.consider([record(idleMs)]);
      const [load] = scan.plan(budget(1000)).loads;
      return load === undefined ? undefined : Math.round(load.worthMs);
    };
    assert.deepEqual([worth(30 * MINUTE), worth(20 * MINUTE)], [undefined, 333]);
  });
});

describe('rest', () => {
  test('a model that was filled in rests ten minutes, twice as long each time, and a use ends it', () => {
    const memory = new FillMemory();
    const m = modelKey('m');
    memory.planned(m, NOW);
    const resting = (afterMs: number, usedMs = 0) => memory.isResting(m, 'first-copy', usedMs, epochMs(NOW + afterMs));
    assert.deepEqual([resting(599_999), resting(600_000), resting(1000, NOW + 500)], [true, false, false]);
    memory.planned(m, epochMs(NOW + 600_000));
    assert.deepEqual([resting(600_000 + 1_199_999), resting(600_000 + 1_200_000)], [true, false]);
    for (let times = 0; times < 20; times += 1) memory.planned(m, NOW);
    assert.deepEqual([resting(FILL_REST_MAX_MS - 1), resting(FILL_REST_MAX_MS)], [true, false]);
  });

  test('further copies are proposed because of uses, so uses do not end their rest', () => {
    const memory = new FillMemory();
    memory.planned(modelKey('m'), NOW);
    assert.equal(memory.isResting(modelKey('m'), 'second-copy', NOW + 500, epochMs(NOW + 1000)), true);
  });

  test('the models that are remembered are bounded', () => {
    const memory = new FillMemory();
    for (let at = 0; at <= FILLED_MODELS_MAX; at += 1) memory.planned(modelKey(`m${at}`), NOW);
    assert.equal(memory.size, FILLED_MODELS_MAX);
    assert.equal(memory.isResting(modelKey('m0'), 'first-copy', 0, NOW), false);
  });
});

describe('a fresh instance', () => {
  const busy = ['a', 'b', 'c'].map((name) => aNode(name, { used: 900 }));

  test('its share is that part of what is used which its capacity is of all, and never its last eighth', () => {
    const nodes = [...busy, aNode('d')];
    assert.equal(fairShareUnits(aNode('d'), nodes), 675);
    assert.equal(fairShareUnits(aNode('d'), [...busy, aNode('e', { used: 9000, capacity: 9000 }), aNode('d')]), 875);
  });

  /** What `d` wants at these instants with that much in use, having joined after `before` was seen. */
  const wantedBy = (seen: readonly (readonly [number, number])[], others = busy, before: readonly FillNode[] = others) => {
    const fresh = new FreshNodes();
    fresh.observe(before, monotonicMs(0));
    return seen.map(([ms, used]) => {
      const nodes = [...others, aNode('d', { used })];
      fresh.observe(nodes, monotonicMs(ms));
      return fresh.wanted(nodes).get(instanceId('d'));
    });
  };

  test('it is fresh below half of its share until it has it, and what is copied to it does not raise what it wants', () => {
    const seen = [
      [10, 0],
      [20, 300],
      [30, 500],
      [40, 675],
      [50, 100],
      [1_000_000, 0],
    ] as const;
    assert.deepEqual(wantedBy(seen), [675, 375, 175, undefined, undefined, undefined]);
    assert.deepEqual(
      wantedBy([
        [10, 400],
        [20, 300],
      ]),
      [undefined, 450],
    );
  });

  test('one that has been there for five minutes is not, whatever it has; one that came back has joined again', () => {
    const fresh = new FreshNodes();
    const full = [...busy, aNode('d', { used: 900 })];
    const empty = [...busy, aNode('d')];
    const wants = (nodes: readonly FillNode[], ms: number) => {
      fresh.observe(nodes, monotonicMs(ms));
      return fresh.wanted(nodes).size;
    };
    assert.deepEqual(
      [wants(full, 0), wants(full, 300_000), wants(empty, 300_001), wants(busy, 300_002), wants(empty, 300_003)],
      [0, 0, 0, 0, 1],
    );
  });

  test('in a cluster that is hardly used nobody is: a few models stay where they are called', () => {
    const few = ['a', 'b', 'c'].map((name) => aNode(name, { used: 60 }));
    assert.deepEqual(wantedBy([[10, 0]], few), [undefined]);
    assert.deepEqual(wantedBy([[10, 0]], [aNode('a', { used: 100 })]), [50]);
  });

  test('one that does not get its share in five minutes is left as it is', () => {
    assert.deepEqual(
      wantedBy([
        [0, 0],
        [299_999, 0],
        [300_000, 0],
      ]),
      [675, 675, undefined],
    );
  });

  test('exactly what it wants is given, in whole models, by those that have more than their share', () => {
    const fresh = new FreshNodes();
    const before = [
      aNode('a', { used: 1000 }),
      aNode('b', { used: 910 }),
      aNode('c', { used: 805 }),
      aNode('poor', { used: 400 }),
    ];
    const nodes = [...before, aNode('d')];
    fresh.observe(before, monotonicMs(0));
    fresh.observe(nodes, monotonicMs(1));
    const wanted = fresh.wanted(nodes).get(instanceId('d')) ?? 0;
    const given = nodes.map(({ id }) => fresh.spreadUnits(id, nodes, TEN));
    assert.equal(
      given.reduce((sum, units) => sum + units, 0),
      Math.ceil(wanted / 10) * 10,
    );
    assert.deepEqual([given[3], given[4]], [0, 0]);
    assert.ok((given[0] ?? 0) > (given[1] ?? 0) && (given[1] ?? 0) > (given[2] ?? 0));
  });
});

describe('field.md §4.9, item 11: fresh instances get work', () => {
  test('an instance that joins three full ones has its fair share within a minute', (context) => {
    const cluster = new VirtualCluster();
    for (const name of ['a', 'b', 'c']) {
      cluster.join(name);
      for (let at = 0; at < 100; at += 1) cluster.register(`${name}${at}`, at * MINUTE, name);
    }
    for (let at = 0; at < 12; at += 1) cluster.run();
    assert.equal(cluster.loaded.length, 0);
    cluster.join('d');
    const share = fairShareUnits(aNode('d'), [...['a', 'b', 'c'].map((name) => aNode(name, { used: 1000 })), aNode('d')]);
    const after: number[] = [];
    for (let period = 1; period <= 6; period += 1) {
      cluster.run();
      after.push(cluster.used('d'));
    }
    context.diagnostic(`fair share ${share} units; used after 10, 20 … 60 s: ${after.join(', ')}`);
    assert.ok((after.at(-1) ?? 0) >= share, `${after.at(-1)} of ${share}`);
    // The most recently used ones of each went first.
    const first = cluster.loaded.slice(0, 30).map(({ model }) => Number(model.slice(1)));
    assert.ok(Math.max(...first) < 50, `${first}`);
    assert.deepEqual(cluster.evicted, []);
  });

  test('what it took over goes from the full ones, theirs alone, and then all of it holds still', (context) => {
    const cluster = new VirtualCluster();
    for (const name of ['a', 'b', 'c']) {
      cluster.join(name);
      for (let at = 0; at < 100; at += 1) cluster.register(`${name}${at}`, at * MINUTE, name);
    }
    cluster.run();
    cluster.join('d');
    const removedAt: number[] = [];
    for (let period = 1; period <= 720; period += 1) {
      cluster.run();
      if (period % 36 === 0)
        for (const { rule } of cluster.scaleDown()) removedAt.push(rule === 'moved' ? period / 6 : Number.NaN);
      assert.equal(cluster.loadedModels, 300);
    }
    const last = Math.max(...removedAt);
    context.diagnostic(`${removedAt.length} copies given up until minute ${last}, ${cluster.loaded.length} loads in two hours`);
    assert.ok(removedAt.length >= 3 && last <= 12, `${removedAt}`);
    assert.deepEqual(
      cluster.loaded.filter(({ atMs }) => atMs > 70_000),
      [],
    );
  });

  test('it takes models that nobody has before copies of those that somebody has', () => {
    const cluster = new VirtualCluster();
    cluster.join('a');
    for (let at = 0; at < 100; at += 1) cluster.register(`a${at}`, at * MINUTE, 'a');
    cluster.run();
    for (let at = 0; at < 200; at += 1) cluster.register(`cold${at}`, (100 + at) * MINUTE);
    cluster.join('b');
    for (let period = 0; period < 6; period += 1) cluster.run();
    const cold = cluster.loaded.filter(({ model }) => model.startsWith('cold')).length;
    assert.ok(cold > 40 && cluster.used('b') >= 500, `${cold} cold ones, ${cluster.used('b')} units`);
  });
});
