/** The door of the room: seeded conversations over HTTP/2, spoken by either engine or by `node:http2` itself, and what is heard of them. */
export { comparable, type Heard, type HeardEnd, type HeardMessage } from './heard.ts';
export { type NodeEndOptions, nodeClient, nodeServer } from './node-ends.ts';
export { portClient, portServer } from './port-ends.ts';
export { type Call, makeProgram, type Program, type ProgramWishes } from './program.ts';
export { cut, join, type LooseFrame, type Said } from './raw-frames.ts';
export { type Recorded, recordConversation } from './record.ts';
export { type ClientEnd, converse, listening, type ServerEnd } from './speak.ts';
export { listenIn, type Tap } from './tap.ts';
