/** The door of the room: far more models than fit, under traffic, with every answer and every byte checked. */
export { type Claim, claimsOf, LEDGER_DIFFERENCE_MAX, overcommitTable } from './claims.ts';
export { type CopyLives, copyLives } from './copy-lives.ts';
export { type FleetModel, type FleetPlan, makeFleet, type Question } from './fleet.ts';
export { bookedBytes } from './memory-watch.ts';
export { FULL_PLAN, type OvercommitFigures, type OvercommitPlan, runOvercommit, SHORT_PLAN } from './overcommit.ts';
export { grpcQuestion, httpQuestion } from './traffic.ts';
