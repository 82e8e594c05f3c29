import { deflate, gzip, constants as zlib } from 'node:zlib';
import type { MeshError } from '@modelmesh/core';
import { HEADER, isVisibleAscii } from '@modelmesh/wire/headers';
import { errorBody, JSON_CONTENT_TYPE, type RestBody } from '@modelmesh/wire/oip';
import { retryAfterSeconds } from '@modelmesh/wire/status';
import type { HttpExchange } from './exchange/index.ts';
import { type Failure, failureOf } from './failure.ts';
import { CONTENT_CODINGS, type ContentCoding, negotiatedCoding } from './representation.ts';

/** Answers below this are not worth compressing: they fit in one packet. */
const COMPRESS_BYTES_MIN = 1024;

/** Content type and, where the client named its call, its `x-request-id`. */
export function headFields(exchange: HttpExchange, contentType: string): string[] {
  const fields = ['content-type', contentType];
  const requestId = exchange.headers.get(HEADER.requestId);
  if (requestId !== undefined && isVisibleAscii(requestId)) fields.push(HEADER.requestId, requestId);
  return fields;
}

/** Answers with JSON. */
export function respondJson(exchange: HttpExchange, status: number, body: Uint8Array): void {
  exchange.respond(status, headFields(exchange, JSON_CONTENT_TYPE), [body]);
}

/** Answers with `{"error": …}`, which every answer that is no success is; spec `kserve.md` §6.5, 22. */
export function respondFailure(exchange: HttpExchange, failure: Failure, more: readonly string[] = []): void {
  const fields = headFields(exchange, JSON_CONTENT_TYPE);
  const retryAfter = retryAfterSeconds(failure.retryAfterMs);
  if (retryAfter !== undefined) fields.push('retry-after', retryAfter);
  exchange.respond(failure.http, [...fields, ...more], [errorBody(failure.message)]);
}

/** As {@link respondFailure}, for an error of the mesh. */
export function respondError(exchange: HttpExchange, error: MeshError, more: readonly string[] = []): void {
  const own = error.kind === 'unsupported-encoding' ? ['accept-encoding', CONTENT_CODINGS] : [];
  respondFailure(exchange, failureOf(error), [...own, ...more]);
}

/**
 * Answers with a body of tensors, compressed if the client likes that. `Inference-Header-Content-Length` counts what was before compression
 * (spec `kserve.md` §6.5, 26).
 */
export function respondTensors(exchange: HttpExchange, body: RestBody, more: readonly string[] = []): void {
  const fields = [...headFields(exchange, body.contentType), ...more];
  if (body.headerLength !== undefined) fields.push('inference-header-content-length', String(body.headerLength));
  const coding = body.byteLength < COMPRESS_BYTES_MIN ? 'identity' : negotiatedCoding(exchange.headers);
  if (coding === 'identity') {
    exchange.respond(200, fields, body.chunks);
    return;
  }
  compress(coding, Buffer.concat(body.chunks, body.byteLength), (compressed) => {
    if (compressed === undefined) exchange.respond(200, fields, body.chunks);
    else exchange.respond(200, [...fields, 'content-encoding', coding, 'vary', 'accept-encoding, origin'], [compressed]);
  });
}

/** Compresses in the thread pool, fast rather than small; `undefined` if that fails. */
function compress(
  coding: Exclude<ContentCoding, 'identity'>,
  bytes: Uint8Array,
  done: (compressed: Uint8Array | undefined) => void,
): void {
  const told = (error: Error | null, result: Uint8Array): void => done(error === null ? result : undefined);
  if (coding === 'gzip') gzip(bytes, { level: zlib.Z_BEST_SPEED }, told);
  else deflate(bytes, { level: zlib.Z_BEST_SPEED }, told);
}
