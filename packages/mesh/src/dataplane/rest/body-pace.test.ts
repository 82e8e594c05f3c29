import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { BODY_PACE_BYTES_MIN, BODY_PACE_WINDOW_MS, BodyPace } from './body-pace.ts';

function watched(): { clock: FakeClock; pace: BodyPace; send: (bytes: number) => void; slow: () => number; wheel: TimerWheel } {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  let arrived = 0;
  let slow = 0;
  const pace = new BodyPace(
    { clock, deadlines: wheel },
    () => arrived,
    () => {
      slow += 1;
    },
  );
  pace.start();
  return {
    clock,
    pace,
    wheel,
    send: (bytes) => {
      arrived += bytes;
    },
    slow: () => slow,
  };
}

const aWindow = durationMs(BODY_PACE_WINDOW_MS + 20);

it('a body that keeps coming is waited for, however long it is', () => {
  const { clock, send, slow } = watched();
  for (let stretch = 0; stretch < 5; stretch += 1) {
    send(BODY_PACE_BYTES_MIN);
    clock.advance(aWindow);
  }
  assert.equal(slow(), 0);
});

it('one that stops, or trickles, is given up once', () => {
  const { clock, send, slow } = watched();
  send(BODY_PACE_BYTES_MIN);
  clock.advance(aWindow);
  assert.equal(slow(), 0);
  send(BODY_PACE_BYTES_MIN - 1);
  clock.advance(aWindow);
  clock.advance(aWindow);
  assert.equal(slow(), 1);
});

it('one that is complete is not watched', () => {
  const { clock, pace, slow, wheel } = watched();
  pace.stop();
  clock.advance(aWindow);
  assert.deepEqual([slow(), wheel.count], [0, 0]);
});
