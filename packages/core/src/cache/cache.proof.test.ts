/** The laws of `cache.laws.test.ts` over many more histories. */

import { test } from 'node:test';
import { everyHistoryComesToRest, honestSizesStayWithinCapacity } from './testing/index.ts';

test('law: ten thousand histories come to rest with every waiter woken and the books in order', () => {
  everyHistoryComesToRest(10_000);
});

test('law: in ten thousand histories of honest sizes the booking never exceeds the capacity', () => {
  honestSizesStayWithinCapacity(10_000);
});
