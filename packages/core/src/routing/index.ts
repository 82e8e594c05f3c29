/** The door of the room: what follows an attempt that failed. */
export type { AttemptHistory, AttemptTarget, CallFacts, EndedAttempt, Evidence, NextAttempt } from './attempt.ts';
