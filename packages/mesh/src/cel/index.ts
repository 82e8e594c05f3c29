/** The door of the room: a CEL library behind the port of `core/traffic/rules`. */
export { createCelEngine } from './cel-js-engine.ts';
