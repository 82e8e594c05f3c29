/** The door of the room: many first calls at once for one cold model. */
export { BEYOND_LOAD_MAX, type BurstClaim, burstTable, coldClaims, OTHER_P99_MAX, stalledClaims } from './claims.ts';
export { COLD_BURST, type ColdBurstFigures, type ColdBurstPlan, coldBurstThrough, runColdBurst } from './cold-burst.ts';
export { echoRequest, loadNull, loadsOf, registerNull, startNullNode } from './null-node.ts';
export { runStalledBurst, STALLED_BURST, type StalledBurstFigures, type StalledBurstPlan } from './stalled-burst.ts';
