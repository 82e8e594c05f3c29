import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeshError } from '@modelmesh/core';
import type { StreamLimitName } from '../limits.ts';
import type { EngineBounds, MakeEngine } from './engine-bounds.ts';
import { Pair } from './pair.ts';
import { Recorder } from './recorder.ts';

/** What may lie unconsumed over several streams, and that each limit which refuses or ends something is told. */
export function budgetContract(makeEngine: MakeEngine): void {
  test('a server refuses new streams when its budget is tight and resets the longest stalled when it is passed', async () => {
    const told: StreamLimitName[] = [];
    const bounds: EngineBounds = { connectionUnconsumedBytesMax: 150_000, onLimit: (limit) => told.push(limit) };
    await using pair = await Pair.over(makeEngine(bounds), { serverConsumes: 'never' });
    const heard = [new Recorder(), new Recorder(), new Recorder()];
    const streams = heard.map((recorder) => pair.open(recorder));
    const accepted = await Promise.all([0, 1, 2].map((index) => pair.nthAccepted(index)));
    const fill = async (index: number): Promise<void> => {
      streams[index]?.sendData(new Uint8Array(60_000), false);
      await accepted[index]?.heard.until(() => accepted[index]?.heard.receivedBytes === 60_000);
    };
    await fill(0);
    await fill(1);
    const refused = new Recorder();
    pair.open(refused);
    await refused.untilOver();
    assert.deepEqual(refused.cause, { kind: 'unprocessed', why: 'refused-stream' });
    await fill(2);
    await Promise.all([heard[0]?.untilOver(), accepted[0]?.heard.untilOver()]);
    assert.deepEqual(heard[0]?.cause, { kind: 'peer-reset', code: 11 });
    assert.equal(accepted[0]?.heard.cause?.kind, 'protocol-error');
    assert.equal(accepted[1]?.heard.over, false);
    assert.deepEqual(told, ['connectionUnconsumedBytesMax', 'connectionUnconsumedBytesMax']);
    for (const { stream, heard: server } of accepted) stream.consume(server.receivedBytes);
    pair.open(new Recorder(), true);
    assert.equal((await pair.nthAccepted(3)).end, true);
  });

  test('a full queue of streams is told', async () => {
    const told: StreamLimitName[] = [];
    await using pair = await Pair.over(makeEngine({ onLimit: (limit) => told.push(limit) }), {
      serverLimits: { streamsPerConnectionMax: 1 },
      clientLimits: { queuedStreamsMax: 1 },
    });
    pair.open(new Recorder());
    await pair.nthAccepted(0);
    pair.open(new Recorder());
    assert.throws(() => pair.open(new Recorder()), MeshError);
    assert.deepEqual(told, ['queuedStreamsMax']);
  });
}
