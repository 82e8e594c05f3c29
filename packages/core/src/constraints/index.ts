/** The door of the room: which instances may hold models of a type, and which should. */
export { CONSTRAINED_TYPES_MAX, type ConstraintsResult, parseConstraints, RULE_LABELS_MAX } from './parse-constraints.ts';
export { DEFAULT_TYPE, type LabelStanding, NO_CONSTRAINTS, TypeConstraints, type TypeRule } from './type-constraints.ts';
