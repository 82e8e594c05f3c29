import assert from 'node:assert/strict';
import { execPath } from 'node:process';
import { afterEach, describe, it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { EmbeddedProcess, EXIT_CONFIGURATION } from './index.ts';

/** A runtime of one line of JavaScript, under a clock that moves when the test says. */
class Rig {
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  readonly ended: string[] = [];
  readonly givenUp: string[] = [];
  readonly process: EmbeddedProcess;
  #heard: () => void = () => {};

  constructor(program: string, command: readonly string[] = [execPath, '-e', program]) {
    this.process = new EmbeddedProcess({
      command,
      environment: { MESH_TEST: 'yes' },
      clock: this.clock,
      stopGraceMs: durationMs(5000),
      onLine: (line) => {
        this.lines.push(line);
        this.#heard();
      },
      onEnded: (message) => {
        this.ended.push(message);
        this.#heard();
      },
    });
    this.process.onGivenUp = (message) => {
      this.givenUp.push(message);
      this.#heard();
    };
    rigs.push(this);
    this.process.start();
  }

  /** Waits until `holds`, looked at whenever the process says something or ends. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (this.#heard = resolve));
  }
}

const rigs: Rig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) {
    const stopped = rig.process.stop();
    rig.clock.advance(10_000);
    await stopped;
  }
});

/** Says that it is there, and stays. */
const STAYS = `console.log('up'); setInterval(() => {}, 1000);`;
const DEAF = `process.on('SIGTERM', () => console.log('deaf')); ${STAYS}`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
    return false;
  }
}

describe('the runtime as a child process', () => {
  it('gets its environment and the settings of the allocator, and nothing else of ours', async () => {
    const rig = new Rig(`console.log(Object.keys(process.env).sort().join()); ${STAYS}`);
    await rig.until(() => rig.lines.includes('up'));
    assert.equal(rig.lines[0], 'MALLOC_ARENA_MAX,MALLOC_TRIM_THRESHOLD_,MESH_TEST');
  });

  it('is started again when it ends, after a pause that doubles while it does not live long, and its last words are told', async () => {
    const rig = new Rig(`for (let i = 0; i < 8; i++) console.error('word', i); process.exitCode = 7;`);
    for (const [round, pauseMs] of [50, 100, 200, 400].entries()) {
      await rig.until(() => rig.ended.length === round + 1);
      assert.equal(rig.ended.at(-1), 'the runtime ended (exit code 7); word 3; word 4; word 5; word 6; word 7');
      assert.equal(rig.process.pid, undefined);
      assert.equal(rig.clock.untilNextMs, pauseMs);
      rig.clock.advance(pauseMs);
    }
  });

  it('that lived long is started again soon', async () => {
    const rig = new Rig(STAYS);
    await rig.until(() => rig.lines.length === 1);
    rig.clock.advance(60_000);
    const { pid } = rig.process;
    assert.ok(pid);
    process.kill(pid, 'SIGKILL');
    await rig.until(() => rig.ended.length === 1);
    assert.match(rig.ended[0] ?? '', /signal SIGKILL/);
    assert.equal(rig.clock.untilNextMs, 50);
    rig.clock.advance(50);
    await rig.until(() => rig.lines.length === 2);
    assert.notEqual(rig.process.pid, pid);
  });

  it('that cannot work with its configuration is given up with its own words', async () => {
    const rig = new Rig(`console.error('MESH_RUNTIME_SERVER: unknown'); process.exitCode = ${EXIT_CONFIGURATION};`);
    await rig.until(() => rig.givenUp.length === 1);
    assert.equal(rig.givenUp[0], 'the runtime ended (exit code 2); MESH_RUNTIME_SERVER: unknown');
    assert.equal(rig.clock.pendingTimers, 0);
    assert.deepEqual(rig.ended, []);
  });

  it('whose program does not exist is tried again, and says what is missing', async () => {
    const rig = new Rig('', ['/nowhere/runtime']);
    await rig.until(() => rig.ended.length === 1);
    assert.match(rig.ended[0] ?? '', /ENOENT/);
    assert.equal(rig.clock.untilNextMs, 50);
  });

  it('ends when it is told to, and stays ended', async () => {
    const rig = new Rig(STAYS);
    await rig.until(() => rig.lines.length === 1);
    const { pid } = rig.process;
    await rig.process.stop();
    assert.ok(pid !== undefined && !isAlive(pid));
    rig.clock.advance(60_000);
    assert.equal(rig.process.pid, undefined);
    assert.deepEqual(rig.ended, []);
  });

  it('that does not listen is ended by force after its grace', async () => {
    const rig = new Rig(DEAF);
    await rig.until(() => rig.lines.includes('up'));
    const { pid } = rig.process;
    const stopped = rig.process.stop();
    await rig.until(() => rig.lines.includes('deaf'));
    assert.ok(pid !== undefined && isAlive(pid));
    rig.clock.advance(5000);
    await stopped;
    assert.equal(isAlive(pid), false);
  });

  it('is ended and started again on request, which is no end that anyone has to hear of', async () => {
    const rig = new Rig(STAYS);
    await rig.until(() => rig.lines.length === 1);
    const { pid } = rig.process;
    await rig.process.restart('it leaks');
    while (rig.process.pid === pid) await new Promise((resolve) => setImmediate(resolve));
    rig.clock.advance(50);
    await rig.until(() => rig.lines.length === 2);
    assert.ok(pid !== undefined && !isAlive(pid));
    assert.deepEqual(rig.ended, []);
  });

  it('that is stopped while it is about to be started again is not started', async () => {
    const rig = new Rig(`process.exitCode = 1;`);
    await rig.until(() => rig.ended.length === 1);
    await rig.process.stop();
    assert.equal(rig.clock.pendingTimers, 0);
  });
});
