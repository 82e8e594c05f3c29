import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Allowance, exceptionOf, type Failure, type MadeCall, Tally } from './outcome.ts';

const NOTHING: Allowance = { endsInPeace: false, entryMayBeLost: false, registryMayBeAway: false, cutOffEntry: undefined };
const UNARY: MadeCall = { kind: 'unary', toCold: false };
const COLD: MadeCall = { kind: 'rest', toCold: true };
const ENTRY = '10.0.0.1:8033';
const said = (text: string, entry = ENTRY): Failure => ({ isConnection: false, text, entry });
const DROPPED: Failure = { isConnection: true, text: 'UNAVAILABLE: Connection dropped', entry: ENTRY };
const NO_REGISTRY = said(
  'UNAVAILABLE: the registry cannot be reached, and a model without a copy is not loaded until it is back (no member of etcd can be used)',
);
const LOST = 'UNAVAILABLE: the connection was lost during the call (1 attempt, the last on n1); not repeated: ';

describe('a failure is excepted', () => {
  it('by the rules of repetition alone, each for the calls that it is about', () => {
    const never = said(`${LOST}the call says mm-retry: never and may have been executed`);
    const stream = said(`${LOST}the request is too long, or a stream, and was not kept`);
    const begun = said(`${LOST}a part of the answer was already sent to the caller`);
    assert.equal(exceptionOf({ ...UNARY, kind: 'never' }, never, NOTHING), 'retry: never');
    assert.equal(exceptionOf({ ...UNARY, kind: 'stream' }, stream, NOTHING), 'not replayable');
    assert.equal(exceptionOf(UNARY, begun, NOTHING), 'a response had begun');
    const peace = { ...NOTHING, endsInPeace: true };
    assert.equal(exceptionOf({ ...UNARY, kind: 'never' }, never, peace), undefined, 'where nodes end in peace none is lost');
    for (const failure of [never, stream, said(`${LOST}there is no other copy or instance to try`), said('INTERNAL: boom')])
      assert.equal(exceptionOf(UNARY, failure, NOTHING), undefined, failure.text);
  });

  it('by what the scenario takes away, and by nothing else that the text says', () => {
    assert.equal(exceptionOf(UNARY, DROPPED, NOTHING), undefined);
    assert.equal(exceptionOf(UNARY, DROPPED, { ...NOTHING, entryMayBeLost: true }), 'entry lost');
    const away = { ...NOTHING, registryMayBeAway: true };
    assert.equal(exceptionOf(COLD, NO_REGISTRY, NOTHING), undefined);
    assert.equal(exceptionOf(COLD, NO_REGISTRY, away), 'first call without registry');
    assert.equal(exceptionOf(UNARY, NO_REGISTRY, away), undefined, 'a model that has a copy is served without the registry');
    const apart = { ...away, cutOffEntry: ENTRY };
    assert.equal(exceptionOf(UNARY, NO_REGISTRY, apart), 'no copy within reach');
    assert.equal(exceptionOf(UNARY, said(NO_REGISTRY.text, '10.0.0.2:8033'), apart), undefined, 'the others reach the copies');
  });
});

it('counts every call once, and failures of the same sentence together, whatever model and port they name', () => {
  const tally = new Tally();
  tally.answered('unary', 1);
  tally.failed(UNARY, DROPPED, { ...NOTHING, entryMayBeLost: true });
  for (const model of ['one-1', 'cold-2-17', 'one-12']) tally.failed(UNARY, said(`INTERNAL: ${model} at 127.0.0.1:80`), NOTHING);
  assert.deepEqual([...tally.excepted], [['entry lost', 1]]);
  assert.deepEqual(
    [...tally.unexpected],
    [
      ['unary: INTERNAL: one-N at NODE', 2],
      ['unary: INTERNAL: cold-N at NODE', 1],
    ],
  );
  assert.deepEqual([tally.calls, tally.unexpectedCount], [5, 3]);
});
