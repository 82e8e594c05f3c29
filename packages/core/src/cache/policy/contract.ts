/** What every order of victims must keep: run by each adapter's suite. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationMs, epochMs, type ModelKey, modelKey, sizeUnits } from '../../units.ts';
import type { CachePolicy, RankedCopy } from './port.ts';

const MODELS = ['a', 'b', 'c', 'd'].map((name) => modelKey(name));
const anAct = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('use' as const), model: fc.nat(3), calls: fc.nat(9), waitMs: fc.nat(9000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('observe' as const), model: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('load' as const), model: fc.nat(3), loadMs: fc.nat(9000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), model: fc.nat(3) }) },
);

/** Plays uses, loads and departures of a few models, and looks at the rank of each after every act. */
class Histories {
  readonly policy: CachePolicy;
  nowMs = 1_000_000;
  readonly copies = new Map<ModelKey, RankedCopy>();

  constructor(policy: CachePolicy) {
    this.policy = policy;
    MODELS.forEach((model, at) => {
      this.copies.set(model, {
        model,
        units: sizeUnits(10 + at * 7),
        lastUsedMs: epochMs(this.nowMs),
        calls: 0,
        isFailure: false,
      });
    });
  }

  copy(at: number): RankedCopy {
    const copy = this.copies.get(MODELS[at] ?? modelKey('a'));
    assert.ok(copy !== undefined);
    return copy;
  }

  ranks(): readonly number[] {
    return [...this.copies.values()].map((copy) => this.policy.rankOf(copy));
  }

  perform(act: typeof anAct extends fc.Arbitrary<infer Act> ? Act : never): void {
    const copy = this.copy(act.model);
    switch (act.do) {
      case 'use':
        this.nowMs += act.waitMs;
        this.copies.set(copy.model, { ...copy, lastUsedMs: epochMs(this.nowMs), calls: copy.calls + act.calls });
        break;
      case 'observe':
        this.policy.observe(copy);
        break;
      case 'load': {
        const { model, units } = copy;
        this.policy.loaded({ model, units, loadMs: durationMs(act.loadMs), effectiveUnits: sizeUnits(50) }, epochMs(this.nowMs));
        break;
      }
      case 'leave':
        this.policy.observe(copy);
        this.policy.left(copy.model);
        this.copies.set(copy.model, { ...copy, calls: 0 });
        break;
    }
  }
}

/** Registers the laws of the port for one order. `make` gives a fresh one each time. */
export function cachePolicyContract(name: string, make: () => CachePolicy): void {
  test(`${name}: asking for a rank or a reason changes nothing`, () => {
    fc.assert(
      fc.property(fc.array(anAct, { maxLength: 40 }), (acts) => {
        const [asked, left] = [new Histories(make()), new Histories(make())];
        for (const act of acts) {
          asked.perform(act);
          left.perform(act);
          asked.ranks();
          for (const copy of asked.copies.values()) asked.policy.explain(copy);
        }
        assert.deepEqual(asked.ranks(), left.ranks());
      }),
    );
  });

  test(`${name}: use and observation never lower a rank, and touch no other`, () => {
    fc.assert(
      fc.property(fc.array(anAct, { maxLength: 40 }), (acts) => {
        const histories = new Histories(make());
        for (const act of acts) {
          const before = histories.ranks();
          histories.perform(act);
          if (act.do !== 'use' && act.do !== 'observe') continue;
          histories.ranks().forEach((rank, at) => {
            if (at === act.model) assert.ok(rank >= (before[at] ?? rank), `${rank} after ${before[at]}`);
            else assert.equal(rank, before[at]);
          });
        }
      }),
    );
  });

  test(`${name}: ranks are finite numbers, for failures too`, () => {
    const policy = make();
    for (const isFailure of [true, false])
      for (const units of [0, 1, 2 ** 30])
        for (const lastUsedMs of [0, 1, Number.MAX_SAFE_INTEGER]) {
          const copy = { model: modelKey('x'), units: sizeUnits(units), lastUsedMs: epochMs(lastUsedMs), calls: 0, isFailure };
          assert.ok(Number.isFinite(policy.rankOf(copy)));
        }
  });

  test(`${name}: says its name in every reason`, () => {
    const policy = make();
    const { copies } = new Histories(policy);
    for (const copy of copies.values()) assert.equal(policy.explain(copy).policy, policy.name);
  });
}
