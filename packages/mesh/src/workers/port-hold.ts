import { createServer, type Server } from 'node:net';
import { MeshError } from '@modelmesh/core';
import { cannotListen } from '../sockets/index.ts';
import type { Place } from './messages.ts';

/** A port that this node alone may open at several sockets, until it is let go. */
export interface PortHold {
  release(): void;
}

/**
 * Makes sure that this node alone opens a port at which several sockets listen.
 *
 * With `reusePort` the system lets every program of the same user in, a second node too. So a node first takes a name that stands for the port,
 * an abstract unix socket, which one program at a time can have in the name space of networks that the port belongs to, and which ends with it
 * whatever ends it; then it opens the port once without sharing, which fails where any other program listens.
 *
 * @throws {MeshError} `failed-precondition` (port-taken)
 */
export async function holdPort({ host, port }: Place): Promise<PortHold> {
  const name = await takeName(host, port);
  try {
    const probe = createServer();
    await listening(probe, { host, port }, (error) => cannotListen(error, { host, port }));
    await new Promise<void>((resolve) => probe.close(() => resolve()));
  } catch (error) {
    name.close();
    throw error;
  }
  return { release: () => void name.close() };
}

/** Takes the name of a port that is open already: one that the system chose. @throws as {@link holdPort} */
export async function nameOpenPort({ host, port }: Place): Promise<PortHold> {
  const name = await takeName(host, port);
  return { release: () => void name.close() };
}

async function takeName(host: string, port: number): Promise<Server> {
  const name = createServer((socket) => void socket.destroy());
  await listening(name, { path: `\0model-mesh/port/${host}/${port}` }, (error) =>
    error.code === 'EADDRINUSE'
      ? cannotListen(error, { host, port })
      : new MeshError('failed-precondition', `port ${port} cannot be kept from other nodes: ${error.message}`, { cause: error }),
  );
  return name.unref();
}

function listening(
  server: Server,
  at: { readonly path: string } | Place,
  told: (error: NodeJS.ErrnoException) => MeshError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(told(error)));
    server.listen({ ...at }, () => resolve());
  });
}
