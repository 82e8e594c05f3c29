import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RewriteRoom, type RoomHolder } from './rewrite-room.ts';

/** Takes `wanted` bytes in steps as it finds room, then gives all back. */
class Call implements RoomHolder {
  readonly #room: RewriteRoom;
  readonly #step: number;
  #left: number;
  #held = 0;
  done = false;

  constructor(room: RewriteRoom, wanted: number, step: number) {
    this.#room = room;
    this.#left = wanted;
    this.#step = step;
  }

  onRoom(): void {
    if (this.done || this.#left === 0) return;
    const byteCount = Math.min(this.#step, this.#left);
    if (!this.#room.take(this, byteCount)) return;
    this.#left -= byteCount;
    this.#held += byteCount;
    if (this.#left > 0) return;
    this.done = true;
    this.#room.give(this, this.#held);
  }

  leaves(): void {
    this.done = true;
    this.#room.leave(this);
  }
}

describe('the room for messages that are rewritten', () => {
  it('lets those who wait go on when its bound is raised', () => {
    const room = new RewriteRoom(10);
    const inside: RoomHolder = { onRoom: () => {} };
    let told = 0;
    const waits: RoomHolder = { onRoom: () => (told += room.take(waits, 20) ? 1 : 0) };
    const ahead: RoomHolder = { onRoom: () => {} };
    assert.deepEqual([room.take(inside, 10), room.take(ahead, 5), room.take(waits, 20)], [true, true, false]);
    room.setMax(100);
    assert.deepEqual([told, room.used, room.waiting], [1, 35, 0]);
  });

  it('law: every call gets through, whatever the sizes and the order, and never more is held than the bound and one message', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 30 }), fc.array(fc.nat(), { maxLength: 200 }), (wanted, step, order) => {
        const room = new RewriteRoom(100);
        const calls = wanted.map((bytes) => new Call(room, bytes, step));
        const look = (): void => assert.ok(room.used <= 200 && room.used >= 0, `${room.used} bytes are held`);
        for (const at of order) {
          calls[at % calls.length]?.onRoom();
          look();
        }
        const rounds = wanted.reduce((sum, bytes) => sum + bytes, 1);
        for (let round = 0; round < rounds && !calls.every(({ done }) => done); round++) {
          for (const call of calls) {
            call.onRoom();
            look();
          }
        }
        assert.ok(calls.every(({ done }) => done));
        assert.deepEqual([room.used, room.waiting], [0, 0]);
      }),
    );
  });

  it('goes to those that wait when one leaves without a word', () => {
    const room = new RewriteRoom(100);
    const [first, second, third] = [new Call(room, 150, 90), new Call(room, 100, 50), new Call(room, 100, 100)];
    first.onRoom();
    second.onRoom();
    third.onRoom();
    assert.deepEqual([room.used, room.waiting], [140, 1], 'the second goes beyond the bound, the third has to wait');
    first.onRoom();
    assert.deepEqual([room.used, room.waiting], [140, 2]);
    second.onRoom();
    assert.ok(second.done && first.done && third.done, 'each lets the next one in');
    assert.deepEqual([room.used, room.waiting], [0, 0]);
    const [lost, late] = [new Call(room, 300, 150), new Call(room, 100, 100)];
    lost.onRoom();
    late.onRoom();
    assert.equal(late.done, false);
    lost.leaves();
    assert.ok(late.done);
    assert.deepEqual([room.used, room.waiting], [0, 0]);
  });

  it('is not kept from others by one that has taken nothing', () => {
    const room = new RewriteRoom(100);
    const [idle, busy] = [new Call(room, 1, 1), new Call(room, 250, 125)];
    assert.ok(room.take(idle, 0));
    busy.onRoom();
    busy.onRoom();
    assert.ok(busy.done);
  });

  it('has none for a message that grows beyond it while another one is beyond it', () => {
    const room = new RewriteRoom(10_000);
    const [first, second] = [new Call(room, 1, 1), new Call(room, 1, 1)];
    assert.ok(room.take(first, 10) && room.take(second, 10));
    assert.ok(room.resize(first, 10, 20_000));
    assert.equal(room.resize(second, 10, 20_000), false);
    assert.ok(room.resize(second, 10, 2000));
    room.leave(first);
    assert.equal(room.used, 2000);
    assert.ok(room.resize(second, 2000, 20_000));
  });
});
