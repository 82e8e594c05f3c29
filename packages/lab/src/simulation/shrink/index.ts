/** The door of the room: shorter scenarios that fail alike. */
export { type ShrinkBounds, shrink } from './shrink.ts';
