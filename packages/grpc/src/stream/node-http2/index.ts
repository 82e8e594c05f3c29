/** The door of the adapter: the stream port on `node:http2`. */
export { createNodeHttp2Engine, type NodeHttp2EngineOptions } from './engine.ts';
