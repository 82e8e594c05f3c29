import type { ModelKey } from '@modelmesh/core';
import { type HeaderBlock, headerBlock } from '@modelmesh/grpc/stream';
import { HEADER, isStrippedTowardsRuntime, runtimeIdHeaders } from '@modelmesh/wire/headers';

/** Fields that a compressed or typed gRPC message cannot do without, though their like is kept from the runtime. */
const CARRIED = new Set(['content-type', HEADER.grpcEncoding, HEADER.grpcAcceptEncoding] as string[]);

/** A block without what says which compressed answers can be read: for calls whose answers the node itself takes apart. */
export const forPlainAnswer = (block: HeaderBlock): HeaderBlock => block.without((name) => name === HEADER.grpcAcceptEncoding);

/**
 * The header block of a client's call as the runtime gets it: the client's metadata as it came, without what is the mesh's or the
 * transport's, and the model's key (spec `modelmesh.md` §2.2).
 */
export function runtimeHeaders(client: HeaderBlock, model: ModelKey): HeaderBlock {
  const fields = [
    ':method',
    'POST',
    ':scheme',
    'http',
    ':path',
    client.get(':path') ?? '/',
    ':authority',
    'localhost',
    'te',
    'trailers',
  ];
  const raw = client.raw();
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? '';
    if (!isStrippedTowardsRuntime(name) || CARRIED.has(name)) fields.push(name, raw[at + 1] ?? '');
  }
  fields.push(...runtimeIdHeaders(model));
  return headerBlock(fields);
}
