import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { MeshError, toMeshError } from '@modelmesh/core';
import { UNIX_PATH_BYTES_MAX } from '@modelmesh/grpc/listen';

/**
 * Makes the path of a unix socket free: a socket that a dead process left behind is removed, anything else is in the way.
 *
 * @throws {MeshError} `invalid-argument` if the path is too long, `failed-precondition` if somebody listens there or it is no socket.
 */
export async function freeSocketPath(path: string): Promise<void> {
  const length = Buffer.byteLength(path);
  if (length > UNIX_PATH_BYTES_MAX) {
    throw new MeshError(
      'invalid-argument',
      `the socket path ${path} has ${length} bytes; the limit is ${UNIX_PATH_BYTES_MAX}, choose a shorter folder`,
    );
  }
  const facts = await lstat(path).catch(() => undefined);
  if (facts === undefined) return;
  if (!facts.isSocket()) throw new MeshError('failed-precondition', `${path} exists and is not a socket; it is left alone`);
  if (await isServed(path)) throw new MeshError('failed-precondition', `another process listens on ${path}`);
  await unlink(path).catch((error: unknown) => {
    throw toMeshError(error);
  });
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
