import { connect as connectSocket, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { assertNever } from '@modelmesh/core';
import type { ConnectTarget } from './port.ts';

/** A socket that connects to `target`; what is written meanwhile waits. */
export function dial(target: ConnectTarget): Socket {
  switch (target.kind) {
    case 'unix':
      return connectSocket({ path: target.path });
    case 'tcp':
      return connectSocket({ host: target.host, port: target.port });
    case 'tls': {
      const { ca, cert, key, serverName, anyName = false } = target.tls;
      return connectTls({
        host: target.host,
        port: target.port,
        ALPNProtocols: ['h2'],
        ...(ca === undefined ? {} : { ca: [...ca] }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(serverName === undefined ? {} : { servername: serverName }),
        ...(anyName && ca !== undefined ? { checkServerIdentity: () => undefined, allowPartialTrustChain: true } : {}),
      });
    }
    default:
      return assertNever(target);
  }
}

/** How messages name a target. */
export function describeTarget(target: ConnectTarget): string {
  return target.kind === 'unix' ? `unix:${target.path}` : `${target.host}:${target.port}`;
}
