import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realClock } from '../../testing/index.ts';
import { Pair, Recorder } from '../contract/index.ts';
import { type Evictable, ReceiveBudget } from '../receive-budget.ts';
import { createNodeHttp2Engine } from './engine.ts';

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
  const whole = new ReceiveBudget('allMax', 100);
  const [one, other] = [new ReceiveBudget('oneMax', 80, whole), new ReceiveBudget('oneMax', 80, whole)];
  const [first, second] = [new Holder(one), new Holder(other)];
  first.take(60);
  one.stalls(first);
  assert.equal(other.isTight, false);
  second.take(20);
  assert.equal(other.isTight, true);
  second.take(30);
  assert.match(first.why[0] ?? '', /allMax/);
  assert.equal(second.why.length, 0);
});

test('a server refuses new streams when its budget is tight and resets the longest stalled when it is passed', async () => {
  const engine = createNodeHttp2Engine({ clock: realClock, connectionUnconsumedBytesMax: 150_000 });
  await using pair = await Pair.over(engine, { serverConsumes: 'never' });
  const heard = [new Recorder(), new Recorder(), new Recorder()];
  const streams = heard.map((recorder) => pair.open(recorder));
  const accepted = await Promise.all([0, 1, 2].map((index) => pair.nthAccepted(index)));
  const fill = async (index: number): Promise<void> => {
    streams[index]?.sendData(new Uint8Array(60_000), false);
    await accepted[index]?.heard.until(() => accepted[index]?.heard.receivedBytes === 60_000);
  };
  await fill(0);
  await fill(1);
  const refused = new Recorder();
  pair.open(refused);
  await refused.untilOver();
  assert.deepEqual(refused.cause, { kind: 'unprocessed', why: 'refused-stream' });
  await fill(2);
  await Promise.all([heard[0]?.untilOver(), accepted[0]?.heard.untilOver()]);
  assert.deepEqual(heard[0]?.cause, { kind: 'peer-reset', code: 11 });
  assert.equal(accepted[0]?.heard.cause?.kind, 'protocol-error');
  assert.equal(accepted[1]?.heard.over, false);
  for (const { stream, heard: server } of accepted) stream.consume(server.receivedBytes);
  pair.open(new Recorder(), true);
  assert.equal((await pair.nthAccepted(3)).end, true);
});
