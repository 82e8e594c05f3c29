import type { MeshError } from '@modelmesh/core';
import { ACCEPTED_ENCODINGS } from '../compression/index.ts';
import { type ByteStream, headerBlock, RESET_CODE, type RefuseStream, type StreamHandler } from '../stream/index.ts';
import { isGrpcContentType } from './content-type.ts';
import { trailersOfError } from './status-error.ts';

/** Hears out a stream that was answered already: takes what still comes and does nothing. */
const ANSWERED: StreamHandler = {
  onHeaders: () => undefined,
  onData: (stream, bytes) => stream.consume(bytes.byteLength),
  onTrailers: () => undefined,
  onReset: () => undefined,
  onWritable: () => undefined,
  onClosed: () => undefined,
};

/** Answers a stream of which nothing was sent yet with the one block of `fields`, and returns the handler for the rest of it. */
export function answerHead(stream: ByteStream, fields: readonly string[], requestEnded: boolean): StreamHandler {
  stream.sendHeaders(headerBlock(fields), true);
  if (!requestEnded) stream.reset(RESET_CODE.noError);
  return ANSWERED;
}

/**
 * Answers a gRPC stream of which nothing was sent yet with an error, as one trailers-only block, and returns the handler for the rest of
 * it. `requestEnded`: the request's last byte has come.
 */
export function refuseCall(stream: ByteStream, error: MeshError, requestEnded: boolean): StreamHandler {
  const fields = [':status', '200', 'content-type', 'application/grpc', 'grpc-accept-encoding', ACCEPTED_ENCODINGS];
  return answerHead(stream, [...fields, ...trailersOfError(error)], requestEnded);
}

/** Answers a stream that is no gRPC with a bare HTTP status. */
export function refuseHttp(stream: ByteStream, status: number, requestEnded: boolean): StreamHandler {
  return answerHead(stream, [':status', String(status), 'content-length', '0'], requestEnded);
}

/** Answers a stream whose header list is over the limit: a gRPC call with RESOURCE_EXHAUSTED and the sentence, any other with 431. */
export const refuseHeaders: RefuseStream = (stream, headers, end, error) =>
  isGrpcContentType(headers.get('content-type')) ? refuseCall(stream, error, end) : refuseHttp(stream, 431, end);
