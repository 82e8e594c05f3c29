import { connect, createServer, type Socket } from 'node:net';

/** A port whose connections lead to another, with what the client sends passed on a byte at a time. */
export interface Trickle extends AsyncDisposable {
  readonly port: number;
}

/** Opens such a port before `port` of the loopback. */
export async function trickleTo(port: number): Promise<Trickle> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const node = connect({ host: '127.0.0.1', port, noDelay: true });
    for (const socket of [client, node]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (bytes: Buffer) => {
      client.pause();
      passOn(bytes, 0, node, () => client.resume());
    });
    client.on('end', () => node.end());
    node.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the port is not open');
  return {
    port: address.port,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Each byte is a write of its own in a turn of its own, so that the other side reads it alone. */
function passOn(bytes: Uint8Array, from: number, to: Socket, done: () => void): void {
  if (from === bytes.length || to.destroyed) done();
  else to.write(bytes.subarray(from, from + 1), () => setImmediate(() => passOn(bytes, from + 1, to, done)));
}
