/** The door of the room: the command line described. */
export { cliReference } from './cli-reference.ts';
