import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CACHE_POLICY_NAMES, createCachePolicy } from '../cache/index.ts';
import { bytes, durationMs, modelKey } from '../index.ts';
import {
  coldSaved,
  FAMILY_NAMES,
  hitRate,
  makeTrace,
  replayTrace,
  type Trace,
  type TraceModel,
  TraceReader,
  totalBytes,
  traceLines,
} from './index.ts';

const MIB = 2 ** 20;
const CACHE = { capacity: bytes(512 * MIB), loadingConcurrency: 2, unloadMs: durationMs(50) };
const SMALL = { calls: 3000, models: 60 };

const aTrace: fc.Arbitrary<Trace> = fc
  .record({
    models: fc.array(fc.record({ mib: fc.integer({ min: 1, max: 300 }), loadMs: fc.nat(5000) }), { minLength: 1, maxLength: 12 }),
    calls: fc.array(fc.record({ gapMs: fc.nat(4000), model: fc.nat(11) }), { maxLength: 80 }),
  })
  .map(({ models, calls }) => {
    let nowMs = 0;
    const atMs = calls.map(({ gapMs }) => {
      nowMs += gapMs;
      return nowMs;
    });
    return {
      cache: CACHE,
      models: models.map(({ mib, loadMs }, at) => aModel(`m${at}`, mib, loadMs)),
      atMs: Float64Array.from(atMs),
      called: Uint32Array.from(calls, ({ model }) => model % models.length),
    };
  });

const aModel = (name: string, mib: number, loadMs: number): TraceModel => ({
  key: modelKey(name),
  bytes: bytes(mib * MIB),
  loadMs: durationMs(loadMs),
});

/** Calls of models by name, one second apart. */
function calls(models: readonly TraceModel[], names: readonly string[], cache = CACHE): Trace {
  return {
    cache,
    models,
    atMs: Float64Array.from(names, (_, at) => at * 10_000),
    called: Uint32Array.from(names, (name) => models.findIndex(({ key }) => key === name)),
  };
}

for (const policy of CACHE_POLICY_NAMES) {
  test(`law, ${policy}: calls are hits, failures or waited for a load; what was loaded and not evicted fits`, () => {
    fc.assert(
      fc.property(aTrace, (trace) => {
        const figures = replayTrace(trace, createCachePolicy(policy));
        assert.equal(figures.calls, trace.called.length);
        assert.ok(figures.hits + figures.failures <= figures.calls);
        assert.ok(figures.hits + figures.failures + figures.loads >= new Set(trace.called).size);
        assert.equal(
          figures.coldMs,
          figures.byModel.reduce((sum, { loads }, at) => sum + loads * (trace.models[at]?.loadMs ?? 0), 0),
        );
        assert.equal(
          figures.bytesLoaded,
          figures.byModel.reduce((sum, { loads }, at) => sum + loads * (trace.models[at]?.bytes ?? 0), 0),
        );
        assert.ok(figures.evictions <= figures.loads);
      }),
    );
  });

  test(`law, ${policy}: equal traces give equal figures`, () => {
    fc.assert(
      fc.property(aTrace, (trace) => {
        assert.deepEqual(replayTrace(trace, createCachePolicy(policy)), replayTrace(trace, createCachePolicy(policy)));
      }),
      { numRuns: 30 },
    );
  });

  test(`law, ${policy}: what fits whole is loaded once per model and never evicted`, () => {
    fc.assert(
      fc.property(aTrace, (trace) => {
        const roomy = { ...trace.cache, capacity: bytes(totalBytes(trace.models) * 2 + 64 * MIB) };
        const { loads, evictions, failures } = replayTrace({ ...trace, cache: roomy }, createCachePolicy(policy));
        assert.deepEqual([loads, evictions, failures], [new Set(trace.called).size, 0, 0]);
      }),
    );
  });
}

test('a replay counts as one does by hand: room for two of three, by last use', () => {
  const models = [aModel('a', 200, 1000), aModel('b', 200, 2000), aModel('c', 200, 4000)];
  const figures = replayTrace(calls(models, ['a', 'b', 'a', 'c', 'a', 'b']), createCachePolicy('lru'));
  assert.deepEqual([figures.hits, figures.loads, figures.evictions, figures.failures], [2, 4, 2, 0]);
  assert.equal(figures.coldMs, 1000 + 2000 + 4000 + 2000);
  assert.equal(figures.waitedMs, figures.coldMs + 2 * CACHE.unloadMs, 'two waited until their victims were unloaded');
  assert.equal(hitRate(figures), 2 / 6);
  assert.deepEqual(figures.byModel[0], { calls: 3, hits: 2, loads: 1 });
});

test('the same by cost: what loads fast goes, although it was used last', () => {
  const models = [aModel('fast', 200, 100), aModel('slow', 200, 9000), aModel('new', 200, 1000)];
  const trace = calls(models, ['slow', 'fast', 'new', 'slow']);
  const [lru, cost] = [replayTrace(trace, createCachePolicy('lru')), replayTrace(trace, createCachePolicy('cost-aware'))];
  assert.deepEqual([lru.hits, cost.hits], [0, 1]);
  assert.equal(coldSaved(lru, cost), 1 - 10_100 / 19_100);
});

test('calls during a load wait for it together and are no hits', () => {
  const trace = { ...calls([aModel('a', 10, 5000)], ['a', 'a', 'a']), atMs: Float64Array.of(0, 1000, 6000) };
  const { hits, loads, waitedMs } = replayTrace(trace, createCachePolicy('lru'));
  assert.deepEqual([hits, loads, waitedMs], [1, 1, 5000 + 4000]);
});

test('a model larger than the cache fails its calls and evicts nothing', () => {
  const { failures, loads, evictions } = replayTrace(
    calls([aModel('a', 100, 10), aModel('huge', 600, 10)], ['a', 'huge', 'a']),
    createCachePolicy('lru'),
  );
  assert.deepEqual([failures, loads, evictions], [1, 1, 0]);
});

test('law: a trace that was written is read back as it was', () => {
  fc.assert(fc.property(aTrace, (trace) => assert.deepEqual(readBack(trace), trace)));
  for (const family of FAMILY_NAMES) {
    const trace = makeTrace(family, SMALL);
    assert.deepEqual(readBack(trace), trace);
  }
});

function readBack(trace: Trace): Trace {
  const reader = new TraceReader();
  for (const line of traceLines(trace)) reader.take(line);
  return reader.finish();
}

test('a trace that is wrong is refused with the number of its line and the reason', () => {
  const header = '{"trace":"mmesh/1","capacityBytes":100,"models":[{"key":"a","bytes":1,"loadSeconds":1}]}';
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /empty/],
    [['x'], /line 1 .*one JSON object/],
    [['{"t":1,"model":"a"}'], /line 1 .*header/],
    [[header.replace('100', '0')], /line 1 .*capacityBytes/],
    [[header.replace('"loadSeconds":1', '"loadSeconds":-1')], /line 1 .*loadSeconds/],
    [[header.replace('}]', '},{"key":"a","bytes":1,"loadSeconds":1}]')], /line 1 .*twice/],
    [[header, '', '{"t":1,"model":"b"}'], /line 3 .*no model "b"/],
    [[header, '{"t":2,"model":"a"}', '{"t":1,"model":"a"}'], /line 3 .*earlier/],
    [[header.replace('"models"', '"loadingConcurrency":0,"models"')], /line 1 .*loadingConcurrency/],
  ];
  for (const [lines, expected] of wrong) {
    assert.throws(() => {
      const reader = new TraceReader();
      for (const line of lines) reader.take(line);
      reader.finish();
    }, expected);
  }
});

test('every family is the same under the same seed, another under another, and in the order of time', () => {
  for (const family of FAMILY_NAMES) {
    const [one, same, other] = [makeTrace(family, SMALL), makeTrace(family, SMALL), makeTrace(family, { ...SMALL, seed: 2 })];
    assert.deepEqual(one, same);
    assert.notDeepEqual(one.called, other.called);
    assert.ok(
      one.atMs.every((atMs, at) => at === 0 || atMs >= (one.atMs[at - 1] ?? 0)),
      family,
    );
    assert.ok(Math.abs(one.called.length - SMALL.calls) < SMALL.calls / 10, `${family} has ${one.called.length} calls`);
  }
});

test('the scan goes through twice the capacity in a cycle', () => {
  const { models, called, cache } = makeTrace('scan', SMALL);
  const scanned = [...called].filter((model) => models[model]?.key.startsWith('scanned-'));
  const cycle = new Set(scanned).size;
  const weight = totalBytes(models.filter(({ key }) => key.startsWith('scanned-')));
  assert.ok(weight >= 2 * cache.capacity);
  assert.ok(scanned.length > cycle);
  assert.ok(scanned.every((model, at) => at < cycle || model === scanned[at - cycle]));
});

test('churn replaces models: versions that were called are not called any more', () => {
  const { models, called } = makeTrace('churn', SMALL);
  assert.ok(models.length > 2 * SMALL.models);
  const late = new Set(called.subarray(called.length - 500));
  const early = [...new Set(called.subarray(0, 500))];
  assert.ok(early.filter((model) => late.has(model)).length < early.length / 2);
});
