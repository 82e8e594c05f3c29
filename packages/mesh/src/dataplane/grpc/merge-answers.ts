import { MeshError } from '@modelmesh/core';
import { framePrefix } from '@modelmesh/grpc/framing';
import { type HeaderBlock, headerBlock } from '@modelmesh/grpc/stream';
import { isTransportHeader } from '@modelmesh/wire/headers';
import { PUSH_BYTES_MAX } from '../call/index.ts';
import type { PartAnswer } from './part-call.ts';

/** The most bytes of names and values that the headers, or the trailers, of all answers together may have. */
export const MERGED_FIELDS_BYTES_MAX = 65_536;

/** One answer made of several. */
export interface MergedAnswer {
  readonly headers: HeaderBlock;
  /** The framed message, in pieces that may be sent one by one. */
  readonly pieces: readonly Uint8Array[];
  readonly trailers: HeaderBlock;
}

/**
 * Makes one answer of several, in their order: the bytes of the messages one behind the other, which is what protobuf understands as their merge,
 * and all their headers and trailers (spec `modelmesh.md` §2.4).
 *
 * @throws {MeshError} `too-large` if the messages are larger than `messageBytesMax` together, or the fields than {@link MERGED_FIELDS_BYTES_MAX}
 */
export function mergeAnswers(answers: readonly PartAnswer[], messageBytesMax: number): MergedAnswer {
  const byteLength = answers.reduce((sum, { message }) => sum + message.length, 0);
  if (byteLength > messageBytesMax) throw tooLargeTogether(messageBytesMax);
  const pieces = [framePrefix(byteLength, false)];
  for (const { message } of answers) {
    for (let at = 0; at < message.length; at += PUSH_BYTES_MAX) pieces.push(message.subarray(at, at + PUSH_BYTES_MAX));
  }
  return {
    headers: mergeFields(answers.map(({ headers }) => headers)),
    pieces,
    trailers: mergeFields(answers.map(({ trailers }) => trailers)),
  };
}

/** The refusal of answers that are larger together than one message may be. */
export const tooLargeTogether = (messageBytesMax: number): MeshError =>
  new MeshError('too-large', `the answers are above the limit of ${messageBytesMax} bytes together (messageBytesMax)`);

/** The fields of the first block, and of the others those that are neither the transport's nor gRPC's. */
function mergeFields(blocks: readonly HeaderBlock[]): HeaderBlock {
  const fields: string[] = [];
  let bytes = 0;
  for (const [index, block] of blocks.entries()) {
    const raw = block.raw();
    for (let at = 0; at < raw.length; at += 2) {
      const [name = '', value = ''] = [raw[at], raw[at + 1]];
      // The merged message is never compressed, whatever the runtime said of its own.
      if (name === 'grpc-encoding' || (index > 0 && (isTransportHeader(name) || name.startsWith('grpc-')))) continue;
      bytes += name.length + value.length;
      fields.push(name, value);
    }
  }
  if (bytes > MERGED_FIELDS_BYTES_MAX) {
    const sentence = `the headers of the answers are above the limit of ${MERGED_FIELDS_BYTES_MAX} bytes together`;
    throw new MeshError('too-large', sentence);
  }
  return headerBlock(fields);
}
