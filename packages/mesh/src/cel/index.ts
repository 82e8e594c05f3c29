/** The door of the room: a CEL library behind the port of `core/traffic/rules`. */
export { type CelEngineOptions, createCelEngine } from './cel-js-engine.ts';
