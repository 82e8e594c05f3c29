import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type DurationMs, durationMs, epochMs, modelKey } from '../../index.ts';
import { type CacheConfig, type CachePolicyName, createCachePolicy } from '../index.ts';
import { type Behaviour, CacheRig, mib } from './cache-rig.ts';

/** The models that histories are about. */
export const NAMES = Array.from({ length: 14 }, (_, id) => `m${id}`);
const CONFIG: Partial<CacheConfig> = {
  unloadAttemptsMax: 3,
  drainGraceMs: durationMs(5000),
  failureExpiryMs: durationMs(60_000),
  spaceWaitMs: durationMs(20_000),
  spaceBypassMaxMs: durationMs(2000),
};

type Act =
  | {
      readonly do: 'request';
      readonly model: string;
      readonly background: boolean;
      readonly pinned: boolean;
      readonly ageMs: number;
    }
  | { readonly do: 'use' | 'remove' | 'changed' | 'leave'; readonly model: string }
  | { readonly do: 'measure'; readonly model: string; readonly mib: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'crash' | 'recycle' };

const LONG = { minLength: 10, maxLength: 150, size: 'max' } as const;

const aName = fc.constantFrom(...NAMES);
const aRequest = fc.record({
  do: fc.constant('request' as const),
  model: aName,
  background: fc.boolean(),
  pinned: fc.nat(9).map((roll) => roll === 0),
  ageMs: fc.oneof(fc.constant(0), fc.nat(100_000)),
});
const anAct: fc.Arbitrary<Act> = fc.oneof(
  { arbitrary: aRequest, weight: 10 },
  { arbitrary: fc.record({ do: fc.constantFrom('use' as const, 'remove', 'changed', 'leave'), model: aName }), weight: 3 },
  { arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.nat(50), fc.nat(5000)) }), weight: 5 },
  {
    arbitrary: fc.record({ do: fc.constant('measure' as const), model: aName, mib: fc.integer({ min: 1, max: 120 }) }),
    weight: 1,
  },
  { arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'recycle') }), weight: 1 },
);

/** Acts in which no model grows while it serves. */
const someActsWithoutMeasuring = fc.array(
  anAct.filter((act) => act.do !== 'measure'),
  LONG,
);

/** Per model, so that equal events meet equal surroundings. */
interface Nature {
  readonly predictedMib: number | null;
  readonly surplusMib: number;
  readonly tellsSize: boolean;
  readonly loadMs: number | null;
  readonly fails: boolean;
  readonly unloadFails: boolean;
  readonly claimLost: boolean;
  readonly drainMs: number | null;
}

const aNature: fc.Arbitrary<Nature> = fc.record({
  predictedMib: fc.option(fc.integer({ min: 1, max: 120 }), { nil: null, freq: 5 }),
  surplusMib: fc.oneof(
    { arbitrary: fc.integer({ min: -40, max: 0 }), weight: 4 },
    { arbitrary: fc.integer({ min: 1, max: 60 }), weight: 1 },
  ),
  tellsSize: fc.boolean(),
  loadMs: fc.option(fc.nat(2000), { nil: null, freq: 8 }),
  fails: fc.nat(5).map((roll) => roll === 0),
  unloadFails: fc.nat(9).map((roll) => roll === 0),
  claimLost: fc.nat(9).map((roll) => roll === 0),
  drainMs: fc.option(fc.nat(3000), { nil: null, freq: 8 }),
});
const someNatures = fc.array(aNature, { minLength: NAMES.length, maxLength: NAMES.length });

const DOCILE: Nature = {
  predictedMib: 30,
  surplusMib: 0,
  tellsSize: true,
  loadMs: 20,
  fails: false,
  unloadFails: false,
  claimLost: false,
  drainMs: 0,
};

function behaviour(natures: readonly Nature[]): Partial<Behaviour> {
  const of = (model: string): Nature => natures[NAMES.indexOf(model)] ?? DOCILE;
  const trueMib = (model: string): number => Math.max(1, (of(model).predictedMib ?? 50) + of(model).surplusMib);
  const predicted = (model: string): number | null => of(model).predictedMib;
  return {
    predict: (model) => (predicted(model) === null ? null : mib(predicted(model) ?? 1)),
    measured: (model) => (of(model).tellsSize ? mib(trueMib(model)) : null),
    loadMs: (model) => of(model).loadMs,
    loadFails: (model) => (of(model).fails ? 'broken' : null),
    unloadFails: (model) => of(model).unloadFails,
    claimLost: (model) => of(model).claimLost,
    drainMs: (model) => of(model).drainMs,
  };
}

function perform(rig: CacheRig, act: Act): void {
  switch (act.do) {
    case 'request': {
      const lastUsedMs = act.ageMs === 0 ? epochMs(0) : epochMs(rig.clock.wallMs() - act.ageMs);
      const policy = { pinned: act.pinned, idleAfterMs: null };
      rig.request(act.model, { urgency: act.background ? 'background' : 'call', lastUsedMs, policy });
      break;
    }
    case 'use':
      rig.use(act.model);
      break;
    case 'remove':
      rig.send({ kind: 'remove', model: modelKey(act.model) });
      break;
    case 'changed':
      rig.send({ kind: 'artifact-changed', model: modelKey(act.model) });
      break;
    case 'leave':
      rig.leave(act.model);
      break;
    case 'measure':
      rig.measure(act.model, mib(act.mib));
      break;
    case 'wait':
      rig.clock.advance(act.ms);
      break;
    case 'crash':
      rig.crash();
      break;
    case 'recycle':
      rig.send({ kind: 'recycle', reason: 'asked for' });
      break;
  }
}

const CAPACITY = mib(256);
const RUNTIME = { loadingConcurrency: 3, defaultSize: mib(20), loadTimeoutMs: durationMs(3000) as DurationMs };

function play(natures: readonly Nature[], acts: readonly Act[], policy: CachePolicyName): CacheRig {
  const rig = new CacheRig(behaviour(natures), CONFIG, createCachePolicy(policy));
  rig.ready(CAPACITY, RUNTIME);
  for (const act of acts) perform(rig, act);
  return rig;
}

/** Whatever happens, at rest nothing is in between, every waiter was woken, and the books are the sum of what is loaded. */
export function everyHistoryComesToRest(numRuns: number, policy: CachePolicyName = 'lru'): void {
  fc.assert(
    fc.property(someNatures, fc.array(anAct, LONG), (natures, acts) => {
      const rig = play(natures, acts, policy);
      rig.clock.runAll();
      const kinds = new Set([...rig.cache.copies()].map(({ state }) => state.kind));
      kinds.delete('active');
      kinds.delete('failed');
      assert.deepEqual([...kinds], []);
      assert.equal(rig.waitersLeft, 0);
      const summary = rig.cache.summary();
      assert.equal(summary.bookedUnits, summary.usedUnits);
      assert.ok(summary.bookedUnits <= summary.capacityUnits || summary.pinnedUnits > summary.effectiveUnits);
    }),
    { numRuns },
  );
}

/** While nothing is larger than its prediction, the booking never exceeds the capacity: the rig checks it at every step. */
export function honestSizesStayWithinCapacity(numRuns: number, policy: CachePolicyName = 'lru'): void {
  const honest = someNatures.map((natures) =>
    natures.map((nature) => ({ ...nature, predictedMib: nature.predictedMib ?? 50, surplusMib: 0 })),
  );
  fc.assert(
    fc.property(honest, someActsWithoutMeasuring, (natures, list) => {
      const rig = play(natures, list, policy);
      rig.clock.runAll();
      assert.equal(rig.surprised, false, 'the rig checked the bound at every step only if there was no surprise');
    }),
    { numRuns },
  );
}

/** Models that are measured a little larger than predicted find the headroom free: the booking never exceeds the capacity. */
export function smallSurprisesStayWithinCapacity(numRuns: number, policy: CachePolicyName = 'lru'): void {
  const surplus = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: NAMES.length, maxLength: NAMES.length });
  const nearly = fc.tuple(someNatures, surplus).map(([natures, surpluses]) =>
    natures.map((nature, id) => ({
      ...nature,
      predictedMib: nature.predictedMib ?? 50,
      surplusMib: surpluses[id] ?? 0,
      tellsSize: true,
    })),
  );
  fc.assert(
    fc.property(nearly, someActsWithoutMeasuring, (natures, list) => {
      const rig = play(natures, list, policy);
      rig.clock.runAll();
      assert.ok(rig.overbookedUnitsMax <= 0, `${rig.overbookedUnitsMax} units more than there are`);
    }),
    { numRuns },
  );
}

/** Equal events give equal effects. */
export function equalEventsGiveEqualEffects(numRuns: number, policy: CachePolicyName = 'lru'): void {
  fc.assert(
    fc.property(someNatures, fc.array(anAct, LONG), (natures, acts) => {
      assert.equal(JSON.stringify(play(natures, acts, policy).effects), JSON.stringify(play(natures, acts, policy).effects));
    }),
    { numRuns },
  );
}
