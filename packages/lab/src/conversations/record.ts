import { connect, createServer, type Socket } from 'node:net';
import { type NodeEndOptions, nodeClient, nodeServer } from './node-ends.ts';
import type { Program } from './program.ts';
import { converse, listening } from './speak.ts';

/** What two sides of `node:http2` said in a conversation, each in one piece. */
export interface Recorded {
  readonly program: Program;
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

/** Plays a program between a client and a server of `node:http2` and writes down every octet. */
export async function recordConversation(program: Program, options: NodeEndOptions = {}): Promise<Recorded> {
  const said: { readonly client: Buffer[]; readonly server: Buffer[] } = { client: [], server: [] };
  const sockets: Socket[] = [];
  const tap = createServer();
  const through = async (port: number): Promise<number> => {
    tap.on('connection', (near) => {
      const far = connect({ host: '127.0.0.1', port });
      sockets.push(near, far);
      pass(near, far, said.client);
      pass(far, near, said.server);
    });
    return listening(tap);
  };
  await converse(program, nodeClient(options), nodeServer(options), through);
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => {
    tap.close(() => resolve());
  });
  return { program, client: new Uint8Array(Buffer.concat(said.client)), server: new Uint8Array(Buffer.concat(said.server)) };
}

function pass(from: Socket, to: Socket, noted: Buffer[]): void {
  from.on('error', () => undefined);
  from.on('data', (bytes: Buffer) => {
    noted.push(Buffer.from(bytes));
    to.write(bytes);
  });
  from.on('end', () => to.end());
}
