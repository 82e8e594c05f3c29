/** The laws of `cache.laws.test.ts` over many more histories. */

import { test } from 'node:test';
import { CACHE_POLICY_NAMES } from './index.ts';
import { everyHistoryComesToRest, honestSizesStayWithinCapacity, smallSurprisesStayWithinCapacity } from './testing/index.ts';

/** Histories for each seed, of which `MESH_SEEDS` says how many there are. */
const HISTORIES = 2500 * Number(process.env.MESH_SEEDS ?? 4);

for (const policy of CACHE_POLICY_NAMES) {
  test(`law, ${policy}: ${HISTORIES} histories come to rest with every waiter woken and the books in order`, () => {
    everyHistoryComesToRest(HISTORIES, policy);
  });

  test(`law, ${policy}: in ${HISTORIES} histories of honest sizes the booking never exceeds the capacity`, () => {
    honestSizesStayWithinCapacity(HISTORIES, policy);
  });

  test(`law, ${policy}: in ${HISTORIES} histories of small surprises the booking never exceeds the capacity`, () => {
    smallSurprisesStayWithinCapacity(HISTORIES, policy);
  });
}
