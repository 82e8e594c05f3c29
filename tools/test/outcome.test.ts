import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ALLOWED_SKIPS, refusedSkips } from './allowed-skips.ts';
import { Outcome } from './outcome.ts';
import report, { RECORD_MARK, type TestRecord } from './reporter.ts';
import { closingLine, summary } from './table.ts';
import { belongsTo, stageWords, TIERS } from './tiers.ts';

const pure = TIERS[0]?.stages[0];
assert.ok(pure !== undefined);

const record = (differing: Partial<TestRecord>): TestRecord => ({
  event: 'pass',
  file: 'a.test.ts',
  name: 'works',
  nesting: 0,
  suite: false,
  durationMs: 1,
  ...differing,
});

describe('an outcome', () => {
  it('counts tests and not the suites around them', () => {
    const outcome = new Outcome(['a.test.ts']);
    outcome.add(record({ nesting: 1 }), 'a.test.ts');
    outcome.add(record({ suite: true, durationMs: 7 }), 'a.test.ts');
    outcome.add(record({ skipped: 'no tool' }), 'a.test.ts');
    outcome.close(undefined);
    assert.equal(closingLine([{ stage: pure, outcome }]), '1 passed, 0 failed, 1 skipped');
  });

  it('names a failure by the titles around it and counts it once', () => {
    const outcome = new Outcome(['a.test.ts']);
    outcome.add(record({ event: 'start', name: 'cache' }), 'a.test.ts');
    const failure = outcome.add(record({ event: 'fail', nesting: 1, name: 'evicts', failure: 'boom' }), 'a.test.ts');
    outcome.add(record({ event: 'fail', name: 'cache', suite: true }), 'a.test.ts');
    assert.deepEqual(failure, { name: 'cache › evicts', text: 'boom' });
    assert.equal(outcome.failed, 1);
    assert.match(summary([{ stage: pure, outcome }]), /a\.test\.ts › cache › evicts/);
  });

  it('fails a suite that was never heard of, and a suite without a test', () => {
    const crashed = new Outcome(['a.test.ts', 'b.test.ts']);
    crashed.add(record({}), 'a.test.ts');
    crashed.close('signal SIGSEGV');
    assert.match(crashed.suites.get('b.test.ts')?.failures[0]?.text ?? '', /SIGSEGV/);

    const empty = new Outcome(['a.test.ts']);
    empty.close(undefined);
    assert.equal(empty.failed, 1);
  });

  it('asks no test of a contract that is nothing but the frame of others', () => {
    const outcome = new Outcome(['a.test.ts']);
    outcome.add(record({}), 'a.test.ts');
    outcome.add(record({ suite: true, file: 'frame.ts' }), 'frame.ts');
    outcome.close(undefined);
    assert.equal(outcome.failed, 0);
  });

  it('counts the tests of a contract, and names what fails in it', () => {
    const outcome = new Outcome(['a.test.ts']);
    outcome.add(record({}), 'a.test.ts');
    outcome.add(record({ file: 'contract.ts' }), 'contract.ts');
    outcome.add(record({ event: 'fail', name: 'keeps order', failure: 'boom', file: 'contract.ts' }), 'contract.ts');
    outcome.close('exit code 1');
    assert.equal(closingLine([{ stage: pure, outcome }]), '2 passed, 1 failed, 0 skipped');
    assert.match(summary([{ stage: pure, outcome }]), /contract\.ts › keeps order/);
  });

  it('fails when the process failed although each test passed', () => {
    const outcome = new Outcome(['a.test.ts']);
    outcome.add(record({}), 'a.test.ts');
    outcome.close('exit code 7');
    assert.equal(outcome.failed, 1);
  });
});

describe('skips under CI', () => {
  const skipping = (file: string, skipped: string): Outcome => {
    const outcome = new Outcome([file]);
    outcome.add(record({}), file);
    outcome.add(record({ file, name: 'waits', skipped }), file);
    return outcome;
  };

  it('are refused, each with its reason, unless suite and reason are allowed', () => {
    const allowed = [{ suite: 'a.test.ts', reason: 'needs root', because: 'only root mounts' }];
    const of = (file: string, reason: string) => refusedSkips([{ stage: pure, outcome: skipping(file, reason) }], allowed);
    assert.deepEqual(of('a.test.ts', 'needs root on Linux'), []);
    assert.deepEqual(of('a.test.ts', 'no tool'), ['a.test.ts › waits: no tool']);
    assert.deepEqual(of('b.test.ts', 'needs root'), ['b.test.ts › waits: needs root']);
  });

  it('are allowed only for suites that are there and say so', () => {
    for (const { suite, reason, because } of ALLOWED_SKIPS) {
      assert.ok(readFileSync(new URL(`../../${suite}`, import.meta.url), 'utf8').includes(reason), `${suite}: ${reason}`);
      assert.notEqual(because, '');
    }
  });
});

describe('the reporter', () => {
  it('writes one marked line per event, with the reason of a skip and the cause of a failure', async () => {
    const error = Object.assign(new Error('test failed'), { cause: new Error('boom') });
    const events = [
      { type: 'test:pass', data: { file: 'a.test.ts', name: 'x', skip: 'no tool' } },
      { type: 'test:fail', data: { file: 'a.test.ts', name: 'y', details: { error } } },
      { type: 'test:watch:drained', data: {} },
    ];
    const lines: string[] = [];
    for await (const line of report(events.values() as unknown as AsyncIterable<(typeof events)[number]>)) lines.push(line);
    assert.equal(lines.length, 2);
    const records = lines.map((line) => JSON.parse(line.trim().slice(RECORD_MARK.length)) as TestRecord);
    assert.equal(records[0]?.skipped, 'no tool');
    assert.match(records[1]?.failure ?? '', /boom/);
  });
});

describe('the tiers', () => {
  it('give each suite to exactly one stage', () => {
    const stages = TIERS.flatMap((tier) => tier.stages);
    for (const file of [
      'a.test.ts',
      'a.laws.test.ts',
      'a.process.test.ts',
      'a.timing.test.ts',
      'a.real.test.ts',
      'a.proof.test.ts',
    ]) {
      assert.equal(stages.filter((stage) => belongsTo(stage, `packages/core/src/${file}`)).length, 1, file);
    }
  });

  it('read the words of a name, not of its folders', () => {
    assert.deepEqual(stageWords('process/real.test.ts'), []);
    assert.deepEqual(stageWords('x/real.proof.test.ts'), ['proof']);
  });
});
