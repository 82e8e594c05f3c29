import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { judged, LatencyHistogram, median, pairedRatios, quantile, renderTable, spreadOf } from './index.ts';

const latencies = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });

describe('a latency histogram', () => {
  it('tells every quantile to within 1.6 % or a microsecond', () => {
    fc.assert(
      fc.property(latencies, fc.double({ min: 0.01, max: 1, noNaN: true }), (sample, q) => {
        const histogram = new LatencyHistogram();
        for (const latencyMs of sample) histogram.recordMs(latencyMs);
        const exact = quantile(sample, q);
        const told = histogram.quantileMs(q);
        assert.ok(told >= exact - 1e-9 && told <= exact * (1 + 1 / 64) + 0.001, `${told} for ${exact}`);
      }),
    );
  });

  it('holds after an addition what both held', () => {
    const [a, b] = [new LatencyHistogram(), new LatencyHistogram()];
    a.recordMs(1);
    b.recordMs(9);
    a.add(b);
    assert.deepEqual([a.count, a.meanMs, a.maxMs], [2, 5, 9]);
  });

  it('says 0 of nothing', () => {
    assert.equal(new LatencyHistogram().quantileMs(0.99), 0);
  });
});

describe('a sample', () => {
  it('has a median that half of it does not exceed', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.deepEqual(spreadOf([2, 8, 4]), { median: 4, min: 2, max: 8, runs: 3 });
    assert.throws(() => median([]), RangeError);
  });

  it('is divided pair by pair', () => {
    assert.deepEqual(pairedRatios([2, 9, 5], [1, 3, 0]), [2, 3]);
  });
});

describe('a table', () => {
  const table = {
    title: 'T',
    columns: ['name', 'x'],
    rows: [
      ['a', judged('1', true)],
      ['long', judged('22', false)],
    ],
  };

  it('is aligned, with marks where there are no colours', () => {
    assert.equal(renderTable(table, false), 'T\nname     x\na      ✔ 1\nlong  ✘ 22');
  });

  it('is coloured in a terminal', () => {
    assert.ok(renderTable(table, true).includes('\u001b[32m 1\u001b'));
  });
});
