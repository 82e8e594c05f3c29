import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { createGarbageCollector, createMemoryProbe, QuietRest, REST_GROWN_BYTES, REST_QUIET_MS } from './index.ts';

const MiB = 1 << 20;
const START_BYTES = 15 * MiB;

/** A process that holds what the test says, and which a rest brings back to what it began with. */
function world() {
  const clock = new FakeClock();
  const state = { bytes: START_BYTES, rests: 0, isEmpty: true };
  const quiet = new QuietRest(clock, {
    heldBytes: () => state.bytes,
    isEmpty: () => state.isEmpty,
    rest: () => {
      state.bytes = START_BYTES;
      state.rests++;
    },
  });
  const call = (grownBytes: number): void => {
    quiet.begin();
    state.bytes += grownBytes;
    quiet.end();
  };
  return { clock, quiet, state, call };
}

describe('a rest', () => {
  it('comes once nothing has gone on for the quiet time, and once only', () => {
    const { clock, state, call } = world();
    call(REST_GROWN_BYTES);

    clock.advance(durationMs(REST_QUIET_MS - 1));
    assert.equal(state.rests, 0);
    clock.advance(durationMs(1));
    assert.equal(state.rests, 1);
    clock.advance(durationMs(100 * REST_QUIET_MS));
    assert.equal(state.rests, 1);
  });

  it('does not come while a model is loaded, and comes after the last unload', () => {
    const { clock, state, call } = world();
    state.isEmpty = false;
    call(REST_GROWN_BYTES);
    clock.advance(durationMs(10 * REST_QUIET_MS));
    assert.equal(state.rests, 0);

    state.isEmpty = true;
    call(0);
    clock.advance(durationMs(REST_QUIET_MS));
    assert.equal(state.rests, 1);
  });

  it('comes back to the least that was held after a rest, since other threads give back theirs a little later', () => {
    const { clock, state, call } = world();
    call(REST_GROWN_BYTES);
    clock.advance(durationMs(REST_QUIET_MS));
    state.bytes -= 10 * MiB;
    call(0);
    clock.advance(durationMs(REST_QUIET_MS));
    assert.equal(state.rests, 1);

    call(REST_GROWN_BYTES);
    clock.advance(durationMs(REST_QUIET_MS));
    assert.equal(state.rests, 2);
  });

  it('waits for calls that are open, however long, and for the quiet time after the last of them', () => {
    const { clock, quiet, state, call } = world();
    quiet.begin();
    call(REST_GROWN_BYTES);
    clock.advance(durationMs(10 * REST_QUIET_MS));
    assert.equal(state.rests, 0);

    quiet.end();
    clock.advance(durationMs(REST_QUIET_MS - 1));
    assert.equal(state.rests, 0);
    clock.advance(durationMs(1));
    assert.equal(state.rests, 1);
  });

  it('is put off by each call, with one timer however many there are', () => {
    const { clock, state, call } = world();
    for (let i = 0; i < 50; i++) {
      call(MiB);
      clock.advance(durationMs(REST_QUIET_MS / 2));
      assert.equal(clock.pendingTimers, 1);
    }
    assert.equal(state.rests, 0);

    clock.advance(durationMs(REST_QUIET_MS / 2));
    assert.equal(state.rests, 1);
  });

  it('needs growth since the last one', () => {
    const { clock, state, call } = world();
    call(REST_GROWN_BYTES - 1);
    clock.advance(durationMs(REST_QUIET_MS));
    assert.equal(state.rests, 0);
    call(1);
    clock.advance(durationMs(REST_QUIET_MS));
    assert.equal(state.rests, 1);
    call(REST_GROWN_BYTES - 1);
    clock.advance(durationMs(REST_QUIET_MS));
    assert.equal(state.rests, 1);
  });

  it('counts work that fails as over, and never comes after the end', async () => {
    const { clock, quiet, state, call } = world();
    await assert.rejects(
      quiet.during(() => Promise.reject(new Error('no model'))),
      /no model/,
    );
    call(REST_GROWN_BYTES);
    quiet.close();
    call(0);

    clock.advance(durationMs(10 * REST_QUIET_MS));
    assert.equal(state.rests, 0);
  });
});

describe('the collector of garbage', () => {
  it('gives back holes in the heap of the C library', {
    skip: process.platform !== 'linux' && 'glibc alone has malloc_trim',
  }, () => {
    const { read } = createMemoryProbe();
    const collect = createGarbageCollector();
    const blocks = Array.from({ length: 4000 }, () => Buffer.allocUnsafeSlow(16_384).fill(1));
    collect();
    const full = read();
    blocks.splice(0, 3999);

    collect();

    assert.ok(full - read() >= 40 * MiB, `${full - read()} bytes came back of 62 MiB below a block that lives`);
    assert.equal(blocks.length, 1);
  });

  it('gives back what is garbage of the heap', () => {
    const { scriptBytes } = createMemoryProbe();
    const collect = createGarbageCollector();
    collect();
    const before = scriptBytes();
    const garbage = { lists: Array.from({ length: 64 }, () => new Array(65_536).fill(0.5)) };
    const grown = scriptBytes() - before;
    garbage.lists = [];

    collect();

    assert.ok(grown >= 30 * MiB, `64 lists of half a megabyte took ${grown} bytes`);
    assert.ok(scriptBytes() - before <= grown / 4, `${scriptBytes() - before} of ${grown} bytes stayed`);
  });
});
