import { MeshError } from '@modelmesh/core';
import type { ClientTls, ConnectTarget } from '@modelmesh/grpc/stream';

/** The port of a node that is not told otherwise. */
export const MESH_PORT_DEFAULT = 8033;

/** Where a mesh is reached: one port for gRPC and REST. */
export interface ServerAddress {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** As it stands in `:authority` and `Host`. */
  readonly authority: string;
}

/**
 * Reads `http://host:port`, `https://host:port`, or `host:port` for http; without a port it is {@link MESH_PORT_DEFAULT}.
 *
 * @throws {MeshError} `invalid-argument`
 */
export function parseServer(text: string): ServerAddress {
  const whole = /^https?:\/\//.test(text) ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || url.hostname === '' || (url.pathname !== '/' && url.pathname !== '') || url.search !== '') {
    const expected = 'http://host:port, https://host:port or host:port';
    throw new MeshError('invalid-argument', `server: got ${JSON.stringify(text)}, expected ${expected}`);
  }
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const port = url.port === '' ? portOf(whole) : Number(url.port);
  return { scheme, host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, authority: `${url.hostname}:${port}` };
}

/** A URL drops the port that its scheme implies: written down, it is meant. */
function portOf(whole: string): number {
  const written = /^https?:\/\/(?:\[[^\]]*\]|[^/:]*):(\d+)/.exec(whole)?.[1];
  return written === undefined ? MESH_PORT_DEFAULT : Number(written);
}

/** The same as a target of the stream engine. */
export const connectTargetOf = ({ scheme, host, port }: ServerAddress, tls: ClientTls): ConnectTarget =>
  scheme === 'https' ? { kind: 'tls', host, port, tls } : { kind: 'tcp', host, port };
