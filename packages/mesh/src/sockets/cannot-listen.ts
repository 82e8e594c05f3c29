import { MeshError } from '@modelmesh/core';

/** Where somebody wanted to listen. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly socketPath?: string;
}

/** Why a port or unix socket cannot be listened on, and what to do. */
export function cannotListen(error: NodeJS.ErrnoException, { host, port, socketPath }: Place): MeshError {
  const where = socketPath ?? `port ${port} of ${host}`;
  return new MeshError('failed-precondition', `cannot listen on ${where}: ${reasonOf(error, socketPath !== undefined)}`, {
    cause: error,
  });
}

function reasonOf(error: NodeJS.ErrnoException, isSocket: boolean): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return isSocket
        ? 'the file exists; remove it if no program uses it'
        : 'port-taken: another program has it; end that program, or choose another port';
    case 'EACCES':
      return 'permission denied; choose a port from 1024 on, or a folder that this user may write to';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address';
    default:
      return error.message;
  }
}
