import { MeshError } from '@modelmesh/core';
import type { HeaderReader } from '../headers/index.ts';

/** Says of a forwarded call what the receiving node must know; the same for all calls of one connection, so that it costs a byte. */
export const PEER_CALL_HEADER = 'mesh-call';
/** The endpoint through which a forwarded call entered the mesh; not there if it named its model. */
export const PEER_ENDPOINT_HEADER = 'mesh-endpoint';
/** `1`: nobody waits for the call. It is no use of the model, and a copy is loaded for it into memory that is free, or not at all. */
export const PEER_SHADOW_HEADER = 'mesh-shadow';

/** Nodes that a call may pass after the one that it entered. A forwarded call is never sent on: the limit guards against faults of ours. */
export const ROUTE_HOPS_MAX = 1;

/** What a call that was sent from node to node brings. Its model is in `mm-model-id`, its request id and traces in the caller's own fields. */
export interface PeerCall {
  /** Version of the protocol between nodes. */
  readonly protocol: number;
  /** What it may set off: a wait for a copy that is claimed, or a load. */
  readonly intent: 'copy' | 'load';
  /** Nodes that it passed, its entry first; the sender is the last. */
  readonly visited: readonly string[];
}

/** The endpoint, variant and revision that were chosen where a call entered, and are never chosen again. */
export interface PeerEndpoint {
  readonly id: string;
  readonly revision: number;
  readonly variant: string;
}

/** The value of {@link PEER_CALL_HEADER}. */
export function formatPeerCall({ protocol, intent, visited }: PeerCall): string {
  return `${protocol} ${intent} ${visited.length} ${visited.map(encodeURIComponent).join(',')}`;
}

/** Values that were read lately: all calls of one sender bring one of two. Emptied when it is full. */
const read = new Map<string, PeerCall>();
const READ_MAX = 4096;

const FORM = /^(\d{1,9}) (copy|load) (\d{1,3}) (\S{1,4096})$/;

/**
 * What {@link PEER_CALL_HEADER} says. All calls of one connection bring the same one or two values, which are taken apart once.
 *
 * @throws {MeshError} `failed-precondition` if it is not there or has another form
 */
export function parsePeerCall(value: string | undefined): PeerCall {
  const known = value === undefined ? undefined : read.get(value);
  if (known !== undefined || value === undefined) return known ?? refuse(value);
  const call = takeApart(value);
  if (read.size >= READ_MAX) read.clear();
  read.set(value, call);
  return call;
}

function refuse(value: string | undefined): never {
  throw malformed(value);
}

function takeApart(value: string): PeerCall {
  const [, protocol, intent, hops, names] = FORM.exec(value) ?? [];
  if (names === undefined || (intent !== 'copy' && intent !== 'load')) throw malformed(value);
  const visited = names.split(',').map(decoded);
  if (visited.length !== Number(hops)) throw malformed(value);
  return { protocol: Number(protocol), intent, visited };
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw malformed(name);
  }
}

function malformed(value: string | undefined): MeshError {
  const sentence = `this port is for calls between nodes, which bring ${PEER_CALL_HEADER}; got ${JSON.stringify(value ?? null)}`;
  return new MeshError('failed-precondition', sentence);
}

/** The value of {@link PEER_ENDPOINT_HEADER}. */
export function formatPeerEndpoint({ id, revision, variant }: PeerEndpoint): string {
  return `${encodeURIComponent(id)} ${revision} ${encodeURIComponent(variant)}`;
}

/** The endpoint that {@link PEER_ENDPOINT_HEADER} names; `undefined` without one, or where it is malformed: it decides nothing. */
export function readPeerEndpoint(headers: HeaderReader): PeerEndpoint | undefined {
  const [id, revision, variant] = headers.get(PEER_ENDPOINT_HEADER)?.split(' ') ?? [];
  if (id === undefined || variant === undefined || !/^\d{1,15}$/.test(revision ?? '')) return undefined;
  try {
    return { id: decodeURIComponent(id), revision: Number(revision), variant: decodeURIComponent(variant) };
  } catch {
    return undefined;
  }
}
