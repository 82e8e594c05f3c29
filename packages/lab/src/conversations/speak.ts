import { createServer, type Server } from 'node:net';
import type { Heard } from './heard.ts';
import type { Program } from './program.ts';

/** Serves one conversation on a connection. */
export interface ServerEnd {
  /** What it heard, once every call is over. */
  readonly heard: Promise<Heard>;
  close(): void;
}

/** Opens the calls of one conversation. */
export interface ClientEnd {
  readonly heard: Promise<Heard>;
  close(): void;
}

export type MakeServer = (server: Server, program: Program) => ServerEnd;
export type MakeClient = (port: number, program: Program) => ClientEnd;

/** Plays a program between two ends on the loopback; returns what the two heard. */
export async function converse(
  program: Program,
  makeClient: MakeClient,
  makeServer: MakeServer,
  /** Where the client connects instead of to `port`: whoever listens in. */
  through: (port: number) => Promise<number> = (port) => Promise.resolve(port),
): Promise<{ readonly client: Heard; readonly server: Heard }> {
  const listener = createServer();
  const served = makeServer(listener, program);
  const port = await listening(listener);
  const asking = makeClient(await through(port), program);
  try {
    const [client, server] = await Promise.all([asking.heard, served.heard]);
    return { client, server };
  } finally {
    asking.close();
    served.close();
    await new Promise<void>((resolve) => {
      listener.close(() => resolve());
    });
  }
}

/** The port on which `server` listens from now on. */
export function listening(server: Pick<Server, 'once' | 'listen' | 'address'>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

/** The field that tells which call of the program a request is. */
export const INDEX_FIELD = 'x-call';
