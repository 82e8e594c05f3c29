/** The door of the room's helpers for suites: a node whose calls have shadows. */
export { ENDPOINT, INFER, type LiveEnd, MirrorRig, mirrorTo } from './mirror-rig.ts';
export { type Behaviour, ScoringRuntime, scores } from './scoring-runtime.ts';
