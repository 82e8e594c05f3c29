import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepBeyondTurn, POISON_BYTE, PoisonLedger } from './ownership.ts';

test('a small piece of a large buffer is copied before it is kept, a large piece is not', () => {
  const buffer = new Uint8Array(1000);
  const small = buffer.subarray(0, 249);
  const large = buffer.subarray(0, 250);
  assert.notEqual(keepBeyondTurn(small).buffer, buffer.buffer);
  assert.equal(keepBeyondTurn(large), large);
});

test('what a ledger will overwrite is copied before it is kept, whatever its size', () => {
  const ledger = new PoisonLedger();
  const delivered = ledger.deliver(Uint8Array.of(1, 2, 3));
  const kept = keepBeyondTurn(delivered);
  ledger.consumed(3);
  assert.deepEqual([...kept], [1, 2, 3]);
});

test('consumed bytes are overwritten, oldest first, and the others are left alone', () => {
  const ledger = new PoisonLedger();
  const first = ledger.deliver(Uint8Array.of(1, 2, 3));
  const second = ledger.deliver(Uint8Array.of(4, 5));
  ledger.consumed(2);
  assert.deepEqual([...first, ...second], [POISON_BYTE, POISON_BYTE, 3, 4, 5]);
  ledger.consumed(2);
  assert.deepEqual([...first, ...second], [POISON_BYTE, POISON_BYTE, POISON_BYTE, POISON_BYTE, 5]);
  ledger.consumed(100);
  assert.equal(second[1], POISON_BYTE);
});

test('delivered bytes are copies, so that poison never reaches a neighbour in the same buffer', () => {
  const original = Uint8Array.of(1, 2);
  const ledger = new PoisonLedger();
  ledger.deliver(original);
  ledger.consumed(2);
  assert.deepEqual([...original], [1, 2]);
});

test('bytes given away to be sent are overwritten for their former owner', () => {
  const bytes = Uint8Array.of(7, 8);
  const sent = new PoisonLedger().takeForSending(bytes);
  assert.deepEqual([...sent], [7, 8]);
  assert.deepEqual([...bytes], [POISON_BYTE, POISON_BYTE]);
});
