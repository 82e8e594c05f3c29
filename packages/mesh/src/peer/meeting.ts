import { type Clock, type DurationMs, durationMs, epochMs, instanceId, MeshError } from '@modelmesh/core';
import type { GrpcClient } from '@modelmesh/grpc/call';
import { commonProtocol, type Node, Peer } from '@modelmesh/wire/peer';
import type { MetPeer, PeerAddress, PeerHello } from './port.ts';

/** A node's hello without the instant at which it is said. */
export type Introduction = Omit<PeerHello, 'wallMs'>;

/** Features of a hello beyond this many are not read. */
export const FEATURES_MAX = 64;

/** A hello in the form that travels. */
export function helloMessage(self: Introduction, clock: Clock) {
  const { protocol, cluster, instance, incarnation, features } = self;
  const wallMs = clock.wallMs();
  return {
    protocolMin: protocol.min,
    protocolMax: protocol.max,
    cluster,
    instance,
    incarnation,
    features: [...features],
    wallMs,
  };
}

/** What a hello says. @throws {MeshError} `failed-precondition` if it is none */
export function readHello(node: Node | undefined): PeerHello {
  if (node === undefined || node.instance === '' || node.instance.includes(',') || !Number.isFinite(node.wallMs)) {
    throw new MeshError('failed-precondition', 'the other side does not say hello as nodes of Model Mesh do');
  }
  return {
    protocol: { min: node.protocolMin, max: node.protocolMax },
    cluster: node.cluster,
    instance: instanceId(node.instance),
    incarnation: node.incarnation,
    features: node.features.slice(0, FEATURES_MAX),
    wallMs: epochMs(node.wallMs),
  };
}

/**
 * Whether two nodes may work together; the highest version that both speak.
 *
 * @throws {MeshError} `failed-precondition` if they belong to different meshes or speak no common version
 */
export function agree(self: Introduction, other: PeerHello): number {
  if (other.cluster !== self.cluster) {
    const sentence = `${other.instance} belongs to the mesh ${JSON.stringify(other.cluster)}, this node to ${JSON.stringify(self.cluster)}`;
    throw new MeshError('failed-precondition', sentence);
  }
  const protocol = commonProtocol(self.protocol, other.protocol);
  if (protocol !== undefined) return protocol;
  const [theirs, ours] = [other.protocol, self.protocol].map(({ min, max }) => `${min} to ${max}`);
  throw new MeshError(
    'failed-precondition',
    `${other.instance} speaks versions ${theirs} of the protocol between nodes, this node ${ours}`,
  );
}

/** @throws {MeshError} `unavailable` if `other` is not the life of the instance that `peer` names */
export function requireThat(peer: PeerAddress, other: PeerHello): void {
  const isOther = other.instance !== peer.instance || (peer.incarnation !== null && other.incarnation !== peer.incarnation);
  if (!isOther) return;
  const [wanted, met] = [peer, other].map(({ instance, incarnation }) => `${instance} (${incarnation ?? 'any life'})`);
  throw new MeshError('unavailable', `at ${peer.address} answers ${met}, not ${wanted}`);
}

/**
 * Says hello to the other side of a connection.
 *
 * @throws {MeshError} as {@link agree} and {@link requireThat}; `unavailable` and `deadline-exceeded` as the client of gRPC
 */
export async function greet(
  client: GrpcClient,
  self: Introduction,
  peer: PeerAddress,
  { clock, timeoutMs, signal }: { readonly clock: Clock; readonly timeoutMs: DurationMs; readonly signal?: AbortSignal },
): Promise<MetPeer> {
  const sentAtMs = clock.monotonicMs();
  const wallAtMs = clock.wallMs();
  const options = { timeoutMs, ...(signal === undefined ? {} : { signal }) };
  const answer = await client.unary(Peer.method.hello, { self: helloMessage(self, clock) }, options);
  const roundTripMs = durationMs(clock.monotonicMs() - sentAtMs);
  const hello = readHello(answer.self);
  const protocol = agree(self, hello);
  requireThat(peer, hello);
  return { hello, protocol, skewMs: hello.wallMs - (wallAtMs + roundTripMs / 2), roundTripMs };
}

/** Host and port of an address such as `10.0.0.1:8034` or `[::1]:8034`. @throws {MeshError} `unavailable` if it is none */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.slice(at + 1));
  if (at < 1 || host === '' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new MeshError('unavailable', `${JSON.stringify(address)} is no address of a node: host:port is expected`);
  }
  return { host, port };
}
