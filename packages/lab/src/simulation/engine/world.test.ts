import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs } from '@modelmesh/core';
import fc from 'fast-check';
import { Actor, ActorClock, World } from './index.ts';

test('events happen in the order of their instants, and those of one actor at one instant in the order in which they were asked for', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(fc.nat(20), { maxLength: 60 }), async (seed, instants) => {
      const world = new World(seed);
      const actor = new Actor('one');
      const happened: [number, number][] = [];
      for (const [order, atMs] of instants.entries()) world.at(actor, atMs, 'event', () => happened.push([atMs, order]));
      await world.run(100);
      assert.deepEqual(
        happened,
        instants.map((atMs, order) => [atMs, order] as const).toSorted((a, b) => a[0] - b[0] || a[1] - b[1]),
      );
    }),
    { numRuns: 50 },
  );
});

/** The order in which those of `names` that are in `present` have their turn at one instant. */
async function turns(seed: number, names: readonly string[], present: readonly string[]): Promise<readonly string[]> {
  const world = new World(seed);
  const order: string[] = [];
  for (const name of names) if (present.includes(name)) world.at(new Actor(name), 5, 'turn', () => order.push(name));
  await world.run(10);
  return order;
}

test('at one instant the seed says who comes first, and leaving one out does not change the order of the others', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const orders = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) {
    const all = await turns(seed, names, names);
    orders.add(all.join());
    for (const left of names) {
      const others = names.filter((name) => name !== left);
      assert.deepEqual(
        await turns(seed, names, others),
        all.filter((name) => name !== left),
      );
    }
  }
  assert.ok(orders.size > 5, `only ${orders.size} orders in 20 seeds`);
});

test('what an event sets off in microtasks comes to rest before the next event', async () => {
  const world = new World(1);
  const actor = new Actor('one');
  const seen: string[] = [];
  world.at(actor, 1, 'first', () => {
    let chain = Promise.resolve();
    for (let step = 0; step < 50; step++) chain = chain.then(() => void seen.push('micro'));
  });
  world.at(actor, 1, 'second', () => seen.push('second'));
  await world.run(2);
  assert.equal(seen.length, 51);
  assert.equal(seen.at(-1), 'second');
});

test('a frozen actor hears everything late and in order, a dead one nothing', async () => {
  const world = new World(3);
  const [frozen, dead, other] = [new Actor('frozen'), new Actor('dead'), new Actor('other')];
  const seen: string[] = [];
  for (const at of [10, 20, 30]) {
    world.at(frozen, at, 'event', () => seen.push(`frozen ${at} at ${world.nowMs}`));
    world.at(dead, at, 'event', () => seen.push(`dead ${at}`));
  }
  world.at(other, 5, 'stop', () => {
    world.freeze(frozen);
    world.kill(dead);
  });
  world.at(other, 25, 'go on', () => world.thaw(frozen));
  await world.run(100);
  assert.deepEqual(seen, ['frozen 10 at 25', 'frozen 20 at 25', 'frozen 30 at 30']);
});

test('a clock that is too fast fires early, one that was set shows it, and no timer fires before its time', async () => {
  const world = new World(4);
  const actor = new Actor('fast');
  const clock = new ActorClock(world, actor, { skewMs: 5000, driftPpm: 100_000 });
  const startMs = clock.monotonicMs();
  let firedAt = 0;
  clock.after(durationMs(1100), () => {
    firedAt = world.nowMs;
    assert.ok(clock.monotonicMs() - startMs >= 1100);
  });
  const wall = clock.wallMs();
  clock.jumpWall(-60_000);
  assert.equal(clock.wallMs(), wall - 60_000);
  assert.equal(actor.timers, 1);
  await world.run(2000);
  assert.ok(firedAt >= 1000 && firedAt < 1001, `fired at ${firedAt}`);
  assert.equal(actor.timers, 0);
});

test('streams of chance with other names do not disturb one another', () => {
  const world = new World(7);
  const alone = world.random('a').below(1_000_000);
  world.random('b').below(10);
  assert.equal(world.random('a').below(1_000_000), alone);
  assert.notEqual(new World(8).random('a').below(1_000_000), alone);
});
