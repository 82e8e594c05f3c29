import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  checkRuntimeEnvironment,
  countedBytes,
  MeasurementWindow,
  mappedWeightBytes,
  runtimeEnvironment,
  WINDOW_SHARES_MAX,
  writtenBytes,
} from './index.ts';

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

  it('leaves out what a worker was expected to take that came meanwhile', () => {
    const window = new MeasurementWindow();
    const [a, coming] = [window.begin(), window.begin()];

    window.end(coming, { modelId: undefined, expectedBytes: 12 * MiB, beforeBytes: undefined, afterBytes: 115 * MiB });
    const results = window.end(a, share('a', 10 * MiB, 100 * MiB, 123 * MiB));

    assert.deepEqual(results, [{ modelId: 'a', measuredBytes: 11 * MiB }]);
  });

  it('tells nothing of a window that began or ended with a worker whose memory was not read', () => {
    const worker = { modelId: undefined, expectedBytes: 16 * MiB, beforeBytes: undefined, afterBytes: undefined };
    const window = new MeasurementWindow();
    const [coming, a] = [window.begin(), window.begin()];
    window.end(coming, worker);
    assert.deepEqual(window.end(a, share('a', 10 * MiB, 100 * MiB, 123 * MiB)), []);

    const [b, going] = [window.begin(), window.begin()];
    window.end(b, share('b', 10 * MiB, 100 * MiB, 123 * MiB));
    assert.deepEqual(window.end(going, worker), []);
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
  it('are what the process wrote, not pages of files that nobody else has open, clean or dirty', () => {
    const text =
      'Rss:  900 kB\nPrivate_Clean:  64 kB\nPrivate_Dirty:  300 kB\nAnonymous:  112 kB\nAnonHugePages:  8 kB\nPrivate_Hugetlb:  4 kB\n';

    assert.equal(writtenBytes(text), 116 * 1024);
  });

  it('are the same by the counters of the kernel, where there are any', () => {
    const text = 'VmRSS:\t  900 kB\nRssAnon:\t  112 kB\nRssFile:\t  700 kB\nHugetlbPages:\t  4 kB\n';

    assert.equal(countedBytes(text), 116 * 1024);
    assert.equal(countedBytes('VmRSS:\t  900 kB\n'), undefined);
  });

  it('are weights that are mapped from files, each part of a file once', () => {
    const maps = [
      '7f0000000000-7f0000200000 rw-p 00000000 fe:00 11    /models/a b/weights.data',
      '7f0000300000-7f0000400000 rw-p 00200000 fe:00 11    /models/a b/weights.data',
      '7f0000500000-7f0000700000 rw-p 00000000 fe:00 11    /models/a b/weights.data',
      '7f0000800000-7f0000801000 rw-p 00000000 fe:01 11    /cache/other.data (deleted)',
    ].join('\n');

    assert.equal(mappedWeightBytes(maps), 3 * MiB + 4096);
  });

  it('are neither data of programs, nor what is only read, nor memory that counts as written', () => {
    const maps = [
      '560000000000-560000100000 r-xp 00001000 fe:00 20    /usr/bin/node',
      '560000200000-560000300000 rw-p 00100000 fe:00 20    /usr/bin/node',
      '7f0000000000-7f0000100000 r--p 00000000 fe:00 21    /usr/lib/locale/locale-archive',
      '7f0000200000-7f0000300000 rw-s 00000000 00:01 22    /memfd:shared (deleted)',
      '7f0000400000-7f0000500000 rw-p 00000000 00:00 0 ',
      '7ffd00000000-7ffd00100000 rw-p 00000000 00:00 0                          [stack]',
    ].join('\n');

    assert.equal(mappedWeightBytes(maps), 0);
  });
});
