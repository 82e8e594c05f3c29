import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import type { ServerConnection } from '@modelmesh/grpc/stream';
import { ConnectionLoads, PLACING_MS, PLACINGS_MAX } from './connection-loads.ts';

class FakeConnection implements ServerConnection {
  readonly info;
  streamCount: number;
  drained = 0;
  onClose = undefined;
  constructor(streamCount: number, remoteAddress = '10.0.0.1') {
    this.streamCount = streamCount;
    this.info = { remoteAddress, encrypted: false, clientCertificate: undefined };
  }
  drain(): void {
    this.drained += 1;
  }
  destroy(): void {}
}

/** Loads of connections that had their streams for some seconds. */
function rig(...streams: readonly number[]) {
  const clock = new FakeClock();
  const loads = new ConnectionLoads(clock);
  const connections = streams.map((count) => new FakeConnection(count));
  for (const connection of connections) loads.add(connection);
  for (let at = 0; at < 100; at++) {
    clock.advance(durationMs(100));
    loads.sample();
  }
  return { clock, loads, connections };
}

describe('the connections of a worker', () => {
  it('are counted with those that were asked to end', () => {
    const { loads, connections } = rig(10, 20, 30);
    assert.equal(loads.sample(), 60);
    assert.equal(loads.shed(0), true);
    assert.equal(loads.sample(), 60);
    const [first] = connections;
    assert.ok(first !== undefined);
    loads.remove(first);
    assert.equal(loads.sample(), 50);
  });

  it('lose the one that makes the workers most alike, and none where that would not help', () => {
    const { loads, connections } = rig(10, 30, 20);
    assert.equal(loads.shed(0), true);
    assert.deepEqual(
      connections.map(({ drained }) => drained),
      [0, 1, 0],
    );
    assert.equal(rig(40).loads.shed(0), false, 'a single one would only change sides');
  });

  it('send a client that comes back on at once, for a while and so often at most, and nobody else', () => {
    const { clock, loads } = rig(10, 10, 10);
    loads.shed(0);
    const other = new FakeConnection(1, '10.0.0.2');
    loads.add(other);
    const again = Array.from({ length: PLACINGS_MAX + 1 }, () => new FakeConnection(1));
    for (const connection of again) loads.add(connection);
    assert.equal(other.drained, 0);
    assert.deepEqual(
      again.map(({ drained }) => drained),
      [...Array.from({ length: PLACINGS_MAX }, () => 1), 0],
    );

    const later = rig(10, 10, 10);
    later.loads.shed(0);
    later.clock.advance(PLACING_MS);
    const late = new FakeConnection(1);
    later.loads.add(late);
    assert.equal(late.drained, 0);
    assert.ok(clock.monotonicMs() > 0);
  });
});
