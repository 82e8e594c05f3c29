import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkRuntimeEnvironment, MeasurementWindow, parseRollup, runtimeEnvironment, WINDOW_SHARES_MAX } from './index.ts';

const MiB = 1 << 20;

describe('the measurement window', () => {
  const share = (modelId: string, expectedBytes: number, beforeBytes: number, afterBytes: number) => ({
    modelId,
    expectedBytes,
    beforeBytes,
    afterBytes,
  });

  it('gives a load that was alone what the process grew by', () => {
    const window = new MeasurementWindow();

    assert.deepEqual(window.end(window.begin(), share('a', 10 * MiB, 100 * MiB, 112 * MiB)), [
      { modelId: 'a', measuredBytes: 12 * MiB },
    ]);
  });

  it('divides what overlapping loads grew beside an unload, whoever ends first', () => {
    const window = new MeasurementWindow();
    const [a, b, gone] = [window.begin(), window.begin(), window.begin()];

    assert.deepEqual(window.end(gone, share('old', -5 * MiB, 101 * MiB, 96 * MiB)), []);
    assert.deepEqual(window.end(b, share('b', 30 * MiB, 101 * MiB, 126 * MiB)), []);
    const results = window.end(a, share('a', 10 * MiB, 100 * MiB, 139 * MiB));

    assert.deepEqual(results, [
      { modelId: 'b', measuredBytes: 33 * MiB },
      { modelId: 'a', measuredBytes: 11 * MiB },
    ]);
  });

  it('takes the prediction for a small model that grew nothing, and half of it for a large one', () => {
    const window = new MeasurementWindow();

    assert.deepEqual(window.end(window.begin(), share('a', 10 * MiB, 100 * MiB, 40 * MiB)), [
      { modelId: 'a', measuredBytes: 5 * MiB },
    ]);
  });

  it('forgets what overlaps without end, and measures again from the next quiet point', () => {
    const window = new MeasurementWindow();
    let open = window.begin();
    for (let i = 0; i < WINDOW_SHARES_MAX + 5; i++) {
      const next = window.begin();
      assert.deepEqual(window.end(open, share('m', MiB, 0, 0)), []);
      open = next;
    }
    assert.deepEqual(window.end(open, share('m', MiB, 0, 50 * MiB)), []);

    assert.deepEqual(window.end(window.begin(), share('a', MiB, 0, 2 * MiB)), [{ modelId: 'a', measuredBytes: 2 * MiB }]);
  });

  it('sums up to what the process grew by, as long as nothing is lifted to its half', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2 * MiB, max: 50 * MiB }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 60, max: 300 }),
        (sizes, percent) => {
          const window = new MeasurementWindow();
          const grown = Math.round((sizes.reduce((sum, size) => sum + size, 0) * percent) / 100);
          const tickets = sizes.map(() => window.begin());
          let results: readonly { measuredBytes: number }[] = [];
          sizes.forEach((size, i) => {
            const ticket = tickets[i];
            assert.ok(ticket);
            results = window.end(ticket, share(`m${i}`, size, 7 * MiB, 7 * MiB + grown));
          });
          const sum = results.reduce((total, { measuredBytes }) => total + measuredBytes, 0);
          assert.ok(Math.abs(sum - grown) <= sizes.length, `${sum} is not ${grown}`);
        },
      ),
    );
  });
});

describe('the allocator', () => {
  it('is checked at the start, naming every variable that is missing or differs', () => {
    checkRuntimeEnvironment(runtimeEnvironment());
    assert.throws(() => checkRuntimeEnvironment({ MALLOC_ARENA_MAX: '8' }), {
      kind: 'invalid-argument',
      message: /MALLOC_ARENA_MAX=1 \(is 8\) and MALLOC_TRIM_THRESHOLD_=65536 \(is not set\)/,
    });
  });
});

describe('the private bytes', () => {
  it('are the sum of the private lines', () => {
    const text = 'Rss:  900 kB\nPrivate_Clean:  64 kB\nPrivate_Dirty:  112 kB\nPrivate_Hugetlb:  4 kB\nShared_Dirty:  9 kB\n';

    assert.equal(parseRollup(text), 180 * 1024);
  });
});
