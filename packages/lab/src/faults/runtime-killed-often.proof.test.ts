import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NodeProcess } from '../node-process/index.ts';
import { askGrpc, askRest, type Outcome } from './asking.ts';
import { eventually, within } from './eventually.ts';
import { applyModel, ROW, writeModel } from './generated-models.ts';
import { LONG_GRACE, leavesAtOnce } from './nothing-lost.ts';
import { countOf, killRuntime } from './runtime-life.ts';

const ANSWER_MS = 30_000;
/** A life that ends soon makes the next pause longer, up to five seconds. */
const KILLS = 5;

describe('a runtime that is killed again and again under traffic, while copies are unloaded', () => {
  it('costs no call more than an UNAVAILABLE with a reason, and leaves none in flight', { timeout: 180_000 }, async () => {
    await using node = await NodeProcess.start({ flags: { ...LONG_GRACE, 'runtime-workers': '1' } });
    const file = writeModel(node.folder, 'model', 1);
    const answer = { kind: 'answer', values: file.answer(ROW) };
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await applyModel(node, name, { storage: { uri: file.uri } });
    let going = true;
    const ended: Outcome[] = [];
    const clients = names.flatMap((name) =>
      [askGrpc, askRest].map(async (ask) => {
        while (going) ended.push(await within(ANSWER_MS, `a call of ${name}`, ask(node, name)));
      }),
    );
    for (let kill = 0; kill < KILLS; kill++) {
      const lives = countOf(node, 'runtime-ready');
      await killRuntime(node);
      await eventually('another life', ANSWER_MS, () => (countOf(node, 'runtime-ready') > lives ? true : undefined));
      const answers = ended.length;
      await eventually('calls go on', ANSWER_MS, () => (ended.length > answers + 40 ? true : undefined));
      for (const name of names)
        await (await fetch(`${node.url}/v2/repository/models/${name}/unload`, { method: 'POST' })).arrayBuffer();
    }
    going = false;
    await Promise.all(clients);
    const wrong = ended.filter((outcome) => {
      if (outcome.kind === 'answer') return JSON.stringify(outcome) !== JSON.stringify(answer);
      return (
        !['UNAVAILABLE', '503'].includes(outcome.code) || !/not repeated: |unloaded while it was loading/.test(outcome.message)
      );
    });
    assert.deepEqual(wrong, []);
    for (const name of names) {
      assert.deepEqual(await askGrpc(node, name), answer);
      await leavesAtOnce(node, name);
    }
  });
});
