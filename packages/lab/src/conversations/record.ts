import { type NodeEndOptions, nodeClient, nodeServer } from './node-ends.ts';
import type { Program } from './program.ts';
import { converse } from './speak.ts';
import { listenIn, type Tap } from './tap.ts';

/** What two sides of `node:http2` said in a conversation, each in one piece. */
export interface Recorded {
  readonly program: Program;
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

/** Plays a program between a client and a server of `node:http2` and writes down every octet. */
export async function recordConversation(program: Program, options: NodeEndOptions = {}): Promise<Recorded> {
  let tap: Tap | undefined;
  await converse(program, nodeClient(options), nodeServer(options), async (port) => {
    tap = await listenIn({ host: '127.0.0.1', port });
    return tap.port;
  });
  const said = tap?.connections[0];
  await tap?.[Symbol.asyncDispose]();
  if (said === undefined) throw new Error('nobody has connected');
  return { program, client: new Uint8Array(Buffer.concat(said.client)), server: new Uint8Array(Buffer.concat(said.server)) };
}
