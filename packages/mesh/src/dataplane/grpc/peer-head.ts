import { type DurationMs, endpointId, type InstanceId, MeshError, type ModelKey, modelKey } from '@modelmesh/core';
import { type MessageEncoding, parseEncoding } from '@modelmesh/grpc/compression';
import { type HeaderBlock, headerRecipe } from '@modelmesh/grpc/stream';
import { HEADER, isInternalHeader, parseGrpcTimeout, requireTarget } from '@modelmesh/wire/headers';
import {
  PEER_CALL_HEADER,
  PEER_PROTOCOL,
  PEER_SHADOW_HEADER,
  type PeerCall,
  parsePeerCall,
  ROUTE_HOPS_MAX,
  readLogFields,
  readPeerEndpoint,
} from '@modelmesh/wire/peer';
import type { ChosenEndpoint } from '../../link/index.ts';
import type { CallLog, CallOrigin } from '../call/index.ts';
import { refuseReserved } from './reserved-services.ts';

/** What belongs to the hop between two nodes alone. */
const NEXT_HOP = headerRecipe({ drops: (name) => name === HEADER.grpcTimeout || isInternalHeader(name) });

/** What the header block of a call between nodes says. Read once a block, however often the block comes. */
export class PeerHead implements CallOrigin, CallLog {
  readonly call: PeerCall;
  /** Full method, `package.Service/Method`. */
  readonly method: string;
  readonly model: ModelKey;
  /** The endpoint through which the call entered the mesh; the choice was made there, and nothing here may make it again. */
  readonly endpoint: ChosenEndpoint | null;
  /** Of the deadline that the caller named; `undefined`: it named none. */
  readonly timeoutMs: DurationMs | undefined;
  /** Of the request's messages. */
  readonly encoding: MessageEncoding;
  /** Nobody waits for the call: it is no use of its model. */
  readonly shadow: boolean;
  /** What is logged of the headers of the client's call. */
  readonly fields: CallLog['fields'];
  readonly forwarded = true;
  readonly #headers: HeaderBlock;

  private constructor(headers: HeaderBlock, self: InstanceId) {
    this.#headers = headers;
    this.call = readCall(headers, self);
    const path = headers.get(':path') ?? '';
    refuseReserved(path);
    this.method = path.slice(1);
    const timeout = headers.get(HEADER.grpcTimeout);
    this.timeoutMs = timeout === undefined ? undefined : parseGrpcTimeout(timeout);
    this.model = modelKey(headers.get(HEADER.modelId) ?? requireTarget(headers).ids[0] ?? '');
    this.endpoint = endpointOf(headers);
    this.encoding = parseEncoding(headers.get(HEADER.grpcEncoding));
    this.fields = readLogFields(headers);
    this.shadow = headers.get(PEER_SHADOW_HEADER) === '1';
  }

  /** @throws {MeshError} `failed-precondition` for a call that no node sends, and for a head that no client may send */
  static of(headers: HeaderBlock, self: InstanceId): PeerHead {
    if (headers.note instanceof PeerHead) return headers.note;
    const head = new PeerHead(headers, self);
    headers.note = head;
    return head;
  }

  get requestId(): string | null {
    return this.#headers.get(HEADER.requestId) ?? null;
  }

  /** The block as the runtime gets it. */
  get forRuntime(): HeaderBlock {
    return this.#headers.derive(NEXT_HOP);
  }
}

function readCall(headers: HeaderBlock, self: InstanceId): PeerCall {
  const call = parsePeerCall(headers.get(PEER_CALL_HEADER));
  const { protocol, visited } = call;
  if (protocol < PEER_PROTOCOL.min || protocol > PEER_PROTOCOL.max) {
    const sentence = `this node speaks versions ${PEER_PROTOCOL.min} to ${PEER_PROTOCOL.max} of the protocol between nodes, not ${protocol}`;
    throw new MeshError('failed-precondition', sentence);
  }
  if (visited.length > ROUTE_HOPS_MAX || visited.includes(self)) {
    const sentence = `the call passed ${visited.join(', ')} before it came here; at most ${ROUTE_HOPS_MAX} node comes before (ROUTE_HOPS_MAX)`;
    throw new MeshError('failed-precondition', sentence);
  }
  return call;
}

function endpointOf(headers: HeaderBlock): ChosenEndpoint | null {
  const endpoint = readPeerEndpoint(headers);
  if (endpoint === undefined) return null;
  const { revision, variant } = endpoint;
  return { id: endpointId(endpoint.id), revision, variant };
}
