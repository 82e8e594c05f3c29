import type { ClientTls } from '@modelmesh/grpc/stream';

/** One member of an etcd cluster. */
export interface EtcdEndpoint {
  readonly host: string;
  readonly port: number;
}

/** Who the node is to an etcd with authentication. */
export interface EtcdUser {
  readonly name: string;
  /** Asked before each sign-in, so that a changed password file counts without a restart. @throws {MeshError} where it cannot be read */
  password(): string;
}

/** Which etcd, and how to reach it. */
export interface EtcdPlace {
  /** At least one; tried in their order. */
  readonly endpoints: readonly EtcdEndpoint[];
  /** Put before every key; may be empty. The adapter keeps its own keys below it too. */
  readonly rootPrefix: string;
  /** Asked before each connection; absent: no TLS. @throws {MeshError} where a file cannot be read */
  readonly tls?: () => ClientTls;
  readonly user?: EtcdUser;
  /** The host that requests name, where it is not the endpoint's. */
  readonly authority?: string;
}

/** How messages name a member. */
export const endpointText = ({ host, port }: EtcdEndpoint): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
