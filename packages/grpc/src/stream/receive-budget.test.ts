import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Evictable, ReceiveBudget } from './receive-budget.ts';

/** Holds bytes of a budget until it is evicted. */
class Holder implements Evictable {
  readonly why: string[] = [];
  readonly #budget: ReceiveBudget;
  #heldBytes = 0;
  constructor(budget: ReceiveBudget) {
    this.#budget = budget;
  }
  take(byteCount: number): void {
    this.#heldBytes += byteCount;
    this.#budget.take(this, byteCount);
  }
  evict(why: string): void {
    this.why.push(why);
    this.#budget.flows(this);
    this.#budget.release(this.#heldBytes);
    this.#heldBytes = 0;
  }
}

test('above the budget the longest stalled goes, and those that flow stay', () => {
  const budget = new ReceiveBudget('bytesMax', 100);
  const [flowing, late, early] = [new Holder(budget), new Holder(budget), new Holder(budget)];
  early.take(40);
  budget.stalls(early);
  late.take(40);
  budget.stalls(late);
  flowing.take(30);
  assert.deepEqual([flowing.why.length, late.why.length, early.why.length], [0, 0, 1]);
  assert.match(early.why[0] ?? '', /100 bytes wait to be consumed \(bytesMax\)/);
  assert.equal(budget.usedBytes, 70);
});

test('without a stalled stream the one that passes the budget goes itself', () => {
  const budget = new ReceiveBudget('bytesMax', 100);
  const holder = new Holder(budget);
  holder.take(101);
  assert.equal(holder.why.length, 1);
  assert.equal(budget.usedBytes, 0);
});

test('the budget of all connections counts beside that of one', () => {
  const whole = new ReceiveBudget('unconsumedBytesMax', 100);
  const [one, other] = [
    new ReceiveBudget('connectionUnconsumedBytesMax', 80, { parent: whole }),
    new ReceiveBudget('connectionUnconsumedBytesMax', 80, { parent: whole }),
  ];
  const [first, second] = [new Holder(one), new Holder(other)];
  first.take(60);
  one.stalls(first);
  assert.equal(other.isTight, false);
  second.take(20);
  assert.equal(other.isTight, true);
  second.take(30);
  assert.match(first.why[0] ?? '', /unconsumedBytesMax/);
  assert.equal(second.why.length, 0);
});

test('windows grow within a quarter of each budget, and what is given back can be taken again', () => {
  const whole = new ReceiveBudget('unconsumedBytesMax', 1000);
  const [one, other] = [
    new ReceiveBudget('connectionUnconsumedBytesMax', 800, { parent: whole }),
    new ReceiveBudget('connectionUnconsumedBytesMax', 800, { parent: whole }),
  ];
  assert.deepEqual([one.widens(150), one.widens(60), one.widens(50)], [true, false, true]);
  assert.deepEqual([other.widens(60), other.widens(50)], [false, true]);
  assert.deepEqual([one.widenedBytes, other.widenedBytes, whole.widenedBytes], [200, 50, 250]);
  one.narrows(200);
  assert.deepEqual([other.widens(150), whole.widenedBytes], [true, 200]);
});

test('who refuses or evicts tells the limit by its name', () => {
  const told: string[] = [];
  const onLimit = (limit: string): void => void told.push(limit);
  const whole = new ReceiveBudget<string>('unconsumedBytesMax', 1000, { onLimit });
  const one = new ReceiveBudget<string>('connectionUnconsumedBytesMax', 100, { parent: whole, onLimit });
  const other = new ReceiveBudget<string>('connectionUnconsumedBytesMax', 10_000, { parent: whole, onLimit });
  const holder = new Holder(one);
  holder.take(80);
  one.refuses();
  new Holder(other).take(900);
  other.refuses();
  holder.take(30);
  assert.deepEqual(told, ['connectionUnconsumedBytesMax', 'unconsumedBytesMax', 'unconsumedBytesMax']);
  assert.match(holder.why.join(), /1000 bytes .*\(unconsumedBytesMax/);
});
