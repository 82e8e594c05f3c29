/** The door of the room: records as property tests draw them. Never part of a shipped package. */
export { anyPolicy, anySlots } from './any-policy.ts';
