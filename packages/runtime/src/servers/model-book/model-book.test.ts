import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import { kindOf } from '../contract.ts';
import { LOADS_MAX, ModelBook } from './index.ts';

const request = (modelId: string, modelPath = 'p') => ({ modelId, modelType: '', modelPath, modelKey: '' });
const never = new AbortController().signal;

/** A book whose loads and unloads end when the test says so, and that checks what must never happen. */
function steppedBook() {
  const waiting: (() => void)[] = [];
  const present = new Set<string>();
  const turn = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  const book = new ModelBook<string>({
    load: async ({ modelId }, signal) => {
      await turn();
      if (signal.aborted) throw signal.reason;
      assert.ok(!present.has(modelId), 'a model is never loaded twice');
      present.add(modelId);
      return modelId;
    },
    unload: async (modelId) => {
      await turn();
      assert.ok(present.delete(modelId), 'only what is loaded is unloaded');
    },
  });
  return { book, present, waiting, step: (pick: number) => waiting.splice(pick % Math.max(1, waiting.length), 1)[0]?.() };
}

describe('the model book', () => {
  it('refuses more loads than it may have, and takes them again when there is room', async () => {
    const { book, waiting } = steppedBook();
    const loads = Array.from({ length: LOADS_MAX }, (_, i) => book.load(request(`m${i}`), never));

    assert.equal(await kindOf(() => book.load(request('one more'), never)), 'overloaded');

    for (const end of waiting.splice(0)) end();
    await Promise.all(loads);
    const more = book.load(request('one more'), never);
    for (const end of waiting.splice(0)) end();
    assert.equal(await more, 'one more');
  });

  it('forgets a model that was lost, so that it can be loaded again', async () => {
    const { book, present, step } = steppedBook();
    const first = book.load(request('m'), never);
    step(0);
    await first;

    present.clear();
    book.lost('m');
    const second = book.load(request('m', 'elsewhere'), never);
    step(0);

    assert.equal(await second, 'm');
  });

  it('always settles every promise and ends with what the last command said, whatever the order of events', async () => {
    const command = fc.record({
      kind: fc.constantFrom('load' as const, 'cancel' as const, 'unload' as const, 'step' as const),
      model: fc.constantFrom('a', 'b'),
      pick: fc.nat(7),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const { book, present, waiting, step } = steppedBook();
        const promises: Promise<unknown>[] = [];
        const aborts: AbortController[] = [];
        for (const { kind, model, pick } of commands) {
          if (kind === 'load') {
            const abort = new AbortController();
            aborts.push(abort);
            promises.push(
              book.load(request(model), abort.signal).catch((error: unknown) => assert.ok(error instanceof MeshError)),
            );
          } else if (kind === 'cancel') aborts[pick % Math.max(1, aborts.length)]?.abort(new MeshError('cancelled', 'left'));
          else if (kind === 'unload') promises.push(book.unload(model));
          else step(pick);
          await Promise.resolve();
        }
        const unloads = ['a', 'b'].map((model) => book.unload(model));
        const all = Promise.all([...promises, ...unloads]);
        for (let i = 0; i < 500; i++) {
          for (const end of waiting.splice(0)) end();
          await Promise.resolve();
        }
        await all;
        for (const model of present) assert.equal(book.loaded(model), model, 'what is present is known');
        assert.deepEqual([...present].sort(), [...book.loadedIds()].sort());
      }),
      { numRuns: 200 },
    );
  });
});
