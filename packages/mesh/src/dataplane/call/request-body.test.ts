import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ByteBudget, RequestBody } from './request-body.ts';

const drain = (body: RequestBody): number[] => {
  const all: number[] = [];
  for (let chunk = body.next(); chunk !== undefined; chunk = body.next()) all.push(...chunk);
  return all;
};

describe('the body of a request', () => {
  it('law: every attempt sees all bytes in order while the body is replayable', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 12 });
    fc.assert(
      fc.property(chunks, chunks, fc.integer({ min: 1, max: 4 }), (early, late, attempts) => {
        const body = new RequestBody(new ByteBudget(1000), 1000);
        for (const bytes of early) body.push(Uint8Array.from(bytes), false);
        body.beginAttempt();
        const seen = drain(body);
        for (const bytes of late) {
          body.push(Uint8Array.from(bytes), false);
          seen.push(...drain(body));
        }
        const whole = [...early, ...late].flatMap((bytes) => [...bytes]);
        assert.deepEqual(seen, whole);
        for (let again = 0; again < attempts; again++) {
          body.beginAttempt();
          assert.deepEqual(drain(body), whole);
        }
      }),
    );
  });

  it('sends what it keeps as copies, so that who sends may own it', () => {
    const body = new RequestBody(new ByteBudget(100), 100);
    body.push(Uint8Array.of(1, 2), true);
    body.beginAttempt();
    body.next()?.fill(0xdb);
    body.beginAttempt();
    assert.deepEqual(drain(body), [1, 2]);
  });

  it('stops being replayable above its own limit, and loses nothing by it', () => {
    const body = new RequestBody(new ByteBudget(100), 3);
    body.push(Uint8Array.of(1, 2), false);
    assert.equal(body.replayable, true);
    body.push(Uint8Array.of(3, 4), true);
    assert.equal(body.replayable, true, 'nothing was sent yet');
    body.beginAttempt();
    assert.equal(body.replayable, false);
    assert.deepEqual(drain(body), [1, 2, 3, 4]);
    assert.ok(body.ended && body.drained);
    assert.throws(() => body.beginAttempt(), /not kept/);
  });

  it('law: an attempt after a rewind sees everything, whatever could not be kept meanwhile', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 8 });
    fc.assert(
      fc.property(chunks, chunks, chunks, fc.integer({ min: 1, max: 60 }), (early, between, late, max) => {
        const budget = new ByteBudget(1000);
        const body = new RequestBody(budget, max);
        for (const bytes of early) body.push(Uint8Array.from(bytes), false);
        body.beginAttempt();
        drain(body);
        fc.pre(body.replayable);
        body.rewind();
        for (const bytes of between) body.push(Uint8Array.from(bytes), false);
        assert.ok(body.replayable);
        body.beginAttempt();
        const seen = drain(body);
        for (const bytes of late) {
          body.push(Uint8Array.from(bytes), false);
          seen.push(...drain(body));
        }
        assert.deepEqual(
          seen,
          [...early, ...between, ...late].flatMap((bytes) => [...bytes]),
        );
        body.release();
        assert.equal(budget.used, 0);
      }),
    );
  });

  it('takes from the budget of the worker what it keeps, and gives all of it back', () => {
    const budget = new ByteBudget(5);
    const one = new RequestBody(budget, 100);
    const other = new RequestBody(budget, 100);
    one.push(Uint8Array.of(1, 2, 3), false);
    assert.equal(budget.used, 3);
    other.push(Uint8Array.of(1, 2, 3), false);
    assert.equal(budget.used, 3, 'the budget is used up');
    other.beginAttempt();
    assert.equal(other.replayable, false);
    one.release();
    other.release();
    assert.equal(budget.used, 0);
  });
});
