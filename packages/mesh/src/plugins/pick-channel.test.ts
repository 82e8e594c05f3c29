import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allocateChannel, PickAsker, QUESTION_BYTES_MAX } from './pick-channel.ts';

describe('a question to a strategy', () => {
  it('is given up when no answer comes in time, and nobody is asked again before that one is over', () => {
    const asker = new PickAsker(allocateChannel());
    assert.equal(asker.isBusy, false);
    assert.deepEqual(asker.ask('{}', 1), { kind: 'late' });
    assert.equal(asker.isBusy, true);
  });

  it('that is too long is not asked', () => {
    const asker = new PickAsker(allocateChannel());
    assert.deepEqual(asker.ask('x'.repeat(QUESTION_BYTES_MAX + 1), 1000), { kind: 'too-large' });
    for (const character of ['é', '€', '🜚'])
      assert.deepEqual(asker.ask(character.repeat(QUESTION_BYTES_MAX), 1000), { kind: 'too-large' }, character);
    assert.equal(asker.isBusy, false);
  });
});
