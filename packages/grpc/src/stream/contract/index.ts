/** The door of the contract: what every engine of the stream port must do. */
import { describe } from 'node:test';
import { budgetContract } from './budget.ts';
import { endingsContract } from './endings.ts';
import type { MakeEngine } from './engine-bounds.ts';
import { flowContract } from './flow.ts';
import { limitsContract } from './limits.ts';
import { oneSegmentContract } from './one-segment.ts';
import { orderContract } from './order.ts';

export { listen, Pair, requestHeaders, roundTrip } from './pair.ts';
export { RawPeer } from './raw-peer.ts';
export { Recorder } from './recorder.ts';

/** Declares the contract's tests for an engine; `makeEngine` is called for each. */
export function streamContract(name: string, makeEngine: MakeEngine): void {
  describe(`${name} keeps the stream contract`, () => {
    describe('order', () => orderContract(makeEngine));
    describe('endings', () => endingsContract(makeEngine));
    describe('flow control', () => flowContract(makeEngine));
    describe('one segment', () => oneSegmentContract(makeEngine));
    describe('budget', () => budgetContract(makeEngine));
    describe('limits', () => limitsContract(makeEngine));
  });
}
