import { MeshError } from '@modelmesh/core';

/** How the bytes of a message may be compressed; `deflate` is the zlib format (RFC 1950), as gRPC means it. */
export type MessageEncoding = 'identity' | 'gzip' | 'deflate';

const ENCODINGS: ReadonlySet<string> = new Set<MessageEncoding>(['identity', 'gzip', 'deflate']);
const isEncoding = (word: string): word is MessageEncoding => ENCODINGS.has(word);

/** The value of `grpc-accept-encoding` that names every encoding we read. */
export const ACCEPTED_ENCODINGS = 'identity,gzip,deflate';

/**
 * The encoding that a `grpc-encoding` header names; identity without one.
 *
 * @throws {MeshError} `unsupported-encoding` for any other: the answer then carries {@link ACCEPTED_ENCODINGS}.
 */
export function parseEncoding(header: string | undefined): MessageEncoding {
  if (header === undefined) return 'identity';
  if (isEncoding(header)) return header;
  throw new MeshError(
    'unsupported-encoding',
    `grpc-encoding ${JSON.stringify(header)} is not supported, expected one of ${ACCEPTED_ENCODINGS}`,
  );
}

/** Whether a peer that sent this `grpc-accept-encoding` reads `encoding`; everyone reads identity. */
export function accepts(header: string | undefined, encoding: MessageEncoding): boolean {
  if (encoding === 'identity') return true;
  return header?.split(',').some((word) => word.trim() === encoding) === true;
}
