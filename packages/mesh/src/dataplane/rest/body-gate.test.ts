import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { BodyGate, type BodyGateWaiter } from './body-gate.ts';
import { echo, errorOf, overBoth } from './testing/index.ts';

class Waiter implements BodyGateWaiter {
  readonly told: string[];
  readonly name: string;
  constructor(name: string, told: string[]) {
    this.name = name;
    this.told = told;
  }
  onBodyRoom(): void {
    this.told.push(this.name);
  }
}

it('bodies go in while there is room, then in the order of their arrival', () => {
  const gate = new BodyGate({ bytesMax: 10, waitersMax: 10 });
  const told: string[] = [];
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => new Waiter(name, told));
  assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
  assert.deepEqual([gate.enter(6, a), gate.enter(6, b), gate.enter(1, c), gate.enter(9, d)], [true, false, false, false]);
  gate.leave(6);
  assert.deepEqual(told, ['b', 'c']);
  assert.deepEqual([gate.inside, gate.waiting], [7, 1]);
  gate.giveUp(d);
  gate.leave(7);
  assert.deepEqual([gate.inside, gate.waiting, told.length], [0, 0, 2]);
});

it('a body larger than the gate goes in alone', () => {
  const gate = new BodyGate({ bytesMax: 10, waitersMax: 10 });
  const told: string[] = [];
  assert.equal(gate.enter(1, new Waiter('small', told)), true);
  assert.equal(gate.enter(50, new Waiter('huge', told)), false);
  gate.leave(1);
  assert.deepEqual([told, gate.inside], [['huge'], 50]);
});

it('no more wait than the limit says', () => {
  const gate = new BodyGate({ bytesMax: 1, waitersMax: 2 });
  for (const name of ['in', 'first', 'second']) gate.enter(1, new Waiter(name, []));
  assert.throws(() => gate.enter(1, new Waiter('third', [])), /2 large bodies wait already/);
});

it('whoever gives up at the head lets those behind it in', () => {
  const gate = new BodyGate({ bytesMax: 10, waitersMax: 10 });
  const told: string[] = [];
  gate.enter(5, new Waiter('in', told));
  const head = new Waiter('head', told);
  gate.enter(8, head);
  gate.enter(2, new Waiter('behind', told));
  gate.giveUp(head);
  assert.deepEqual(told, ['behind']);
});

it('what is inside never exceeds the bound but for one body, and everyone is let in at last', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 30 }), (sizes) => {
      const gate = new BodyGate({ bytesMax: 15, waitersMax: 100 });
      const within: number[] = [];
      for (const size of sizes) {
        if (gate.enter(size, { onBodyRoom: () => within.push(size) })) within.push(size);
        assert.ok(gate.inside <= 15 || within.length === 1);
      }
      let served = 0;
      for (let size = within.shift(); size !== undefined; size = within.shift()) {
        gate.leave(size);
        served += 1;
        assert.equal(
          within.reduce((sum, one) => sum + one, 0),
          gate.inside,
        );
      }
      assert.deepEqual([served, gate.inside, gate.waiting], [sizes.length, 0, 0]);
    }),
  );
});

const MIB = 1024 * 1024;

overBoth(
  'many large bodies',
  { largeBodiesBytesMax: 2 * MIB, heldBytesMax: 5 * MIB },
  (rig) => rig.model('m', { cold: true, behaviour: { inputs: [], infer: echo } }),
  (on) => {
    const parameters = { binary_data_size: MIB };
    const inputs = [{ name: 'x', datatype: 'UINT8', shape: [MIB], parameters }];
    const json = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }));
    const body = Buffer.concat([json, Buffer.alloc(MIB, 1)]);
    const headers = { 'inference-header-content-length': String(json.length) };

    it('are answered one after the other within the bound, instead of being refused', async () => {
      const answers = await Promise.all(Array.from({ length: 24 }, () => on.post('/v2/models/m/infer', body, headers)));
      assert.deepEqual(
        answers.map(({ status }) => status),
        Array(24).fill(200),
      );
      assert.equal(on.rig.located.length, 1);
      await on.rig.released();
    });

    it('wait no longer than their deadline', async () => {
      const slow = { ...headers, 'null-delay': '5000' };
      const first = on.rig.client.start(on.version, { method: 'POST', path: '/v2/models/m/infer', headers: slow, body });
      const second = on.rig.client.start(on.version, { method: 'POST', path: '/v2/models/m/infer', headers: slow, body });
      for (const { answer } of [first, second]) answer.catch(() => undefined);
      const seen = on.rig.runtime.seen.length;
      while (on.rig.runtime.seen.length < seen + 1) await on.rig.settled();
      const third = await on.post('/v2/models/m/infer', body, { ...headers, 'mm-timeout-ms': '50' });
      assert.match(errorOf(third, 504), /while the body waited for its turn/);
      first.abort();
      second.abort();
      assert.equal((await on.post('/v2/models/m/infer', body, headers)).status, 200);
      await on.rig.released();
    });
  },
);
