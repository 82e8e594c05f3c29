/** The door of the room: the first look at a mesh. */
export { type DemoOptions, runDemo } from './run-demo.ts';
