/** The door of the room: completion of the command line by shells. */
export { completionScript, SHELLS, type Shell } from './scripts.ts';
export { type CommandWords, commandWords } from './words.ts';
