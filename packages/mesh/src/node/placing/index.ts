/** The door of the room: where a model goes, where its copies are, and whom a call is sent to. */
export { abortable } from './abortable.ts';
export { callDecision, choiceDecision } from './call-decision.ts';
export { fillDecision, placementDecision, scaleDecision } from './cluster-decisions.ts';
export { CopyMap, LOAD_TRIES_MAX } from './copy-map.ts';
export { Locating } from './locating.ts';
export { PlacementDesk } from './placement-desk.ts';
export { Placing, type SeenTo } from './placing.ts';
