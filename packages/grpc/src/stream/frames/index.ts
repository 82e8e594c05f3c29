/** The door of the room: the stream port on frames of our own. */
export { createFrameEngine, type FrameEngineOptions } from './engine.ts';
