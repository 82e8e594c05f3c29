/** A server that generates text word by word, for tests of streaming. */
export { StreamTextServer } from './stream-text-server.ts';
