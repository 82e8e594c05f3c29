import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs, instanceId } from '../units.ts';
import { choiceText } from './index.ts';

it('a choice among copies names them in their order, and one without others says so', () => {
  const copy = (name: string, inFlight: number) => ({
    instance: instanceId(name),
    inFlight,
    latencyMs: durationMs(2),
    cost: inFlight + 1,
    settled: true,
  });
  assert.equal(
    choiceText({ because: 'it costs less', considered: [copy('n1', 0), copy('n2', 3)] }),
    'chose n1 (0 in flight, 2.0 ms, cost 1.0) before n2 (3 in flight, 2.0 ms, cost 4.0): it costs less',
  );
  assert.equal(choiceText({ because: 'no other', considered: [] }), 'took the copy that there is: no other');
});
