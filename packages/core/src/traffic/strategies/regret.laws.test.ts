import assert from 'node:assert/strict';
import { it } from 'node:test';
import { newEndpointPolicy, newPolicyRecord, newVariant, type WeightsRecord } from '../../records/index.ts';
import { SeededRandom } from '../../seeded-random.ts';
import { endpointId, epochMs, modelKey } from '../../units.ts';
import { SLOTS } from '../hash.ts';
import { assignSlots, MAIN_SPLIT, slotCounts } from '../slots.ts';
import { armsOf, learn, nextWeights } from './index.ts';

const PERIODS = 100;
const CALLS_A_PERIOD = 400;
const SEEDS = [1, 2, 3, 4, 5, 6];

/** Plays so many periods of calls against variants that succeed with these rates; nodes count, control decides, as a mesh does. */
function play(name: string, config: Readonly<Record<string, unknown>>, rates: readonly number[], seed: number) {
  const random = new SeededRandom(seed, name);
  const names = rates.map((_, at) => `v${at}`);
  const variants = names.map((variant) => newVariant({ name: variant, model: modelKey(variant), weight: 1 }));
  const policy = newEndpointPolicy({ variants, defaultVariant: 'v0', strategy: { name, config } });
  const record = newPolicyRecord({ id: endpointId('e'), revision: 1, policy, slots: assignSlots(policy, new Map()) });
  const nodes = [1, 2, 3].map(() => names.map((variant) => ({ variant, calls: 0, rewards: 0 })));
  let weights: WeightsRecord | undefined;
  let [regret, changes] = [0, 0];
  const best = Math.max(...rates);
  for (let period = 0; period < PERIODS; period++) {
    const shares = slotCounts(weights?.slots ?? record.slots.get(MAIN_SPLIT) ?? []);
    for (let call = 0; call < CALLS_A_PERIOD; call++) {
      const at = drawArm(names, shares, random);
      const arm = nodes[call % nodes.length]?.[at];
      assert.ok(arm !== undefined);
      arm.calls += 1;
      if (random.unit() < (rates[at] ?? 0)) arm.rewards += 1;
      regret += best - (rates[at] ?? 0);
    }
    const input = { policy: record, weights, live: nodes, ended: [] };
    const next = nextWeights(input, learn(policy.strategy, armsOf(input), random), epochMs(period));
    if (next !== null) changes += 1;
    weights = next ?? weights;
  }
  const share = (slotCounts(weights?.slots ?? []).get(`v${rates.indexOf(best)}`) ?? 0) / SLOTS;
  return { share, regret, changes };
}

function drawArm(names: readonly string[], shares: ReadonlyMap<string, number>, random: SeededRandom): number {
  let slot = random.below(SLOTS);
  for (const [at, name] of names.entries()) {
    slot -= shares.get(name) ?? 0;
    if (slot < 0) return at;
  }
  throw new Error('shares sum to all slots');
}

/** What choosing at random would have lost. */
const blindRegret = (rates: readonly number[]): number => {
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  return (Math.max(...rates) - mean) * PERIODS * CALLS_A_PERIOD;
};

const EASY = [0.8, 0.95, 0.6, 0.9];

for (const [name, config, shareMin] of [
  // Of the share that explores, a quarter goes to the best one too.
  ['thompson', { explore: 0.04 }, 0.95],
  ['epsilon-greedy', { explore: 0.1 }, 0.925],
] as const)
  it(`${name} comes to the best of four variants under every seed, and loses little on the way`, () => {
    const rows = SEEDS.map((seed) => ({ seed, ...play(name, config, EASY, seed) }));
    for (const { seed, share, regret } of rows) {
      assert.ok(share >= shareMin, `seed ${seed}: the best one has ${share}`);
      assert.ok(regret < blindRegret(EASY) * 0.25, `seed ${seed}: regret ${regret} of ${blindRegret(EASY)}`);
    }
    const worst = Math.max(...rows.map(({ regret }) => regret)) / blindRegret(EASY);
    console.log(`${name}: at worst ${(100 * worst).toFixed(1)} % of the regret of choosing blindly, over ${SEEDS.length} seeds`);
  });

it('Thompson sampling loses less than half as much as epsilon-greedy, whose exploring never ends', () => {
  const regretOf = (name: string, config: Readonly<Record<string, unknown>>): number =>
    SEEDS.reduce((sum, seed) => sum + play(name, config, EASY, seed).regret, 0);
  const [thompson, greedy] = [regretOf('thompson', { explore: 0 }), regretOf('epsilon-greedy', { explore: 0.1 })];
  assert.ok(thompson < greedy / 2, `${thompson} and ${greedy}`);
});

it('shares settle instead of wandering for ever, so that units keep their variants', () => {
  for (const seed of SEEDS) {
    const { changes } = play('epsilon-greedy', { explore: 0.1 }, [0.5, 0.9], seed);
    assert.ok(changes <= 5, `seed ${seed}: ${changes} changes in ${PERIODS} periods`);
  }
});
