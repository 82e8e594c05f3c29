import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../index.ts';
import { FakeWorld } from '../testing/index.ts';

const MIB = 2 ** 20;
const HEADER = {
  trace: 'mmesh/1',
  capacityBytes: 512 * MIB,
  loadingConcurrency: 2,
  models: [
    { key: 'slow', bytes: 200 * MIB, loadSeconds: 9 },
    { key: 'fast', bytes: 200 * MIB, loadSeconds: 0.1 },
    { key: 'new', bytes: 200 * MIB, loadSeconds: 1 },
  ],
};
const CALLS = ['slow', 'fast', 'new', 'slow'].map((model, at) => ({ t: at * 10, model }));
const TRACE = [HEADER, ...CALLS].map((line) => JSON.stringify(line)).join('\n');

test('a trace is compared as a table with a picture: what loads slowly is kept by cost and not by last use', async () => {
  using world = new FakeWorld();
  writeFileSync(join(world.folder, 'calls.jsonl'), TRACE);
  assert.equal(await world.run('simulate', 'calls.jsonl'), EXIT.done, world.err);
  const lines = world.out.split('\n');
  assert.deepEqual(lines.slice(0, 5), [
    '4 calls of 3 models in 30.0 s, 600 MiB with room for 512 MiB',
    '',
    'POLICY      HIT RATE  COLD SECONDS  SAVED   WAITED  LOADS  EVICTIONS  LOADED   FAILED CALLS',
    'lru         0.0 %     19.1          -       19.1    4      2          800 MiB  0',
    'cost-aware  25.0 %    10.1          47.1 %  10.1    3      1          600 MiB  0',
  ]);
  assert.match(lines[7] ?? '', /^lru {9}█ {15}▁ {15}▁ {14}█ {2}at most 9\.0 s$/);
});

test('a trace is read from the input too, and its capacity can be another', async () => {
  using world = new FakeWorld({ stdin: TRACE });
  assert.equal(await world.run('simulate', '-', '--capacity', '4Gi', '--policy', 'lru', '-o', 'json'), EXIT.done, world.err);
  const { trace, policies } = JSON.parse(world.out);
  assert.equal(trace.capacityBytes, 4 * 2 ** 30);
  assert.deepEqual(
    policies.map(({ policy, loads, evictions, coldSeconds }: Record<string, unknown>) => [policy, loads, evictions, coldSeconds]),
    [['lru', 3, 0, 10.1]],
  );
});

test('a family that was written is read back to the same figures', async () => {
  using world = new FakeWorld();
  const made = ['--family', 'scan', '--calls', '2000', '--models', '40', '--seed', '7', '-o', 'json'];
  assert.equal(await world.run('simulate', ...made, '--write', 'scan.jsonl'), EXIT.done, world.err);
  const first = JSON.parse(world.out);
  assert.equal(readFileSync(join(world.folder, 'scan.jsonl'), 'utf8').trimEnd().split('\n').length, 2001);
  assert.equal(await world.run('simulate', 'scan.jsonl', '-o', 'json'), EXIT.done, world.err);
  assert.deepEqual(JSON.parse(world.out), first);
  assert.equal(first.policies.length, 2);
  assert.ok(first.policies[1].coldSaved > 0);
});

test('what is wrong is said with what was expected', async () => {
  using world = new FakeWorld();
  writeFileSync(join(world.folder, 'bad.jsonl'), `${TRACE}\n{"t":1,"model":"slow"}`);
  for (const [args, code, said] of [
    [['--family', 'tides'], EXIT.usage, /zipf, scan, diurnal, churn/],
    [['--policy', 'fifo'], EXIT.usage, /lru, cost-aware/],
    [['--capacity', 'much'], EXIT.usage, /512Mi/],
    [['--room', '0'], EXIT.usage, /above 0/],
    [['--calls', '99999999'], EXIT.usage, /up to 5000000/],
    [['none.jsonl'], EXIT.usage, /none\.jsonl cannot be read: there is no such file/],
    [['bad.jsonl'], EXIT.usage, /line 6 of the trace: "t" is earlier/],
  ] as const) {
    assert.equal(await world.run('simulate', ...args), code, `${args.join(' ')}: ${world.err}`);
    assert.match(world.err, said);
  }
});
