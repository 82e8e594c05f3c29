import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, modelKey } from '@modelmesh/core';
import { newEndpointPolicy, newVariant } from '@modelmesh/core/records';
import { FakeClock } from '@modelmesh/core/testing';
import { factsOf } from '@modelmesh/core/traffic/testing';
import { StrategyBoard, type StrategyNews, TIMED_ANSWERS } from './index.ts';
import { PickStrategy } from './pick-strategy.ts';
import type { StartStrategy } from './start-strategy.ts';

function rig() {
  const clock = new FakeClock();
  const board = new StrategyBoard(1);
  const news: StrategyNews[] = [];
  const threads: { heard: Parameters<StartStrategy>[1]; killed: boolean }[] = [];
  const start: StartStrategy = (_setup, heard) => {
    const thread = { heard, killed: false };
    threads.push(thread);
    return {
      send: () => {},
      kill: () => {
        thread.killed = true;
      },
    };
  };
  const strategy = new PickStrategy({
    strategy: { name: 's', form: 'pick', module: 'file:///s.ts' },
    place: 0,
    board,
    clock,
    start,
    waitMaxMs: durationMs(1),
    budgetMs: durationMs(1),
    tell: (one) => news.push(one),
  });
  const variants = ['a', 'b'].map((name) => newVariant({ name, model: modelKey(name) }));
  const policy = newEndpointPolicy({ variants, defaultVariant: 'a' });
  const pick = () => strategy.pick(factsOf({}), { endpoint: 'e', policy, shares: [5000, 5000], inFlight: () => 0 });
  return { clock, board, news, threads, strategy, pick };
}

describe('a strategy in the path of requests', () => {
  it('is not asked before its thread says that it runs', () => {
    const { board, pick } = rig();
    assert.equal(pick(), undefined);
    assert.equal(board.counts(0).get('late'), 0);
  });

  it('that does not come back costs one request its wait, the next none, and is barred after a second', () => {
    const { clock, board, news, threads, pick } = rig();
    threads[0]?.heard.onMessage({ kind: 'ready' });
    assert.equal(pick(), undefined);
    assert.equal(pick(), undefined);
    assert.equal(board.counts(0).get('late'), 2);
    clock.advance(900);
    assert.equal(board.stateOf(0), 'on');
    clock.advance(300);
    assert.equal(board.stateOf(0), 'endless');
    assert.equal(threads[0]?.killed, true);
    assert.deepEqual(
      news.map(({ kind }) => kind),
      ['strategy-barred'],
    );
    assert.equal(pick(), undefined);
    assert.equal(board.counts(0).get('late'), 2, 'it is asked no more');
    assert.equal(clock.pendingTimers, 0);
  });

  it('whose median answer is above its budget is barred, one that was held up now and then is not', () => {
    const { board, threads } = rig();
    const took = (ms: number): void => threads[0]?.heard.onMessage({ kind: 'took', ms });
    for (let at = 0; at < 10 * TIMED_ANSWERS; at++) took(at % 3 === 0 ? 50 : 0.1);
    assert.equal(board.stateOf(0), 'on');
    for (let at = 0; at < TIMED_ANSWERS; at++) took(2);
    assert.equal(board.stateOf(0), 'slow');
  });

  it('whose thread ends is started again, after a pause', () => {
    const { clock, news, threads } = rig();
    threads[0]?.heard.onEnd('process.exit');
    assert.equal(threads.length, 1);
    clock.runAll();
    assert.equal(threads.length, 2);
    assert.match(news[0]?.message ?? '', /started again in \d+ ms, weights decide: process\.exit/);
  });

  it('that another worker barred is not asked here either', () => {
    const { board, threads, pick } = rig();
    threads[0]?.heard.onMessage({ kind: 'ready' });
    assert.equal(board.bar(0, 'throws'), true);
    assert.equal(board.bar(0, 'slow'), false, 'the first reason stays');
    assert.equal(pick(), undefined);
    assert.equal(board.counts(0).get('late'), 0);
  });
});
