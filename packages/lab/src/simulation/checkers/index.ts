/** The door of the room: what must hold in every history. */
import { attempts } from './attempts.ts';
import { bookedWithinCapacity } from './booked-within-capacity.ts';
import type { Checker } from './checker.ts';
import { desiredCopies } from './desired-copies.ts';
import { everythingEnds } from './everything-ends.ts';
import { evictions } from './evictions.ts';
import { oneLoad } from './one-load.ts';
import { probe } from './probe.ts';
import { reachable } from './reachable.ts';
import { registryTrue } from './registry-true.ts';
import { removedPeers } from './removed-peers.ts';
import { rightAnswers } from './right-answers.ts';
import { tablesTrue } from './tables-true.ts';
import { trueStatus } from './true-status.ts';

/** All of them. */
export const CHECKERS: readonly Checker[] = [
  bookedWithinCapacity,
  oneLoad,
  reachable,
  probe,
  registryTrue,
  removedPeers,
  desiredCopies,
  evictions,
  trueStatus,
  rightAnswers,
  attempts,
  tablesTrue,
  everythingEnds,
];
export type { Checker, CheckerRun } from './checker.ts';
export { Knowledge } from './knowledge.ts';
export { PROBE, PROBE_DEADLINE_MS } from './probe.ts';
