import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';
import { listening } from './speak.ts';

/** Listens in on connections. */
export interface Tap extends AsyncDisposable {
  /** Where whoever is listened to connects on the loopback. */
  readonly port: number;
  /** What either side has said, connection by connection, in the order in which they were made. */
  readonly connections: readonly { readonly client: readonly Buffer[]; readonly server: readonly Buffer[] }[];
}

/** Passes connections on to `target` and writes down every octet. */
export async function listenIn(target: NetConnectOpts): Promise<Tap> {
  const sockets: Socket[] = [];
  const connections: { readonly client: Buffer[]; readonly server: Buffer[] }[] = [];
  const server = createServer((near) => {
    const said = { client: [], server: [] };
    connections.push(said);
    const far = connect(target);
    sockets.push(near, far);
    pass(near, far, said.client);
    pass(far, near, said.server);
  });
  const port = await listening(server);
  return {
    port,
    connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function pass(from: Socket, to: Socket, noted: Buffer[]): void {
  from.on('error', () => undefined);
  from.on('data', (bytes: Buffer) => {
    noted.push(Buffer.from(bytes));
    to.write(bytes);
  });
  from.on('end', () => to.end());
}
